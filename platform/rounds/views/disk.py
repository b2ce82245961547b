"""The store's disk: what lies there, what will be collected, and the button that does not wait."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from rounds.queries.access import operated_project
from rounds.queries.board import health
from rounds.queries.disk import disk_of
from rounds.queries.retention import KEPT, due_of
from rounds.services import disk as measuring
from rounds.services import retention
from rounds.views.acting import person


@login_required
@require_GET
def disk(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of the disk."""
    project = operated_project(person(request), slug)
    due = due_of(project)
    context = {
        "project": project,
        "disk": disk_of(project),
        "due": due,
        "due_bytes": sum(each.bytes for each in due),
        "kept": KEPT.days,
        "health": health(),
    }
    return render(request, "rounds/disk.html", context)


@login_required
@require_POST
def collect(request: HttpRequest, slug: str) -> HttpResponse:
    """Collect now what would be collected later, and measure again."""
    project, now = operated_project(person(request), slug), timezone.now()
    freed = retention.collect_now(by=person(request), project=project, now=now)
    measuring.measure(now=now)
    if freed:
        words = ngettext("%(count)d artifact was collected.", "%(count)d artifacts were collected.", freed)
        messages.success(request, words % {"count": freed})
    else:
        messages.success(request, _("There was nothing to collect. The figures are new."))
    return redirect("disk", slug)
