"""What the page of two completions sends: how much better one of them is, and whether both are bad."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotations.forms.ranking import RankingForm
from annotations.order import Order
from annotations.queries.desk import SlatePage

# From "the left one is far better" to "the right one is": the points of `Ranking.strength`.
STEPS = {
    -3: gettext_lazy("A is much better"),
    -2: gettext_lazy("A is better"),
    -1: gettext_lazy("A is slightly better"),
    0: gettext_lazy("About the same"),
    1: gettext_lazy("B is slightly better"),
    2: gettext_lazy("B is better"),
    3: gettext_lazy("B is much better"),
}
# What an order alone says, where nobody asked how much better: the plain "better".
_PLAIN = 2


class PairForm(RankingForm):
    """The order follows from the step, so the two can never contradict each other."""

    strength = forms.TypedChoiceField(
        label=gettext_lazy("Which is better"), required=False, coerce=int, empty_value=None, choices=STEPS.items()
    )
    both_bad = forms.BooleanField(label=gettext_lazy("Both bad"), required=False)

    def __init__(self, data: Any = None, *, page: SlatePage) -> None:
        super().__init__(data, page=page)
        both_bad = bool(page.ranking and page.ranking.cut == 0)
        self.initial = {**self.initial, "strength": _strength_before(page), "both_bad": both_bad}
        for asked_of_more in ("order", "compared", "rating-a", "rating-b"):
            self.fields.pop(asked_of_more, None)

    def clean(self) -> None:
        strength, both_bad = self.cleaned_data.get("strength"), self.cleaned_data.get("both_bad")
        if strength is None and not both_bad and not self.errors:
            raise forms.ValidationError(_("Nothing is chosen yet."), code="missing")
        # Acceptable is what stands above the line: where both are bad, nothing does.
        self.cleaned_data["order"] = Order(_TIERS[_sign(strength or 0)], 0 if both_bad else None)

    def typed_order(self) -> Order:
        chosen = [step for step in STEPS if str(step) == self.data.get("strength")]
        return Order(_TIERS[_sign(chosen[0])] if chosen else ())

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"strength": self.cleaned_data["strength"]}

    def steps(self) -> list[dict[str, Any]]:
        """The seven steps for the template: what is sent, the key, the words, and whether it was chosen."""
        chosen = str(self["strength"].value())
        return [
            {"value": value, "key": value + 4, "words": words, "chosen": chosen == str(value)}
            for value, words in STEPS.items()
        ]


_TIERS = {-1: (("a",), ("b",)), 0: (("a", "b"),), 1: (("b",), ("a",))}


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def ranking_form(data: Any = None, *, page: SlatePage) -> RankingForm:
    """Return the form that goes with the number of completions."""
    return (PairForm if is_pair(page) else RankingForm)(data, page=page)


def is_pair(page: SlatePage) -> bool:
    return len(page.cards) == len("ab")


def _strength_before(page: SlatePage) -> int | None:
    if page.ranking is None or page.ranking.strength is not None:
        return page.ranking.strength if page.ranking else None
    left, right = (page.placements[card.completion].tier for card in page.cards[:2])
    if left is None or right is None or (left == right and page.ranking.cut == 0):
        return None
    return _PLAIN * _sign(left - right)
