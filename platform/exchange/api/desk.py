"""A labeler's own pages: what waits for them, what they gave and what became of it, their hours, their settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from accounts.forms import SettingsForm
from accounts.models import Role, Scope, User
from accounts.permissions import memberships_of, project_for
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Remark
from annotations.queries.agreement import Agreement
from annotations.queries.home import Begun, Desk, desk_of
from annotations.queries.hours import BREAK_AFTER, Stretch, days_of, stretch_of
from annotations.services.remarks import read_remark
from exchange.api.assignments import emptiness_out
from exchange.api.desk_shapes import (
    BegunOut,
    DayOut,
    DeskOut,
    DoneOut,
    HoursOut,
    NewGuideline,
    OwnAgreement,
    OwnSettings,
    OwnSettingsIn,
    StretchOut,
    ToldOut,
    WorkOut,
    WorkUse,
)
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import Page
from exchange.api.problems import Problem
from exchange.api.security import Asked, person
from exchange.api.typed import refusal
from rounds.queries.my_work import Narrowed, Work, work_page

router = Router(tags=["Labeling"])


class WorkAt(Schema):
    """Which page of which work."""

    cursor: UUID | None = Field(None, description="`next` of the page before; none: the first page")
    kind: Literal["", "rank", "demonstrate"] = ""
    state: Literal["", "late", "skipped", "given_back"] = Field("", description="none: all that was answered")
    remarked: bool = Field(False, description="only what a reviewer said something about")


class DaysAt(Schema):
    """Which days."""

    since: date | None = Field(None, description="by the person's own clock; none: all of them")
    project: str = Field("", max_length=50, pattern=r"^[-a-zA-Z0-9_]*$", description="its slug; none: every project")


@reads(router, "/projects/{slug}/desk", answer=DeskOut)
def get_desk(request: Asked, slug: Slug) -> DeskOut:
    """What waits for a labeler here, what they have begun, and what they should know."""
    by = person(request)
    project = project_for(by, slug, Role.LABELER)
    membership = memberships_of(by).select_related("project").get(project=project)
    with _own_clock(by):
        return _desk(desk_of(by, membership))


@reads(router, "/projects/{slug}/work", answer=Page[WorkOut])
def list_work(request: Asked, slug: Slug, at: Query[WorkAt]) -> Page[WorkOut]:
    """A labeler's own work, newest first, with what reviewers said of it and which rounds learned from it."""
    by = person(request)
    project = project_for(by, slug, Role.LABELER)
    if at.cursor and not Assignment.objects.filter(project=project, labeler=by, public_id=at.cursor).exists():
        raise Problem("bad-cursor", "Take the cursor from `next` of the page before.")
    found = work_page(by, project, Narrowed(at.kind, at.state, at.remarked), after=at.cursor)
    return Page(items=[_work(each) for each in found.work], next=str(found.older) if found.older else None)


@changes(router, "POST", "/remarks/{remark_id}/read", scope=Scope.LABEL, answer=ToldOut)
def note_remark_read(request: Asked, remark_id: UUID) -> ToldOut:
    """Keep that the person has read a remark on an answer of theirs."""
    about = read_remark(by=person(request), remark_id=remark_id).assignment
    return _told(Remark.objects.get(public_id=remark_id), about)


@reads(router, "/me/hours", answer=HoursOut)
def list_hours(request: Asked, at: Query[DaysAt]) -> HoursOut:
    """When the person worked: days in their own time zone, by project. Nobody else can ask for it."""
    by, now = person(request), timezone.now()
    with _own_clock(by):
        since = timezone.make_aware(datetime.combine(_sane(at.since), time.min)) if at.since else None
        days = days_of(by, since=since, slug=at.project)
    items = [DayOut(**(asdict(day) | {"project": day.slug})) for day in days]
    return HoursOut(items=items, stretch=_stretch(stretch_of(by, now=now), now))


