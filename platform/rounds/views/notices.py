"""A person's own notices, of all their projects."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import is_told
from rounds import notice_words
from rounds.paging import whole_number
from rounds.queries.notices import notice_page, unread_of
from rounds.services import notices as services
from rounds.views.acting import person


@login_required
@never_cache
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The page."""
    reader = _told(request)
    found, older = notice_page(reader, before=whole_number(request.GET.get("before")))
    lines = [
        {
            "notice": each,
            "headline": notice_words.headline(each),
            "detail": notice_words.detail(each),
            "url": notice_words.path(each),
        }
        for each in found
    ]
    context = {
        "lines": lines,
        "older": older,
        "unread": unread_of(reader).count(),
        "first": "before" not in request.GET,
    }
    return render(request, "rounds/notices.html", context)


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    services.read_all(by=_told(request))
    return redirect("notices")


def _told(request: HttpRequest) -> User:
    """The one who asks. For who neither operates nor reviews anything there is no such page."""
    reader = person(request)
    if not is_told(reader):
        raise Http404
    return reader
