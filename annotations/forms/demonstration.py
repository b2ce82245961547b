"""What the page of a demonstration sends."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from annotations.forms.sent import SentOnce
from annotations.models import Messages

_MOST_TURNS = 20


class DemonstrationForm(SentOnce):
    """Turns by position: the assistant's first, then user and assistant in turn, the assistant's last."""

    def __init__(self, data: Any = None, *, turns: Sequence[str] = ("",)) -> None:
        super().__init__(data)
        self.turns = list(turns) if data is None else data.getlist("content")[:_MOST_TURNS] or [""]
        if len(self.turns) % 2 == 0:
            self.turns.append("")

    def begin(self, *, revision: int, typed: Mapping[str, Sequence[str]]) -> None:
        super().begin(revision=revision, typed=typed)
        if not self.is_bound and typed.get("content"):
            self.turns = list(typed["content"])[:_MOST_TURNS]

    def said(self) -> dict[str, str]:
        return {_("Turn %(n)d") % {"n": at}: text for at, text in enumerate(self.turns, start=1)}

    def clean(self) -> None:
        if not all(turn.strip() for turn in self.turns):
            raise forms.ValidationError(_("A turn is still empty."), code="empty")

    def go_on(self) -> None:
        if len(self.turns) + 2 <= _MOST_TURNS:
            self.turns += ["", ""]

    def take_back(self) -> None:
        self.turns = self.turns[:-2] or self.turns

    def messages(self) -> Messages:
        roles = ["assistant", "user"]
        texts = [turn.replace("\r\n", "\n").strip() for turn in self.turns]
        return [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
