"""A pause: what it does is said first, and then the work goes back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.permissions import project_for
from annotations.queries.home import begun_by
from annotations.services import pausing
from annotations.views.acting import person


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    labeler = person(request)
    project = project_for(labeler, slug, Role.LABELER)
    if request.method == "POST":
        back = pausing.pause(by=labeler, project=project)
        messages.success(request, _given_back(back))
        return redirect("home")
    held = [begun for begun in begun_by(labeler, project) if begun.held]
    return render(request, "annotations/pause.html", {"project": project, "held": held})


def _given_back(back: int) -> str:
    if not back:
        return _("You hold nothing. Nothing had to go back.")
    said = ngettext("%(n)d question went back to the others.", "%(n)d questions went back to the others.", back)
    return said % {"n": back}
