"""What the page of a demonstration sends."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _

from annotations.correction import tidied
from annotations.forms.sent import SentOnce
from annotations.invisible import without
from annotations.models import Assignment, Demonstration, Messages
from annotations.queries.writing import handle_of, started_from

MOST_TURNS = 20


class DemonstrationForm(SentOnce):
    """Turns by position: the assistant's first, then user and assistant in turn, the assistant's last."""

    # Names the completion that the first turn was written from; empty where it began as an empty page.
    origin = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    start_refused = False

    def __init__(self, data: Any = None, *, assignment: Assignment, before: Demonstration | None = None) -> None:
        super().__init__(data, initial={"origin": handle_of(assignment, before.origin if before else None)})
        self.assignment = assignment
        self.turns = _turns_before(before) if data is None else data.getlist("content")[:MOST_TURNS] or [""]

    def clean_origin(self) -> UUID | None:
        if not (handle := self.cleaned_data["origin"]):
            return None
        if completion := started_from(self.assignment, handle):
            return completion.public_id
        raise forms.ValidationError(_("The answer that you started from is not one of these."), code="origin")

    def begin(self, *, revision: int, typed: Mapping[str, Sequence[str]]) -> None:
        super().begin(revision=revision, typed=typed)
        if not self.is_bound and typed.get("content"):
            self.turns = list(typed["content"])[:MOST_TURNS]

    def said(self) -> dict[str, str]:
        return {_("Turn %(n)d") % {"n": at}: text for at, text in enumerate(self.turns, start=1)}

    def clean(self) -> None:
        if not all(turn.strip() for turn in self.turns):
            raise forms.ValidationError(_("A turn is still empty."), code="empty")
        if self.ends_with_user:
            raise forms.ValidationError(_("The last turn is the user's. Answer it, or take it back."), code="open")

    @property
    def ends_with_user(self) -> bool:
        return len(self.turns) % 2 == 0

    @property
    def may_go_on(self) -> bool:
        return len(self.turns) < MOST_TURNS

    def go_on(self) -> None:
        """One more turn, of whoever did not speak last."""
        if self.may_go_on:
            self.turns.append("")

    def take_back(self) -> None:
        self.turns = self.turns[:-1] or self.turns

    def tidy(self) -> None:
        """Take out what nobody sees."""
        self.turns = [without(turn) for turn in self.turns]

    def may_start(self) -> bool:
        """Whether starting from a completion loses nothing: the first turn is empty, or one that was only started."""
        first = tidied(self.turns[0])
        begun = started_from(self.assignment, self["origin"].value() or "")
        return not first or bool(begun and tidied(begun.text) == first)

    def start(self) -> None:
        """Begin the first turn with the completion that was chosen, or anew with none; never over a person's words."""
        self.start_refused = not self.may_start()
        if self.start_refused:
            return
        chosen = started_from(self.assignment, self.data["start"])
        self.turns[0] = chosen.text if chosen else ""
        changed: Any = self.data
        self.data = changed = changed.copy()
        changed["origin"] = handle_of(self.assignment, chosen)

    def messages(self) -> Messages:
        roles = ["assistant", "user"]
        return [{"role": roles[at % 2], "content": tidied(turn)} for at, turn in enumerate(self.turns)]


def _turns_before(before: Demonstration | None) -> list[str]:
    return [turn["content"] for turn in before.messages] if before else [""]
