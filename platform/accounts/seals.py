"""Seals of the journal: batches in a chain of digests, so that whoever changes an old entry is found out.

Each batch's digest takes in the digest before it (Haber and Stornetta 1991, "How to Time-Stamp a Digital Document"),
so one digest that was noted elsewhere vouches for everything up to it. Covered are an entry's number, project, time,
the actor's pseudonym, verb, subject, states and facts. `actor` itself is not: it is emptied when a person is erased,
and while it is there it must lead to the pseudonym. The journal holds no free text, so nothing else is ever erased.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet

from accounts.models import JournalEntry, JournalSeal

log = structlog.get_logger()

GENESIS = "0" * 64
# Longer than any transaction may last: on PostgreSQL an entry may be committed after one with a higher number.
GRACE = timedelta(minutes=10)
LARGEST = 10_000
COVERED = ("id", "project_id", "at", "pseudonym", "verb", "subject", "subject_id", "old", "new", "facts")
CHANGED, REMOVED, ADDED, UNCHAINED = "changed", "removed", "added", "unchained"

Row = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """The first batch that does not match, and what is wrong with it. `entry`: where it is known which one."""

    batch: int
    first: int
    last: int
    at: datetime
    what: str
    entry: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a look at the whole chain found: the batches and entries that match, up to the first fault."""

    batches: int
    entries: int
    digest: str
    fault: Fault | None
    unsealed: int


def seal_if_due(*, now: datetime) -> JournalSeal | None:
    """Seal a batch once its first entry has waited twice the grace: about one each ten minutes, however often asked."""
    oldest = _unsealed().order_by("pk").values_list("at", flat=True).first()
    return seal(now=now) if oldest is not None and oldest < now - 2 * GRACE else None


def seal(*, now: datetime) -> JournalSeal | None:
    """Seal the next batch of entries older than the grace. None: there is none, or another sealer was faster."""
    before = JournalSeal.objects.order_by("-last").first()
    rows = list(_rows(_settled(now, after=before.last if before else None))[:LARGEST])
    if not rows:
        return None
    made = JournalSeal(first=rows[0]["id"], last=rows[-1]["id"], count=len(rows), at=now)
    made.previous = before.digest if before else GENESIS
    made.digest = digest_of(made, rows)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        return None
    # The log is another place: whoever can write to the database cannot take this line back.
    log.info("journal sealed", first=made.first, last=made.last, digest=made.digest)
    return made


def verify(*, after: JournalSeal | None = None, most: int | None = None) -> Verdict:
    """Compute the chain anew from the entries as they are, up to the first batch that does not match.

    In parts: the `most` batches that follow `after`, which an earlier part has found to match.
    """
    chain = JournalSeal.objects.order_by("last", "pk")
    matching = chain.filter(last__lte=after.last).count() if after else 0
    before, entries, fault = after, 0, None
    for each in chain.filter(last__gt=after.last)[:most] if after else chain[:most]:
        fault = _fault_of(each, before, matching + 1)
        if fault is not None:
            break
        before, entries, matching = each, entries + each.count, matching + 1
    return Verdict(matching, entries, before.digest if before else GENESIS, fault, _unsealed().count())


def digest_of(seal: JournalSeal, rows: Iterable[Row]) -> str:
    """The hexadecimal SHA-256 of the batch's own line and then of one line per entry, as canonical JSON."""
    head = {"previous": seal.previous, "first": seal.first, "last": seal.last, "count": seal.count, "at": seal.at}
    found = sha256(_canonical(head))
    for row in rows:
        found.update(b"\n" + _canonical(row))
    return found.hexdigest()


def _fault_of(seal: JournalSeal, before: JournalSeal | None, batch: int) -> Fault | None:
    def fault(what: str, entry: int | None = None) -> Fault:
        return Fault(batch, seal.first, seal.last, seal.at, what, entry)

    if seal.previous != (before.digest if before else GENESIS):
        return fault(UNCHAINED)
    inside = _beyond(before.last if before else None).filter(pk__lte=seal.last)
    rows = list(_rows(inside))
    if len(rows) != seal.count:
        return fault(REMOVED if len(rows) < seal.count else ADDED)
    renamed = inside.filter(actor__isnull=False).exclude(actor__pseudonym=F("pseudonym")).order_by("pk").first()
    if renamed is not None:
        return fault(CHANGED, renamed.pk)
    return None if digest_of(seal, rows) == seal.digest else fault(CHANGED)


def _unsealed() -> "QuerySet[JournalEntry]":
    return _beyond(JournalSeal.objects.aggregate(last=Max("last"))["last"])


def _beyond(after: int | None) -> "QuerySet[JournalEntry]":
    return JournalEntry.objects.filter(Q() if after is None else Q(pk__gt=after))


def _settled(now: datetime, *, after: int | None) -> "QuerySet[JournalEntry]":
    """The entries before the first that is too young: nothing can be committed among them any more."""
    waiting = _beyond(after)
    young = waiting.filter(at__gte=now - GRACE).order_by("pk").values_list("pk", flat=True).first()
    return waiting if young is None else waiting.filter(pk__lt=young)


def _rows(entries: "QuerySet[JournalEntry]") -> "QuerySet[Any, Row]":
    rows: QuerySet[Any, Row] = entries.order_by("pk").values(*COVERED)
    return rows


def _canonical(facts: Row) -> bytes:
    """One text for one content, on either kind of database: sorted keys, UTC, no number in two ways."""
    return json.dumps(_plain(facts), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    # jsonb keeps 1e22 as digits, and Python reads those as an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value
