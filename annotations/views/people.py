"""What ends work in hand: operators end a membership or change its role, labelers withdraw their consent."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.forms import RoleForm
from accounts.models import Role
from accounts.people import PersonRefused
from accounts.people_page import operated, person
from accounts.permissions import memberships_of, project_for
from annotations.services import people


@login_required
@require_POST
def deactivate(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    project = operated(request, slug)
    try:
        back = people.deactivate(by=person(request), project=project, membership_id=membership_id)
        given = ngettext("%(n)d question went back to the others.", "%(n)d questions went back to the others.", back)
        messages.success(request, " ".join([_("Deactivated."), given % {"n": back}] if back else [_("Deactivated.")]))
    except PersonRefused as refusal:
        messages.error(request, str(refusal))
    return _onwards(request, slug)


@login_required
@require_POST
def change_role(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    project = operated(request, slug)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one of the four roles."))
        return redirect("people", slug)
    role = Role(form.cleaned_data["role"])
    try:
        changed = people.change_role(by=person(request), project=project, membership_id=membership_id, role=role)
        messages.success(request, _("%(name)s is now: %(role)s") % {"name": changed.user, "role": role.label})
    except PersonRefused as refusal:
        messages.error(request, str(refusal))
    return _onwards(request, slug)


@login_required
@require_POST
def withdraw_consent(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(person(request), slug, Role.LABELER)
    people.withdraw_consent(by=person(request), project=project)
    messages.success(request, _("Withdrawn. You get no more work here unless you accept again."))
    return redirect("settings")


def _onwards(request: HttpRequest, slug: str) -> HttpResponse:
    # Who took the role from themselves may not see the people any more.
    operates = memberships_of(person(request)).filter(project__slug=slug, role=Role.OPERATOR).exists()
    return redirect("people", slug) if operates else redirect("home")
