"""What accounts' pages send, turned into clean values."""

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts import api_tokens
from accounts.models import Role, Scope, User
from accounts.permissions import is_told

LONGEST_CONSENT = 20_000


def zones() -> list[tuple[str, str]]:
    """Every time zone that a person or a project may live in."""
    return [(name, name.replace("_", " ")) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones)
    avoids_sensitive = forms.BooleanField(
        required=False,
        label=_("Give me no sensitive questions"),
        help_text=_(
            "Some questions are about violence, abuse, self-harm or hate, or lead to texts about them. "
            "With this you never get one to rank or to answer. Nobody asks why, and you can change it at any time."
        ),
    )

    email = forms.EmailField(
        required=False,
        max_length=254,
        label=_("Address for mail"),
        help_text=_("A mail tells you when a round waits, stops or ends. Leave it empty to get none."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta:
        model = User
        fields = ["language", "time_zone", "avoids_sensitive", "email"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.SENDS_MAIL or not is_told(self.instance):
            del self.fields["email"]


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=api_tokens.LONGEST_NAME,
        label=_("Name"),
        help_text=_("What the program is, so that you know it again."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        error_messages={"required": _("Choose what the token is for.")},
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        coerce=int,
        initial=90,
        label=_("It lasts"),
        choices=[(7, _("a week")), (30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    )

    def __init__(self, *args: Any, scopes: Iterable[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(scope.value, scope.label) for scope in scopes]


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, initial=Role.LABELER)


class AcceptForm(forms.Form):
    version = forms.IntegerField(min_value=1)


class ConsentForm(forms.Form):
    # The version that its author saw; another author's version in between is not overwritten unseen.
    after = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    text = forms.CharField(
        required=False,
        max_length=LONGEST_CONSENT,
        label=_("What a labeler accepts"),
        help_text=_(
            "Say what is kept, who sees it, what is published, and how to withdraw. Labelers are asked again after "
            "every change. Leave it empty to ask nothing."
        ),
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        return text.replace("\r\n", "\n").replace("\0", "").strip()
