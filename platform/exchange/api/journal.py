"""The journal as operators read it, whether it is sealed, and a person's own notices."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Query, Router, Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from accounts.models import JournalEntry, Membership, Project, Scope, User
from accounts.permissions import is_told
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.security import Asked, person
from rounds import notice_words
from rounds.models import Notice
from rounds.queries.access import operated_project
from rounds.queries.journal import MACHINE, Line, Narrowed, lines_of, matching
from rounds.queries.notices import notices_of
from rounds.queries.sealing import Sealing, sealing
from rounds.services import notices as services
from rounds.services.sealing import ask_for_verification

router = Router(tags=["Journal"])


class EntryOut(Schema):
    """One thing that happened. `said` is the line of the page; `sealed`: a seal covers it."""

    id: int
    at: datetime
    who: str
    verb: str
    subject: str
    old: str
    new: str
    facts: dict[str, Any]
    said: str
    sealed: bool

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 812,
                    "at": "2026-11-18T03:40:00Z",
                    "who": "olga",
                    "verb": "approve",
                    "subject": "round",
                    "old": "review",
                    "new": "deploying",
                    "facts": {},
                    "sealed": True,
                    "said": "approved the candidate of round 2",
                }
            ]
        }
    )


def _near(moment: datetime) -> datetime:
    # The years at either end have no moment in every time zone.
    if not 1900 <= moment.year < 9999:
        raise ValueError("the year lies between 1900 and 9998")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_near)]


class JournalAt(At):
    """Which page of which entries. Without a kind: all but the labelers' work."""

    kind: Literal["", "rounds", "policies", "people", "project", "exports", "work", "all"] = ""
    who: str = Field("", max_length=150, pattern=r"^[^\x00]*$", description="a username, or `machine`")
    since: Moment | None = None
    until: Moment | None = None


class SealsOut(Schema):
    """The chain of all projects. `fault`: what was found wrong when it was verified last; `asked`: it will be again."""

    digest: str | None
    upto: datetime | None
    batches: int
    entries: int
    waiting: int
    verified_at: datetime | None
    fault: dict[str, Any] | None
    asked: bool

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "digest": "5be1",
                    "upto": "2026-11-20T10:00:00Z",
                    "batches": 12,
                    "entries": 9120,
                    "waiting": 3,
                    "verified_at": "2026-11-20T04:00:00Z",
                    "fault": None,
                    "asked": False,
                }
            ]
        }
    )


class NoticeOut(Schema):
    """What a person was told of a round or a policy."""

    id: int
    project: str
    round: int | None
    kind: str
    headline: str
    detail: str
    at: datetime
    read_at: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 31,
                    "project": "turtles",
                    "round": 3,
                    "kind": "waits",
                    "read_at": None,
                    "headline": "Round 3 waits for a review",
                    "at": "2026-11-20T11:00:00Z",
                    "detail": "Its candidate is evaluated. Approve it or reject it.",
                }
            ]
        }
    )


class ReadOut(Schema):
    """How many were new."""

    read: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"read": 2}]})


@reads(router, "/projects/{slug}/journal", answer=Page[EntryOut])
def list_journal(request: Asked, slug: Slug, at: Query[JournalAt]) -> Page[EntryOut]:
    """The journal of a project, newest first, for its operators."""
    project = operated_project(person(request), slug)
    narrowed = Narrowed(kind=at.kind, person=_whose(project, at.who), since=at.since, until=at.until)
    sealed = sealing().last
    rows = matching(project, narrowed).select_related("actor")
    return page(rows, at, shape=lambda rows: [_entry(line) for line in lines_of(project, rows, sealed=sealed)])


@reads(router, "/projects/{slug}/journal/seals", answer=SealsOut)
def get_seals(request: Asked, slug: Slug) -> SealsOut:
    """Whether the journal is sealed, and what was found when that was verified last, for operators."""
    operated_project(person(request), slug)
    return _seals(sealing())


@changes(router, "POST", "/projects/{slug}/journal/verify", scope=Scope.OPERATE, answer=SealsOut, status=202)
def verify_journal(request: Asked, slug: Slug) -> SealsOut:
    """Let a worker verify the whole chain now; ask for the seals a little later."""
    ask_for_verification(by=person(request), project=operated_project(person(request), slug))
    ring()
    return _seals(sealing())


@reads(router, "/notices", answer=Page[NoticeOut])
def list_notices(request: Asked, at: Query[At]) -> Page[NoticeOut]:
    """Your notices of all projects that you operate or review, newest first."""
    return page(notices_of(_told(request)), at, shape=lambda rows: [_notice(each) for each in rows])


@changes(router, "POST", "/notices/read", scope=Scope.REVIEW, answer=ReadOut)
def read_notices(request: Asked) -> ReadOut:
    """Mark all your notices as read."""
    return ReadOut(read=services.read_all(by=_told(request)))


def _told(request: Asked) -> User:
    """The one who asks; for who neither operates nor reviews anything there is nothing here, as on the page."""
    reader = person(request)
    if not is_told(reader):
        raise Http404
    return reader


def _whose(project: Project, name: str) -> str:
    """The number by which the journal's filter knows a person, or its word for the machine."""
    if not name or name == MACHINE:
        return name
    members = Membership.objects.filter(project=project, user__username=name)
    return str(members.values_list("user", flat=True).get())


def _entry(line: Line) -> EntryOut:
    entry: JournalEntry = line.entry
    plain = {name: getattr(entry, name) for name in ("at", "verb", "subject", "old", "new", "facts")}
    return EntryOut(id=entry.pk, **plain, who=line.who, said=line.done, sealed=line.sealed)


def _seals(found: Sealing) -> SealsOut:
    plain = {name: getattr(found, name) for name in SealsOut.model_fields if name != "digest"}
    return SealsOut(**plain, digest=found.newest.digest if found.newest else None)


def _notice(each: Notice) -> NoticeOut:
    return NoticeOut(
        id=each.pk,
        project=each.project.slug,
        round=each.round.number if each.round else None,
        kind=each.kind,
        headline=notice_words.headline(each),
        detail=notice_words.detail(each),
        at=each.created_at,
        read_at=each.read_at,
    )
