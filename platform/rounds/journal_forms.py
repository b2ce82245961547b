"""What the list of the journal is narrowed to."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from rounds.queries.journal import ALL, MACHINE, Narrowed, people_of

KINDS = [
    ("", _("all but the labelers' work")),
    ("rounds", _("rounds and stages")),
    ("policies", _("policies and sampling")),
    ("people", _("people")),
    ("project", _("the project and its prompts")),
    ("exports", _("exports and imports")),
    ("work", _("the labelers' work")),
    (ALL, _("everything")),
]


class JournalFilter(forms.Form):
    """An address that says nothing sensible narrows nothing."""

    kind = forms.ChoiceField(required=False, label=_("Show"), choices=KINDS)
    person = forms.ChoiceField(required=False, label=_("Who"))
    since = forms.DateField(required=False, label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label=_("To"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Mapping[str, Any], *, project: Project) -> None:
        super().__init__(data, label_suffix="")
        anybody = [("", _("anybody")), (MACHINE, _("the machine"))]
        self.fields["person"].choices = [*anybody, *people_of(project)]  # type: ignore[attr-defined]

    def narrowed(self) -> Narrowed:
        """Days are those of the person who reads."""
        self.is_valid()
        given = self.cleaned_data
        until = given.get("until")
        return Narrowed(
            kind=given.get("kind", ""),
            person=given.get("person", ""),
            since=_begin(given.get("since")),
            until=_begin(until + timedelta(days=1)) if until and until < date.max else None,
        )


def _begin(day: date | None) -> datetime | None:
    # The years at either end have no moment in every time zone.
    if day is None or not 1900 <= day.year < 9999:
        return None
    return timezone.make_aware(datetime.combine(day, time.min))
