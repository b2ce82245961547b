"""What every answer is sent with."""

import json
import uuid
from typing import Any

from django import forms

from annotations.choices import SkipReason

LONGEST_MAKING = 20_000


class SentOnce(forms.Form):
    """A form with a submission key, and with a record of how it was made that can never stop anybody."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    making = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_making(self) -> dict[str, Any]:
        text = self.cleaned_data["making"]
        try:
            made = json.loads(text) if len(text) <= LONGEST_MAKING else None
        except ValueError:
            return {}
        return made if isinstance(made, dict) else {}


class SkipForm(forms.Form):
    reason = forms.ChoiceField(choices=SkipReason.choices)
