"""What an operator fills in about a project, and each mistake beside its field."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import zones
from accounts.models import Project
from accounts.projects import EDITABLE, LONGEST_GUIDELINE, fingerprint

MOST_OVERLAP = 20
MOST_STOCK = 10_000
MOST_DEMONSTRATIONS = 20
LONGEST_WARNING = 1000


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]
    """The settings of a project that stands; `seen` is what the person's page showed of them."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label=_("Name"), max_length=200)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones, help_text=_("Schedules follow it."))
    k = forms.TypedChoiceField(
        label=_("Answers to rank together (K)"), coerce=int, choices=[(k, str(k)) for k in range(2, 10)]
    )
    overlap = forms.IntegerField(
        label=_("People per question (overlap)"),
        min_value=1,
        max_value=MOST_OVERLAP,
        help_text=_("How many people rank the same answers."),
    )
    demonstrations_wanted = forms.IntegerField(
        label=_("Demonstrations wanted per prompt"),
        min_value=0,
        max_value=MOST_DEMONSTRATIONS,
        help_text=_("Answers that people write. Prompts kept for evaluation are never asked."),
    )
    stock_target = forms.IntegerField(
        label=_("Stock target"),
        min_value=0,
        max_value=MOST_STOCK,
        help_text=_("When fewer places than this wait to be ranked, more answers are written. 0: each prompt once."),
    )
    asks_ratings = forms.BooleanField(label=_("A rating of each answer, 1 to 7"), required=False)
    asks_flags = forms.BooleanField(label=_("Flags: false, harmful, private, cut off"), required=False)
    asks_cut = forms.BooleanField(label=_("The line of what is acceptable"), required=False)
    asks_note = forms.BooleanField(label=_("A note in the person's own words"), required=False)
    partial_order = forms.BooleanField(label=_("Answers may be left unplaced"), required=False)
    content_warning = forms.CharField(
        label=_("Content warning"),
        max_length=LONGEST_WARNING,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Shown before the work. Empty: none is needed."),
    )

    class Meta:
        model = Project
        fields = list(EDITABLE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.initial["seen"] = fingerprint(self.instance, EDITABLE)

    def questions(self) -> list[forms.BoundField]:
        """What is asked beside the order, each to be switched."""
        return [self[name] for name in ("asks_ratings", "asks_flags", "asks_cut", "asks_note", "partial_order")]

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in EDITABLE}


class GuidelineForm(forms.Form):
    """A new version of the guidelines, written over version `after`."""

    after = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    text = forms.CharField(
        label=_("Guidelines"),
        max_length=LONGEST_GUIDELINE,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("What labelers are asked to do. Markdown."),
    )
