"""The labeler's home page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Role
from annotations.queries.home import desks, ended
from annotations.views.acting import person


@login_required
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    labeler = person(request)
    entries = desks(labeler)
    operates = any(entry.role == Role.OPERATOR for entry in entries)
    context = {"desks": entries, "ended": ended(labeler), "operates": operates}
    return render(request, "annotations/home.html", context)
