"""What a labeler's list of their own work is narrowed to."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotations.choices import Kind
from rounds.queries.my_work import Narrowed


class WorkFilter(forms.Form):
    """An address that says nothing sensible shows everything that was answered."""

    kind = forms.ChoiceField(
        required=False,
        label=_("Show"),
        choices=[("", _("everything")), (Kind.RANK, _("rankings")), (Kind.DEMONSTRATE, _("written answers"))],
    )
    state = forms.ChoiceField(
        required=False,
        label=_("That is"),
        choices=[
            ("", _("answered")),
            ("late", _("answered late")),
            ("skipped", _("skipped")),
            ("given_back", _("given back")),
        ],
    )
    remarked = forms.BooleanField(required=False, label=_("with a remark"))
    after = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def narrowed(self) -> Narrowed:
        self.is_valid()
        given = self.cleaned_data
        return Narrowed(given.get("kind", ""), given.get("state", ""), bool(given.get("remarked")))
