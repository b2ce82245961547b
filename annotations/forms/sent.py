"""What every answer is sent with."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from annotations.choices import SkipReason

LONGEST_MAKING = 20_000


class SentOnce(forms.Form):
    """A form with a submission key, and with a record of how it was made that can never stop anybody."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    making = forms.CharField(required=False, widget=forms.HiddenInput)
    # The newest revision that the page knew: nothing is written over what its author has not seen.
    base = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def begin(self, *, revision: int, typed: Mapping[str, Sequence[str]]) -> None:
        """Open over `revision`, with what was typed before and not sent. What was sent just now wins over both."""
        if self.is_bound:
            return
        self.initial["base"] = revision
        for name in typed.keys() & self.fields.keys():
            many = isinstance(self.fields[name], forms.MultipleChoiceField)
            self.initial[name] = list(typed[name]) if many else "".join(typed[name][:1])

    def said(self) -> dict[str, str]:
        """What stands in the fields, by their labels, as a person reads it."""
        return {label_of(self[name]): _in_words(self[name]) for name in self.fields if not self[name].is_hidden}

    def clean_making(self) -> dict[str, Any]:
        text = self.cleaned_data["making"]
        try:
            made = json.loads(text) if len(text) <= LONGEST_MAKING else None
            kept = json.dumps(made, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            return {}
        # PostgreSQL holds no NUL character.
        return made if isinstance(made, dict) and b"\\u0000" not in kept else {}


class SkipForm(forms.Form):
    reason = forms.ChoiceField(choices=SkipReason.choices)


def label_of(field: forms.BoundField) -> str:
    """Say what a field is about: `rating-a` is the rating of A."""
    kind, _dash, letter = field.name.partition("-")
    labels = {
        ("order", False): _("Your order"),
        ("note", False): _("Note"),
        ("note", True): _("Note on %(letter)s"),
        ("flags", False): _("Flags"),
        ("flags", True): _("Flags for %(letter)s"),
        ("rating", True): _("Rating of %(letter)s"),
    }
    return labels.get((kind, bool(letter)), str(field.label)) % {"letter": letter.upper()}


def _in_words(field: forms.BoundField) -> str:
    value = field.value()
    if isinstance(value, bool):
        return _("yes") if value else ""
    values = value if isinstance(value, list | tuple) else [value]
    words = {str(key): str(label) for key, label in getattr(field.field, "choices", [])}
    return ", ".join(words.get(str(one), str(one)) for one in values if one not in (None, ""))
