"""What a reviewer fills in when a candidate is approved."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rounds.forms import NoteForm
from rounds.services.deployments import WHOLE


class ApproveForm(NoteForm):
    """A note, and how many of a hundred prompts the candidate answers; left out: all of them."""

    share = forms.IntegerField(
        label=_("Of 100 prompts, it answers"),
        min_value=1,
        max_value=WHOLE,
        required=False,
        initial=WHOLE,
        widget=forms.NumberInput(attrs={"class": "input share", "inputmode": "numeric"}),
    )

    def chosen(self) -> dict[str, Any]:
        """Note and share, as `rounds.approve` takes them."""
        return {"note": self.cleaned_data["note"], "share": self.cleaned_data["share"] or WHOLE}
