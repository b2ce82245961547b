"""Consent: the labeler's page that asks, and the operator's page that writes the text."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.consents import (
    ConsentMoved,
    accept_consent,
    acceptances_of,
    consent_owed,
    current_consent,
    publish_consent,
)
from accounts.forms import AcceptForm, ConsentForm
from accounts.models import Role
from accounts.people_page import operated, person
from accounts.permissions import project_for
from accounts.views import safe_next


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a labeler to accept the current version; afterwards go on to where they were going."""
    project = project_for(person(request), slug, Role.LABELER)
    form = AcceptForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            accept_consent(by=person(request), project=project, version=form.cleaned_data["version"])
            return redirect(safe_next(request))
        except ConsentMoved as moved:
            messages.error(request, str(moved))
    given = [one for one in acceptances_of(person(request)) if one.consent.project_id == project.pk]
    shown = {
        "project": project,
        "consent": current_consent(project),
        "owed": consent_owed(user=person(request), project=project),
        "given": given[0] if given else None,
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    return render(request, "accounts/consent.html", shown, status=409 if request.method == "POST" else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def people_consent(request: HttpRequest, slug: str) -> HttpResponse:
    project = operated(request, slug)
    newest = project.consents.order_by("-version").first()
    at = {"text": newest.text, "after": newest.version} if newest else {"after": 0}
    form = ConsentForm(request.POST or None, initial=at, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            published = publish_consent(by=person(request), project=project, **form.cleaned_data)
            said = _("Version %(version)d is published.") if published.text else _("Nothing is asked any more.")
            messages.success(request, said % {"version": published.version})
            return redirect("people_consent", slug)
        except ConsentMoved as moved:
            form.add_error("text", str(moved))
    versions = project.consents.annotate(
        accepted=Count("acceptances", filter=Q(acceptances__withdrawn_at=None))
    ).order_by("-version")
    shown = {"project": project, "form": form, "versions": versions, "newest": newest}
    return render(request, "accounts/people_consent.html", shown, status=400 if form.errors else 200)
