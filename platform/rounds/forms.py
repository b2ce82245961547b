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
from rounds.choice_forms import ChoicesForm, as_filled_in
from rounds.models import Round, Schedule
from rounds.queries.schedules import SETTINGS

MOST_SEED = 2**31 - 1
LONGEST_NOTE = 500
MOST_RANKINGS = 1_000_000


class StartForm(ChoicesForm):
    """The choices of a round."""

    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=MOST_SEED,
        required=False,
        help_text=_("Empty: the round's number."),
    )


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


class ScheduleForm(ChoicesForm):
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
    cron = forms.CharField(
        label=_("Or at the times of a line, as cron reads it"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"class": "line", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Minute, hour, day of the month, month, weekday: 30 2 * * 1-5 is half past two on working days."),
    )
    every_rankings = forms.IntegerField(
        label=_("When this many new rankings are in"),
        required=False,
        min_value=1,
        max_value=MOST_RANKINGS,
        help_text=_("Counted from the start of the last round. Empty: rankings start nothing."),
    )

    def __init__(self, data: Any = None, *, schedule: Schedule) -> None:
        said = {name: getattr(schedule, name) for name in SETTINGS if name != "choices"}
        said |= {"seen": fingerprint(schedule, SETTINGS), **as_filled_in(schedule.choices)}
        super().__init__(data, project=schedule.project, initial=said, label_suffix="")

    def wanted(self) -> dict[str, Any]:
        """The schedule as its row keeps it."""
        given = self.cleaned_data
        plain = {name: given[name] for name in ("enabled", "at", "cron", "every_rankings")}
        return {**plain, "weekdays": sorted(given["weekdays"]), "choices": self.choices()}