@reads(router, "/me/settings", answer=OwnSettings)
def get_own_settings(request: Asked) -> OwnSettings:
    """What the person has chosen for themselves."""
    return _settings(person(request))


@changes(router, "PATCH", "/me/settings", scope=Scope.LABEL, answer=OwnSettings)
def change_own_settings(request: Asked, told: OwnSettingsIn) -> OwnSettings:
    """Choose a language, a time zone, and whether to be lent sensitive questions. It holds from the next request on."""
    by = User.objects.get(pk=person(request).pk)
    now = _settings(by).model_dump()
    chosen = now | told.model_dump(exclude_none=True)
    form = SettingsForm(chosen, instance=by)
    form.fields.pop("email", None)
    if not form.is_valid():
        raise refusal(form, "told")
    form.save(commit=False).save(update_fields=list(now))
    return _settings(by)


@contextmanager
def _own_clock(by: User) -> Iterator[None]:
    """As pages do: days begin when the person's do."""
    with timezone.override(ZoneInfo(by.time_zone)):
        yield


def _desk(desk: Desk) -> DeskOut:
    changed, done = desk.changed, desk.done
    return DeskOut(
        to_rank=desk.to_rank,
        to_demonstrate=desk.to_demonstrate,
        done=DoneOut(rankings_today=done.rankings, demonstrations_today=done.demonstrations, all=done.all),
        begun=[_begun(each) for each in desk.begun],
        remarks=[_told(each, each.assignment) for each in desk.remarks],
        new_guideline=NewGuideline(version=changed.guideline.version, since=changed.since) if changed else None,
        agreement=_agreement(desk.agreement) if desk.agreement else None,
        emptiness=emptiness_out(desk.emptiness) if desk.emptiness else None,
    )


def _begun(begun: Begun) -> BegunOut:
    row = begun.assignment
    return BegunOut(
        id=row.public_id,
        kind=Kind(row.kind),
        state=AssignmentState(row.state),
        question=begun.start or None,
        saved_at=begun.saved_at,
        lease_until=row.lease_until if begun.held else None,
    )


def _agreement(found: Agreement) -> OwnAgreement:
    """As exact as on the page: more would say what others thought of single slates."""
    if found.share is None:
        return OwnAgreement(slates=found.slates, least=found.least, share=None, low=None, high=None)
    said = {name: round(getattr(found, name), 2) for name in ("share", "low", "high")}
    return OwnAgreement(slates=found.slates, least=found.least, **said)


def _told(remark: Remark, about: Assignment) -> ToldOut:
    return ToldOut(
        id=remark.public_id,
        assignment=about.public_id,
        text=remark.text,
        created_at=remark.created_at,
        read=remark.read_at is not None,
    )


def _work(work: Work) -> WorkOut:
    row, given = work.assignment, work.given
    return WorkOut(
        id=row.public_id,
        kind=Kind(row.kind),
        state=AssignmentState(row.state),
        question=work.start or None,
        at=row.done_at or row.lent_at,
        skip_reason=row.skip_reason if row.state == AssignmentState.SKIPPED else "",
        revision=given.revision if given else 0,
        late=row.surplus,
        hurried=getattr(given, "hurried", False),
        unsure=getattr(given, "unsure", False),
        remarks=[_told(each, row) for each in work.remarks],
        uses=[WorkUse.model_validate(vars(each)) for each in work.uses],
    )


def _sane(day: date) -> date:
    """At the ends of the calendar a moment has no time in another zone; nobody worked there."""
    return min(max(day, date(2000, 1, 1)), date(3000, 1, 1))


def _stretch(found: Stretch | None, now: datetime) -> StretchOut | None:
    return StretchOut(**vars(found), due=now - found.since >= BREAK_AFTER) if found else None


def _settings(by: User) -> OwnSettings:
    return OwnSettings(language=by.language, time_zone=by.time_zone, avoids_sensitive=by.avoids_sensitive)
