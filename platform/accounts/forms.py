"""What accounts' pages send, turned into clean values."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User

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

    class Meta:
        model = User
        fields = ["language", "time_zone", "avoids_sensitive"]


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
