"""The guidelines on a page of their own: the text, its older versions, what changed."""

import re

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.guidelines import open_guideline
from accounts.models import Guideline
from accounts.permissions import project_for
from annotations.choices import Purpose
from annotations.queries.exercises import exercises_of
from annotations.queries.guidelines import guideline_page
from annotations.views.acting import person


@login_required
@never_cache
@require_safe
def guidelines(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the guidelines, and keep that this person has opened them: a browser that fetches ahead has not."""
    project = project_for(person(request), slug)
    page = guideline_page(person(request), project, since=_version(request.GET.get("since", "")))
    if page.newest and request.method == "GET" and "Sec-Purpose" not in request.headers:
        open_guideline(by=person(request), guideline=page.newest)
    practice = exercises_of(project, Purpose.PRACTICE).count()
    return render(request, "annotations/guidelines.html", {"project": project, "page": page, "practice": practice})


@login_required
@require_POST
def guidelines_seen(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep that the drawer was opened on this version."""
    project = project_for(person(request), slug)
    version = _version(request.POST.get("version", ""))
    open_guideline(by=person(request), guideline=get_object_or_404(Guideline, project=project, version=version))
    return HttpResponse(status=204)


def _version(typed: str) -> int | None:
    return int(typed) if re.fullmatch("[0-9]{1,6}", typed) else None
