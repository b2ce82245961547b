"""The schedule: when rounds begin by themselves, and how."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Project
from accounts.projects import ChangedMeanwhile
from rounds.forms import ScheduleForm
from rounds.models import Facts
from rounds.queries.access import operated_project
from rounds.queries.board import health, open_round_of
from rounds.queries.estimates import why_no_room
from rounds.queries.schedules import (
    in_words,
    next_in_words,
    next_runs,
    next_start,
    runs_in_words,
    schedule_of,
    written_schedule,
)
from rounds.services.rounds import RoundRefused, why_not_now
from rounds.services.schedules import ScheduleRefused, set_schedule
from rounds.views.acting import person


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def schedule(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of the schedule."""
    project = operated_project(person(request), slug)
    form = ScheduleForm(request.POST if request.method == "POST" else None, schedule=written_schedule(project))
    status = 400 if form.errors else 200
    if form.is_valid():
        seen = form.cleaned_data["seen"]
        try:
            set_schedule(by=person(request), project=project, seen=seen, wanted=form.wanted())
        except (ScheduleRefused, RoundRefused) as refusal:
            form.add_error(None, str(refusal))
            status = 400
        except ChangedMeanwhile:
            messages.error(request, _("Somebody else changed the schedule in the meantime. This is how it stands."))
            return redirect("schedule", slug)
        else:
            messages.success(request, _("Schedule saved"))
            return redirect("schedule", slug)
    return _page(request, project, form, status)


def _page(request: HttpRequest, project: Project, form: ScheduleForm, status: int) -> HttpResponse:
    in_force, now = schedule_of(project), timezone.now()
    found = next_start(in_force, now=now) if in_force else None
    context = {
        "project": project,
        "form": form,
        "schedule": in_force,
        "schedule_words": in_words(in_force) if in_force else "",
        "next": found,
        "next_words": next_in_words(found, in_force) if found and in_force else "",
        "runs": runs_in_words(next_runs(in_force, now=now)) if in_force else [],
        "running": open_round_of(project),
        "why_not": _why_not(project, in_force.choices) if in_force else "",
        "health": health(),
    }
    return render(request, "rounds/schedule.html", context, status=status)


def _why_not(project: Project, choices: Facts) -> str:
    return why_not_now(project, choices) or why_no_room(project, choices)
