"""When a person worked: the time of each answer, days of it, and how long they have been at it without a pause."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import JournalEntry, Project, User
from annotations.choices import AssignmentState
from annotations.models import Assignment, Demonstration, Ranking

# An answer counts no longer than this, whatever its page says: it may have stood open over lunch.
LONGEST = timedelta(minutes=30)
PAUSE = timedelta(minutes=5)
# After so much work without a pause of `PAUSE`, the break card is shown.
BREAK_AFTER = timedelta(minutes=50)
_STRETCH = timedelta(hours=6)
_NEWEST = 400

RANKING, REVISION, DEMONSTRATION, SKIP = "rankings", "revisions", "demonstrations", "skips"


class Span(NamedTuple):
    """One thing that a person did, and from when to when they were at it."""

    start: datetime
    end: datetime
    slug: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a person did for one project on one day of their own time zone."""

    day: date
    slug: str
    project: str
    minutes: int
    rankings: int
    demonstrations: int
    revisions: int
    skips: int


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Work without a pause, up to now."""

    since: datetime
    minutes: int
    answers: int


def days_of(person: User, *, since: datetime | None = None, slug: str = "") -> list[Day]:
    """Return the person's own days, newest first: active minutes and counts, by project (`slug`: of this one only).

    A minute counts once, however many answers were open in it; an answer counts `LONGEST` at the most.
    """
    days: dict[tuple[date, str], list[Span]] = defaultdict(list)
    for span in [*_answers(person, since), *_skips(person, since)]:
        if not slug or span.slug == slug:
            days[timezone.localtime(span.end).date(), span.slug].append(span)
    names = dict(Project.objects.filter(slug__in={found for _, found in days}).values_list("slug", "name"))
    return [_day(key, names[key[1]], days[key]) for key in sorted(days, key=_newest_first)]


def stretch_of(person: User, *, now: datetime) -> Stretch | None:
    """Return how long the person has worked until `now` without a pause; None: they are not at it."""
    spans = sorted(_answers(person, now - _STRETCH, most=_NEWEST), key=lambda span: span.end, reverse=True)
    if not spans or now - spans[0].end >= PAUSE:
        return None
    since, answers = spans[0].start, 0
    for span in spans:
        if since - span.end >= PAUSE:
            break
        since, answers = min(since, span.start), answers + 1
    return Stretch(since=since, minutes=int((now - since).total_seconds() // 60), answers=answers)


def active_time(spans: Iterable[Span]) -> timedelta:
    """Return how much time lies in at least one span."""
    total, reached = timedelta(), None
    for span in sorted(spans):
        begin = span.start if reached is None else max(span.start, reached)
        if span.end > begin:
            total += span.end - begin
        reached = span.end if reached is None else max(reached, span.end)
    return total


def _answers(person: User, since: datetime | None, *, most: int | None = None) -> Iterator[Span]:
    for said, what in ((Ranking, RANKING), (Demonstration, DEMONSTRATION)):
        kept: QuerySet[Any] = said._default_manager.filter(labeler=person, withdrawn_at=None)
        before = kept.filter(assignment=OuterRef("assignment"), revision__lt=OuterRef("revision"))
        rows = kept.annotate(again=Exists(before))
        if since is not None:
            rows = rows.filter(created_at__gte=since)
        columns = ("assignment__lent_at", "created_at", "again", "making", "assignment__project__slug")
        for lent, done, again, making, slug in rows.order_by("-pk")[:most].values_list(*columns):
            start = done - _took(None if again else lent, done, making)
            yield Span(start, done, slug, REVISION if again else what)


def _took(lent: datetime | None, done: datetime, making: Any) -> timedelta:
    """What the page measured, between opening and sending; else the time since it was lent. A guess is bounded."""
    began, sent = _moment(making, "began"), _moment(making, "sent")
    if began and sent:
        return min(max(sent - began, timedelta()), LONGEST)
    return min(max(done - lent, timedelta()), LONGEST) if lent else timedelta()


def _moment(making: Any, name: str) -> datetime | None:
    said = making.get(name) if isinstance(making, dict) else None
    try:
        found = parse_datetime(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None


def _skips(person: User, since: datetime | None) -> Iterator[Span]:
    """Skips by the journal, which alone knows when: the assignment says what was given back, and when it was lent."""
    entries = JournalEntry.objects.filter(actor=person, verb="skip", subject="assignment", project__isnull=False)
    if since is not None:
        entries = entries.filter(at__gte=since)
    mine = Assignment.objects.filter(labeler=person, state=AssignmentState.SKIPPED)
    lent = dict(mine.values_list("pk", "lent_at"))
    for subject, at, slug in entries.values_list("subject_id", "at", "project__slug"):
        yield Span(at - _took(lent.get(int(subject)), at, {}), at, slug, SKIP)


def _day(key: tuple[date, str], project: str, spans: Sequence[Span]) -> Day:
    counts = Counter(span.what for span in spans)
    return Day(
        day=key[0],
        slug=key[1],
        project=project,
        minutes=round(active_time(spans).total_seconds() / 60),
        rankings=counts[RANKING],
        demonstrations=counts[DEMONSTRATION],
        revisions=counts[REVISION],
        skips=counts[SKIP],
    )


def _newest_first(key: tuple[date, str]) -> tuple[int, str]:
    return -key[0].toordinal(), key[1]
