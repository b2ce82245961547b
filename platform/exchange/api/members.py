"""The people of a project, for its operators: links that are shown once, roles, an end, a way back, the consent."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.urls import reverse
from django.utils import timezone
from ninja import Path, Query, Router, Schema
from pydantic import ConfigDict, Field

from accounts import invitations, password_links
from accounts import people as accounts_people
from accounts.consents import publish_consent
from accounts.forms import LONGEST_CONSENT
from accounts.models import Consent, Invitation, Membership, Project, Role, Scope
from accounts.permissions import project_for
from annotations.services import people as services
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.people import MemberOut, member
from exchange.api.security import Asked, person

router = Router(tags=["People"])

Id = Annotated[int, Path(..., ge=1, le=2**63 - 1, examples=[7])]


class RoleIn(Schema):
    """One role."""

    role: Role

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "labeler"}]})


class InvitationOut(Schema):
    """An invitation whose link still works; the link itself was shown once."""

    id: int
    role: Role
    by: str | None
    created_at: datetime
    expires_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 4,
                    "role": "labeler",
                    "by": "olga",
                    "created_at": "2026-11-20T10:00:00Z",
                    "expires_at": "2026-11-27T10:00:00Z",
                }
            ]
        }
    )


class LinkOut(Schema):
    """A one-time link. It is shown here and nowhere again."""

    link: str
    expires_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"link": "https://tutelage.example/join/Zk3…/", "expires_at": "2026-11-27T10:00:00Z"}]
        }
    )


class InvitedOut(InvitationOut):
    """A new invitation with its link."""

    link: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 4,
                    "role": "labeler",
                    "by": "olga",
                    "link": "https://tutelage.example/join/Zk3…/",
                    "created_at": "2026-11-20T10:00:00Z",
                    "expires_at": "2026-11-27T10:00:00Z",
                }
            ]
        }
    )


class ConsentIn(Schema):
    """The next version of what a labeler accepts, after version `after` (0: there is none). Empty: nothing is asked."""

    text: str = Field(max_length=LONGEST_CONSENT, pattern=r"^[^\x00]*$")
    after: int = Field(ge=0, le=2**31 - 1)

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Your rankings are kept.", "after": 0}]})


class ConsentOut(Schema):
    """One version of the consent."""

    version: int
    text: str
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": 1, "text": "Your rankings are kept.", "created_at": "2026-11-20T10:00:00Z"}]
        }
    )


@reads(router, "/projects/{slug}/invitations", answer=Page[InvitationOut])
def list_invitations(request: Asked, slug: Slug, at: Query[At]) -> Page[InvitationOut]:
    """The invitations whose links still work, newest first, for operators."""
    rows = invitations.open_invitations(_operated(request, slug))
    return page(rows, at, shape=lambda rows: [InvitationOut(**_invitation(each)) for each in rows])


@changes(
    router, "POST", "/projects/{slug}/invitations", scope=Scope.OPERATE, answer=InvitedOut, status=201, secret=True
)
def invite_person(request: Asked, slug: Slug, told: RoleIn) -> InvitedOut:
    """Make a one-time link by which one person joins with this role."""
    token = invitations.invite(by=person(request), project=_operated(request, slug), role=told.role)
    made = invitations.open_invitation(token)
    return InvitedOut(**_invitation(made), link=_link(request, "join", token))


@changes(router, "DELETE", "/projects/{slug}/invitations/{invitation_id}", scope=Scope.OPERATE, status=204)
def withdraw_invitation(request: Asked, slug: Slug, invitation_id: Id) -> None:
    """Make an invitation's link worthless."""
    invitations.withdraw(by=person(request), project=_operated(request, slug), invitation_id=invitation_id)


@changes(router, "POST", "/projects/{slug}/members/{member_id}/role", scope=Scope.OPERATE, answer=MemberOut)
def change_member_role(request: Asked, slug: Slug, member_id: Id, told: RoleIn) -> MemberOut:
    """Give a member another role; what they hold goes back to the others."""
    project = _member(request, slug, member_id)
    services.change_role(by=person(request), project=project, membership_id=member_id, role=told.role)
    ring()
    return _shown(member_id)


@changes(router, "POST", "/projects/{slug}/members/{member_id}/deactivate", scope=Scope.OPERATE, answer=MemberOut)
def deactivate_member(request: Asked, slug: Slug, member_id: Id) -> MemberOut:
    """End a membership from the person's next request on; what they hold goes back to the others."""
    project = _member(request, slug, member_id)
    services.deactivate(by=person(request), project=project, membership_id=member_id)
    ring()
    return _shown(member_id)


@changes(router, "POST", "/projects/{slug}/members/{member_id}/let-back-in", scope=Scope.OPERATE, answer=MemberOut)
def let_member_back_in(request: Asked, slug: Slug, member_id: Id) -> MemberOut:
    """Undo a deactivation: the same role as before."""
    project = _member(request, slug, member_id)
    accounts_people.let_back_in(by=person(request), project=project, membership_id=member_id)
    return _shown(member_id)


@changes(
    router,
    "POST",
    "/projects/{slug}/members/{member_id}/password-link",
    scope=Scope.OPERATE,
    answer=LinkOut,
    status=201,
    secret=True,
)
def make_password_link(request: Asked, slug: Slug, member_id: Id) -> LinkOut:
    """Make a one-time link by which a member chooses a new password; earlier ones end."""
    project, now = _member(request, slug, member_id), timezone.now()
    token = password_links.make_link(by=person(request), project=project, membership_id=member_id)
    lasts: timedelta = password_links.LIFETIME
    return LinkOut(link=_link(request, "new_password", token), expires_at=now + lasts)


@reads(router, "/projects/{slug}/consents", answer=Page[ConsentOut])
def list_consents(request: Asked, slug: Slug, at: Query[At]) -> Page[ConsentOut]:
    """Every version of what a labeler accepts, newest first, for operators."""
    rows = _operated(request, slug).consents.all()
    return page(rows, at, shape=lambda rows: [_consent(each) for each in rows])


@changes(router, "POST", "/projects/{slug}/consents", scope=Scope.OPERATE, answer=ConsentOut, status=201)
def publish_new_consent(request: Asked, slug: Slug, told: ConsentIn) -> ConsentOut:
    """Write the next version; labelers are asked again before any work is lent."""
    text = told.text.replace("\r\n", "\n").strip()
    return _consent(publish_consent(by=person(request), project=_operated(request, slug), text=text, after=told.after))


def _operated(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.OPERATOR)


def _member(request: Asked, slug: str, member_id: int) -> Project:
    """The project, where this is one of its memberships."""
    project = _operated(request, slug)
    Membership.objects.only("pk").get(pk=member_id, project=project)
    return project


def _shown(member_id: int) -> MemberOut:
    return member(Membership.objects.select_related("user").get(pk=member_id))


def _link(request: Asked, name: str, token: str) -> str:
    return request.build_absolute_uri(reverse(name, args=[token]))


def _invitation(row: Invitation) -> dict[str, Any]:
    by = row.created_by.username if row.created_by else None
    return {"id": row.pk, "role": row.role, "by": by, "created_at": row.created_at, "expires_at": row.expires_at}


def _consent(row: Consent) -> ConsentOut:
    return ConsentOut(version=row.version, text=row.text, created_at=row.created_at)
