"""The journal of a project: who did what to what, and whether it is sealed."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from rounds.journal_forms import JournalFilter
from rounds.paging import whole_number
from rounds.queries.access import operated_project
from rounds.queries.board import health
from rounds.queries.journal import Narrowed, journal_page
from rounds.queries.sealing import sealing
from rounds.services.sealing import ask_for_verification
from rounds.views.acting import person, ring


@login_required
@never_cache
@require_safe
def journal(request: HttpRequest, slug: str) -> HttpResponse:
    """The page."""
    project = operated_project(person(request), slug)
    filters = JournalFilter(request.GET, project=project)
    narrowed, seals = filters.narrowed(), sealing()
    before = whole_number(request.GET.get("before"))
    page = journal_page(project, narrowed, before=before, sealed=seals.last)
    older = request.GET.copy()
    older["before"] = str(page.older)
    context = {
        "project": project,
        "filters": filters,
        "narrowed": narrowed != Narrowed(),
        "first": before is None,
        "page": page,
        "older_query": older.urlencode(),
        "seals": seals,
        "health": health(),
    }
    return render(request, "rounds/journal.html", context)


@login_required
@require_POST
def verify(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the whole chain to be verified."""
    project = operated_project(person(request), slug)
    ask_for_verification(by=person(request), project=project)
    ring()
    messages.success(request, _("The worker verifies the journal now. Look again in a moment."))
    return redirect("journal", slug)
