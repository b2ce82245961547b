"""The part of a ranking's form that corrects the best completion: it comes with the ranking, or not at all."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from annotations.correction import Correction, tidied
from annotations.order import Order, OrderError, parse_order
from annotations.queries.desk import Card, SlatePage, current_demonstration


class CorrectionForm(forms.Form):
    """A text, and the letter of the completion that it began as; no letter: the best one's."""

    correction = forms.CharField(
        label=gettext_lazy("The best answer, corrected by you"), required=False, strip=False, widget=forms.Textarea
    )
    corrected = forms.CharField(required=False, max_length=1, widget=forms.HiddenInput)

    cards: list[Card]

    def given_correction(self) -> Correction | None:
        """What to keep beside the ranking; None where the page did not ask."""
        if "correction" not in self.data:
            return None
        text = tidied(self.cleaned_data["correction"])
        card = self._card(self.cleaned_data["corrected"]) or self._card(best_of(self.cleaned_data["order"]))
        return Correction(completion=card.completion if card else None, text=text)

    def take_best(self) -> None:
        """Put the text of the best completion into the field, for who cannot have it put there by a script."""
        try:
            card = self._card(best_of(self.typed_order()))
        except OrderError:
            return
        if card:
            changed: Any = self.data
            self.data = changed = changed.copy()
            changed["correction"], changed["corrected"] = card.text, card.letter

    def typed_order(self) -> Order:
        """The order as far as it was made. Raises `OrderError`."""
        return parse_order(self.data.get("order", ""), [card.letter for card in self.cards])

    def _card(self, letter: str) -> Card | None:
        return next((card for card in self.cards if letter and card.letter == letter), None)


def best_of(order: Order) -> str:
    """The letter in the first tier; of several, the one that was placed first."""
    return order.tiers[0][0] if order.tiers else ""


def correction_before(page: SlatePage) -> dict[str, Any]:
    """The fields of the current correction, so that revising shows it as it was."""
    # What nobody ranked, nobody corrected.
    before = current_demonstration(page.assignment) if page.ranking else None
    if before is None or before.origin is None:
        return {}
    letters = {card.completion: card.letter for card in page.cards}
    return {"correction": before.messages[0]["content"], "corrected": letters.get(before.origin.public_id, "")}
