"""The operators' page of a project's people: who is in, who is invited, and links that are shown once."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import invitations, password_links
from accounts.consents import current_consent
from accounts.forms import RoleForm
from accounts.models import Membership, Project, Role, User
from accounts.people import PersonRefused, let_back_in
from accounts.permissions import project_for


@login_required
@never_cache
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, operated(request, slug))


@login_required
@never_cache
@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the link at once: a redirect would have to store it somewhere."""
    project = operated(request, slug)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, project, invite_form=form)
    role = Role(form.cleaned_data["role"])
    token = invitations.invite(by=person(request), project=project, role=role)
    return _page(request, project, invite_form=form, link=_absolute(request, "join", token), invited=role)


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    project = operated(request, slug)
    try:
        invitations.withdraw(by=person(request), project=project, invitation_id=invitation_id)
        messages.success(request, _("The invitation is withdrawn. Its link opens nothing any more."))
    except invitations.InvitationGone:
        messages.error(request, _("This invitation was used or withdrawn before."))
    return redirect("people", slug)


@login_required
@never_cache
@require_POST
def password_link(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    project = operated(request, slug)
    try:
        token = password_links.make_link(by=person(request), project=project, membership_id=membership_id)
    except PersonRefused as refusal:
        return _page(request, project, refused=str(refusal), status=409)
    whose = Membership.objects.select_related("user").get(pk=membership_id).user
    return _page(request, project, link=_absolute(request, "new_password", token), whose=whose)


@login_required
@require_POST
def back_in(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    project = operated(request, slug)
    try:
        back = let_back_in(by=person(request), project=project, membership_id=membership_id)
        messages.success(request, _("%(name)s is a member again.") % {"name": back.user})
    except PersonRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("people", slug)


def person(request: HttpRequest) -> User:
    """The one who asks; `login_required` has already turned everybody else away."""
    assert request.user.is_authenticated
    return request.user


def operated(request: HttpRequest, slug: str) -> Project:
    """The project, for its operators. Raises Http404 for strangers, NotAllowed for its other members."""
    return project_for(person(request), slug, Role.OPERATOR)


def _absolute(request: HttpRequest, name: str, token: str) -> str:
    return request.build_absolute_uri(reverse(name, args=[token]))


def _page(request: HttpRequest, project: Project, *, status: int = 200, **more: Any) -> HttpResponse:
    members = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    active = members.filter(deactivated_at=None, user__is_active=True)
    operators = list(active.filter(role=Role.OPERATOR)[:2])
    shown: dict[str, Any] = {
        "project": project,
        "members": active,
        "ended": members.exclude(Q(deactivated_at=None) & Q(user__is_active=True)),
        "only_operator": operators[0] if len(operators) == 1 else None,
        "roles": Role.choices,
        "invite_form": RoleForm(),
        "open_invitations": invitations.open_invitations(project),
        "consent": current_consent(project),
    }
    form = more.get("invite_form", shown["invite_form"])
    return render(request, "accounts/people.html", shown | more, status=400 if form.errors else status)
