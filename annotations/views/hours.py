"""A person's own hours and counts, as a table that opens anywhere."""

import csv

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotations.queries.hours import Day, days_of
from annotations.views.acting import person

# What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@login_required
@never_cache
@require_safe
def my_hours(request: HttpRequest) -> HttpResponse:
    """Every day of the person's own work, in every project that they ever labeled in."""
    # With a byte order mark: spreadsheets read Chinese as UTF-8 only behind one.
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="my-hours.csv"'
    rows = csv.writer(answer)
    rows.writerow(_titles())
    rows.writerows(_row(day) for day in days_of(person(request)))
    return answer


def _titles() -> list[str]:
    return [
        _("Day"),
        _("Project"),
        _("Active minutes"),
        _("Rankings"),
        _("Answers written"),
        _("Revisions"),
        _("Skips"),
    ]


def _row(day: Day) -> list[str | int]:
    counts = [day.rankings, day.demonstrations, day.revisions, day.skips]
    return [day.day.isoformat(), safe_cell(day.project), day.minutes, *counts]


def safe_cell(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would calculate it (OWASP, "CSV injection")."""
    return f"'{text}" if text.strip().startswith(_FORMULA) or text.startswith(_FORMULA) else text
