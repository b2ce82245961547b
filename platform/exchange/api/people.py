"""Who the token acts for, and who is in a project."""

from datetime import datetime

from ninja import Query, Router, Schema
from pydantic import ConfigDict

from accounts.models import ApiToken, Membership, Role
from accounts.permissions import memberships_of, project_for
from exchange.api.endpoints import Slug, reads
from exchange.api.paging import At, Page, page
from exchange.api.security import Asked, person

router = Router(tags=["People"])


class TokenOut(Schema):
    """The token of this request; never its secret."""

    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime


class PlaceOut(Schema):
    """A project that the person is in, and their one role there."""

    slug: str
    name: str
    role: Role


class MeOut(Schema):
    """Who the token acts for."""

    username: str
    language: str
    time_zone: str
    projects: list[PlaceOut]
    token: TokenOut

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "username": "olga",
                    "language": "en",
                    "time_zone": "Europe/Berlin",
                    "projects": [{"slug": "turtles", "name": "Turtles", "role": "operator"}],
                    "token": {
                        "name": "nightly import",
                        "prefix": "tut_9fQ2xB",
                        "scopes": ["read", "data"],
                        "expires_at": "2027-02-20T09:00:00Z",
                    },
                }
            ]
        }
    )


class MemberOut(Schema):
    """A member of a project. `ended_at` says when an operator ended the membership."""

    id: int
    username: str
    role: Role
    joined_at: datetime
    ended_at: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 7,
                    "username": "alice",
                    "role": "labeler",
                    "joined_at": "2026-11-01T08:30:00Z",
                    "ended_at": None,
                }
            ]
        }
    )


@reads(router, "/me", answer=MeOut)
def me(request: Asked) -> MeOut:
    """Who the token acts for, their projects, and what the token is for."""
    owner = person(request)
    places = memberships_of(owner).select_related("project").order_by("project__slug")
    return MeOut(
        username=owner.username,
        language=owner.language,
        time_zone=owner.time_zone,
        projects=[PlaceOut(slug=one.project.slug, name=one.project.name, role=Role(one.role)) for one in places],
        token=_token(request.auth),
    )


@reads(router, "/projects/{slug}/members", answer=Page[MemberOut])
def list_members(request: Asked, slug: Slug, at: Query[At]) -> Page[MemberOut]:
    """A project's members, for its operators, newest first."""
    project = project_for(person(request), slug, Role.OPERATOR)
    rows = Membership.objects.filter(project=project).select_related("user")
    return page(rows, at, shape=lambda rows: [member(row) for row in rows])


def _token(token: ApiToken) -> TokenOut:
    return TokenOut(name=token.name, prefix=token.prefix, scopes=token.scopes, expires_at=token.expires_at)


def member(row: Membership) -> MemberOut:
    """A membership as programs get it."""
    return MemberOut(
        id=row.pk,
        username=row.user.username,
        role=Role(row.role),
        joined_at=row.joined_at,
        ended_at=row.deactivated_at,
    )
