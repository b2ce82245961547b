"""Freeze what people said: one consistent read becomes a dataset directory, a Snapshot and the round's first stage."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

from accounts.models import Project
from annotations import records
from annotations.choices import Split
from annotations.models import Demonstration, Ranking
from rounds import store
from rounds.machine import State
from rounds.models import Facts, Round, Snapshot
from rounds.queries.deployed import kept_rounds
from rounds.queries.safety import records_of as safety_records
from rounds.services import rounds
from rounds.services.rounds import RoundMoved
from rounds.store import StoreFull

# Long enough for the read, short enough that a killed worker costs a minute.
LEASE_SECONDS = 60
ROWS_A_SECOND = 1000
PINNED_AT_ONCE = 500


@dataclass
class Passed:
    """What went by while the files were written: what the snapshot pins, and what its manifest tells."""

    rankings: list[int] = field(default_factory=list)
    demonstrations: list[int] = field(default_factory=list)
    imitable: set[int] = field(default_factory=set)
    policies: dict[str, str] = field(default_factory=dict)
    prompts: int = 0
    safety: int = 0

    def counts(self) -> dict[str, int]:
        rows = {"rankings": len(self.rankings), "demonstrations": len(self.demonstrations), "prompts": self.prompts}
        return rows | ({"safety": self.safety} if self.safety else {})


def freeze(*, round_id: int, owner: str) -> None:
    """Freeze the round's snapshot and move it on. Does nothing where another worker has it or it has moved."""
    round = Round.objects.select_related("project").filter(pk=round_id).first()
    if round is None:
        return
    seconds = LEASE_SECONDS + Ranking.objects.filter(slate__project=round.project).count() // ROWS_A_SECOND
    fence = rounds.claim(round_id=round_id, state=State.EXPORTING, owner=owner, seconds=seconds)
    if fence is None:
        return
    _clear_earlier(round, fence)
    snapshot = Snapshot(project=round.project, public_id=_snapshot_id(round, fence))
    snapshot.path = store.dataset_path(snapshot.public_id)
    try:
        _write_and_go_on(round, fence, snapshot)
    except RoundMoved:
        # Cancelled, or the lease ran out and a successor writes its own: nobody will ever name this directory.
        store.remove(snapshot.path)


def _write_and_go_on(round: Round, fence: int, snapshot: Snapshot) -> None:
    try:
        passed = _write(round, snapshot)
    except StoreFull:
        rounds.stop_full(round_id=round.pk, state=State.EXPORTING, fence=fence)
    else:
        _go_on(round, fence, snapshot, passed)


def _snapshot_id(round: Round, fence: int) -> uuid.UUID:
    """A directory of its own for each claim, so that a late worker and its successor cannot meet."""
    return uuid.uuid5(round.public_id, f"snapshot {fence}")


def _clear_earlier(round: Round, fence: int) -> None:
    for earlier in range(1, fence):
        store.remove(store.dataset_path(_snapshot_id(round, earlier)))


def _write(round: Round, snapshot: Snapshot) -> Passed:
    passed = Passed()
    rows = {
        "rankings": _rankings(round.project, passed),
        "demonstrations": _demonstrations(round.project, passed),
        "prompts": _prompts(round.project, passed),
    }
    # The file is there only where the project has any.
    if round.project.safety_prompts.exists():
        rows["safety"] = _safety(round.project, passed)
    with one_read():
        snapshot.digest = store.write_dataset(snapshot.path, rows, lambda: _facts(round, passed))
    snapshot.counts = passed.counts()
    return passed


def _rankings(project: Project, passed: Passed) -> Iterator[Facts]:
    for ranking in records.rankings_of(project):
        passed.rankings.append(ranking.pk)
        for placed in ranking.placements:
            passed.policies[placed.policy.id] = placed.policy.digest
        yield records.ranking_record(ranking)


def _demonstrations(project: Project, passed: Passed) -> Iterator[Facts]:
    for demonstration in records.demonstrations_of(project):
        passed.demonstrations.append(demonstration.pk)
        if demonstration.prompt.split == Split.TRAIN:
            passed.imitable.add(demonstration.pk)
        yield records.demonstration_record(demonstration)


def _prompts(project: Project, passed: Passed) -> Iterator[Facts]:
    for prompt in records.prompts_of(project):
        passed.prompts += 1
        yield records.prompt_record(prompt)


def _safety(project: Project, passed: Passed) -> Iterator[Facts]:
    for record in safety_records(project):
        passed.safety += 1
        yield record


def _facts(round: Round, passed: Passed) -> Facts:
    return {
        "project": round.project.slug,
        "round": round.number,
        "policies": passed.policies,
        "counts": passed.counts(),
    }


@transaction.atomic
def _go_on(round: Round, fence: int, snapshot: Snapshot, passed: Passed) -> None:
    snapshot.save()
    _pin(snapshot, passed)
    new = State.SFT if _imitates(round, passed) else State.REWARD
    rounds.go_on(round_id=round.pk, old=State.EXPORTING, new=new, fence=fence, snapshot=snapshot)


def _imitates(round: Round, passed: Passed) -> bool:
    """SFT runs where it was asked for, or unasked where there are demonstrations that no kept round has seen."""
    wanted = round.choices["sft"]
    if wanted is False or not passed.imitable:
        return False
    seen = Demonstration.objects.filter(snapshots__rounds__in=kept_rounds(round.project).order_by())
    return wanted or bool(passed.imitable - set(seen.values_list("pk", flat=True)))


def _pin(snapshot: Snapshot, passed: Passed) -> None:
    for ids in _chunks(passed.rankings):
        snapshot.rankings.add(*ids)
    for ids in _chunks(passed.demonstrations):
        snapshot.demonstrations.add(*ids)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PINNED_AT_ONCE):
        yield ids[start : start + PINNED_AT_ONCE]


@contextmanager
def one_read() -> Iterator[None]:
    """Let every query inside see one moment of the database, without holding back those who write.

    Inside a transaction that has begun already, this adds nothing.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        yield from _deferred()
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # A snapshot may take longer than a page is allowed to.
            cursor.execute("SET LOCAL statement_timeout = 0")
            yield


def _deferred() -> Iterator[None]:
    # Django's own transactions take the write lock at once; a read needs none.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
