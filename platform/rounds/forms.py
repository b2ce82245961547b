"""What operators fill in: how a round is to run, and why they decide as they do."""

from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from accounts.project_forms import ProjectForm
from accounts.projects import EDITABLE, LONGEST_GUIDELINE, fingerprint
from annotations.models import Policy
from rounds import presets
from rounds.models import Round, Schedule
from rounds.queries.schedules import SETTINGS

MOST_SEED = 2**31 - 1
LONGEST_NOTE = 500
MOST_RANKINGS = 1_000_000
SFT_CHOICES = {"auto": None, "yes": True, "no": False}
SFT_WORDS = [("auto", _("when there are new demonstrations")), ("yes", _("yes")), ("no", _("no"))]
APPROVE_WORDS = [("person", _("a person looks first")), ("rule", _("by rule, when every gate passes"))]


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
        choices=SFT_WORDS,
    )
    approve = forms.ChoiceField(
        label=_("Approval"),
        choices=APPROVE_WORDS,
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


class NewProjectForm(ProjectForm):
    """Everything that a project begins with."""

    slug = forms.SlugField(
        label=_("Address"),
        max_length=50,
        help_text=_("Part of every address: small letters, digits and hyphens. It never changes."),
    )
    base = forms.ChoiceField(
        label=_("Base policy"), required=False, help_text=_("It writes the first answers, and rounds improve on it.")
    )
    guideline = forms.CharField(
        label=_("Guidelines"),
        max_length=LONGEST_GUIDELINE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What labelers are asked to do. Markdown. You can write them later."),
    )

    class Meta:
        model = Project
        fields = ["slug", *EDITABLE]

    def __init__(self, *args: Any, registry: list[Policy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.registry = {str(policy.pk): policy for policy in registry}
        field = self.fields["base"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(pk, _from(policy)) for pk, policy in self.registry.items()] + [
            ("", _("None yet: a command brings one in later"))
        ]
        self.initial.setdefault("base", next(iter(self.registry), ""))

    def base_policy(self) -> Policy | None:
        return self.registry.get(self.cleaned_data["base"])


def _from(policy: Policy) -> str:
    names = {"policy": policy.name, "project": policy.project.name, "digest": policy.digest[:8]}
    return gettext("%(policy)s of %(project)s (%(digest)s)") % names


class ScheduleForm(forms.Form):
    """When rounds begin by themselves, and how they run."""

    seen = forms.CharField(widget=forms.HiddenInput)
    enabled = forms.BooleanField(label=_("Rounds start by themselves"), required=False)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On these days"),
        coerce=int,
        required=False,
        choices=list(WEEKDAYS.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    at = forms.TimeField(label=_("At"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    every_rankings = forms.IntegerField(
        label=_("When this many new rankings are in"),
        required=False,
        min_value=1,
        max_value=MOST_RANKINGS,
        help_text=_("Counted from the start of the last round. Empty: rankings start nothing."),
    )
    preset = forms.ChoiceField(label=_("Preset"), choices=_presets, initial=presets.DEFAULT)
    sft = forms.ChoiceField(label=_("Imitate demonstrations (SFT)"), choices=SFT_WORDS)
    approve = forms.ChoiceField(label=_("Approval"), choices=APPROVE_WORDS)

    def __init__(self, data: Any = None, *, schedule: Schedule) -> None:
        chosen = schedule.choices
        sft = {value: name for name, value in SFT_CHOICES.items()}[chosen.get("sft")]
        said = {name: getattr(schedule, name) for name in ("enabled", "weekdays", "at", "every_rankings")}
        said |= {"seen": fingerprint(schedule, SETTINGS), "sft": sft}
        said |= {name: chosen[name] for name in ("preset", "approve") if name in chosen}
        super().__init__(data, initial=said, label_suffix="")

    def wanted(self) -> dict[str, Any]:
        """The schedule as its row keeps it."""
        given = self.cleaned_data
        choices = {"preset": given["preset"], "sft": SFT_CHOICES[given["sft"]], "approve": given["approve"]}
        plain = {name: given[name] for name in ("enabled", "at", "every_rankings")}
        return {**plain, "weekdays": sorted(given["weekdays"]), "choices": choices}
