"""What operators fill in: how a round is to run, and why they decide as they do."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rounds import presets
from rounds.models import Round

MOST_SEED = 2**31 - 1
LONGEST_NOTE = 500
SFT_CHOICES = {"auto": None, "yes": True, "no": False}


def _presets() -> list[tuple[str, str]]:
    return [(name, name) for name in presets.names()]


class StartForm(forms.Form):
    """The choices of a round."""

    preset = forms.ChoiceField(label=_("Preset"), choices=_presets, initial=presets.DEFAULT)
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=MOST_SEED,
        required=False,
        help_text=_("Empty: the round's number."),
    )
    sft = forms.ChoiceField(
        label=_("Imitate demonstrations (SFT)"),
        choices=[
            ("auto", _("when there are new demonstrations")),
            ("yes", _("yes")),
            ("no", _("no")),
        ],
    )
    approve = forms.ChoiceField(
        label=_("Approval"),
        choices=[("person", _("a person looks first")), ("rule", _("by rule, when every gate passes"))],
    )

    def choices(self) -> dict[str, Any]:
        """The choices as a round keeps them."""
        return {**self.cleaned_data, "sft": SFT_CHOICES[self.cleaned_data["sft"]]}


class RetryForm(forms.Form):
    """With which preset a stopped round goes on. Held back by a gate, the same one would end the same way."""

    def __init__(self, *args: Any, stopped: Round, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        same = stopped.choices["preset"]
        others = [(name, name) for name in presets.names() if name != same]
        kept = [] if stopped.failure_kind == "gate" else [("", _("the same preset, %(name)s") % {"name": same})]
        self.fields["preset"] = forms.ChoiceField(label=_("Preset"), choices=[*kept, *others], required=not kept)


class NoteForm(forms.Form):
    """A reason for the journal's reader, kept with the round."""

    note = forms.CharField(label=_("Reason"), max_length=LONGEST_NOTE, required=False, strip=True)


class ReasonForm(forms.Form):
    """A reason that must be given."""

    note = forms.CharField(label=_("Reason"), max_length=LONGEST_NOTE, strip=True)
