"""What the reviewers' pages send: what a list is narrowed to, a remark, a decision."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotations.choices import Kind


class AnswersFilter(forms.Form):
    """What the list shows. An address that says nothing sensible shows everything."""

    kind = forms.ChoiceField(
        required=False, label=_("Show"), choices=[(Kind.RANK, _("Rankings")), (Kind.DEMONSTRATE, _("Written answers"))]
    )
    labeler = forms.CharField(required=False, max_length=20, label=_("Labeler"))
    mark = forms.ChoiceField(
        required=False,
        label=_("With"),
        choices=[
            ("", _("anything")),
            ("flagged", _("a flag")),
            ("hurried", _("hurried")),
            ("unsure", _("unsure")),
            ("noted", _("a note")),
            ("late", _("late")),
            ("remarked", _("a remark")),
        ],
    )
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def narrowed_to(self) -> dict[str, Any]:
        """What stands there and makes sense."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class RemarkForm(forms.Form):
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    text = forms.CharField(required=False, strip=True)


class DecisionForm(forms.Form):
    kind = forms.ChoiceField(choices=[(Kind.RANK, ""), (Kind.DEMONSTRATE, "")])
    about = forms.UUIDField()
    do = forms.ChoiceField(choices=[("ask_again", ""), ("retire", "")])
