"""A labeler's own work and hours. It stands here because only this app knows which rounds used what."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.permissions import project_for
from annotations.queries.hours import days_of
from rounds.my_work_forms import WorkFilter
from rounds.queries.my_work import Narrowed, work_page
from rounds.views.acting import person

# How far the table on the page goes back; the file has all of it.
DAYS_SHOWN = timedelta(days=14)


@login_required
@never_cache
@require_safe
def my_work(request: HttpRequest, slug: str) -> HttpResponse:
    labeler = person(request)
    project = project_for(labeler, slug, Role.LABELER)
    form = WorkFilter(request.GET, label_suffix="")
    narrowed = form.narrowed()
    after = form.cleaned_data.get("after")
    page = work_page(labeler, project, narrowed, after=after)
    older = request.GET.copy()
    older["after"] = str(page.older)
    context = {
        "project": project,
        "filters": form,
        "narrowed": narrowed != Narrowed(),
        "page": page,
        "older_query": older.urlencode(),
        "days": [] if after else days_of(labeler, since=timezone.now() - DAYS_SHOWN, slug=slug),
    }
    return render(request, "rounds/my_work.html", context)
