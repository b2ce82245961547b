"""What a supervisor may do to a stage: claim it, keep it, give it back, and say how it ended.

Every change names the owner and the fence of its claim, so a supervisor that comes back late changes nothing.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now

from accounts import journal
from rounds.machine import StageKind, StageState
from rounds.models import Beat, Facts, Round, Stage
from rounds.services import notices

CRASHES_ALLOWED = 3


class LeaseLost(Exception):
    """The stage was cancelled, or its lease ran out and another supervisor has it."""


@dataclass(frozen=True)
class Claim:
    """The right to run one stage, as long as the lease is extended."""

    stage_id: int
    owner: str
    fence: int

    def rows(self) -> "QuerySet[Stage]":
        return Stage.objects.filter(
            pk=self.stage_id, state=StageState.WAITING, lease_owner=self.owner, fence=self.fence
        )


def _free() -> "QuerySet[Stage]":
    return Stage.objects.filter(Q(lease_until=None) | Q(lease_until__lt=Now()), state=StageState.WAITING)


def _claimable() -> "QuerySet[Stage]":
    return _free().filter(Q(round=None) | Q(round__failure=""))


def claim_stage(*, owner: str, seconds: int) -> Claim | None:
    """Take the lease of the stage that is most wanted: sampling first, since people wait for it; then the oldest."""
    sampling_first = Case(
        When(kind=StageKind.SAMPLE, then=Value(0)), default=Value(1), output_field=models.IntegerField()
    )
    for stage in _claimable().order_by(sampling_first, "created_at")[:5]:
        # Conditions on the row itself only: a join becomes a subquery, which PostgreSQL does not ask again
        # after it has waited for the other claimant's commit, and then both would win.
        won = _free().filter(pk=stage.pk, fence=stage.fence)
        lease = {
            "lease_owner": owner,
            "lease_until": Now() + timedelta(seconds=seconds),
            "fence": F("fence") + 1,
        }
        if won.update(**lease, started_at=Coalesce("started_at", Now())) == 1:
            return Claim(stage_id=stage.pk, owner=owner, fence=stage.fence + 1)
    return None


def held_claims(*, owner: str) -> list[Claim]:
    """The claims that a restarted supervisor of this name still holds."""
    held = Stage.objects.filter(state=StageState.WAITING, lease_owner=owner)
    return [Claim(stage_id=stage.pk, owner=owner, fence=stage.fence) for stage in held]


def strays() -> list[Stage]:
    """Stages whose lease was taken away while their trainer worked, and which nobody has claimed since."""
    paused = Stage.objects.filter(state=StageState.WAITING, lease_owner="").exclude(child={})
    return list(paused.select_related("sampling_order", "project"))


def is_wanted(stage_id: int) -> bool:
    """Whether what a supervisor has begun will be gone on with: its lease was taken away, and nobody else has it."""
    return Stage.objects.filter(pk=stage_id, state=StageState.WAITING, lease_owner="").exists()


def extend_lease(*, claim: Claim, seconds: int) -> None:
    """Keep the stage for `seconds` more. Raises LeaseLost."""
    if claim.rows().update(lease_until=Now() + timedelta(seconds=seconds)) != 1:
        raise LeaseLost(f"stage {claim.stage_id}")


def remember_child(*, claim: Claim, child: Facts) -> None:
    """Note the child's process, so that a restarted supervisor adopts it. Raises LeaseLost."""
    if claim.rows().update(child=child) != 1:
        raise LeaseLost(f"stage {claim.stage_id}")


def sampling_waits() -> bool:
    """Whether people wait for completions that nobody writes yet."""
    return _claimable().filter(kind=StageKind.SAMPLE).exists()


@transaction.atomic
def release(*, claim: Claim) -> None:
    """Give the stage back with its checkpoint; it goes on where it stood."""
    claim.rows().update(lease_owner="", lease_until=None, child={})


@transaction.atomic
def finished(*, claim: Claim) -> None:
    """Say that the artifact stands. Raises LeaseLost, and then nobody takes it in on this claim's word."""
    _end(claim, StageState.FINISHED)


@transaction.atomic
def failed(*, claim: Claim, kind: str, message: str) -> None:
    """Stop the stage, and its round where it is, with a reason for a person. Raises LeaseLost."""
    stage = _end(claim, StageState.FAILED, failure=message, failure_kind=kind)
    _stop_round(stage, message, kind)


@transaction.atomic
def crashed(*, claim: Claim, message: str) -> None:
    """Count a crash. The stage is tried again, `CRASHES_ALLOWED` times in all, then it is failed."""
    if claim.rows().update(attempts=F("attempts") + 1, lease_owner="", lease_until=None, child={}) != 1:
        raise LeaseLost(f"stage {claim.stage_id}")
    stage = Stage.objects.get(pk=claim.stage_id)
    journal.record(project=stage.project, actor=None, verb="crash", subject=stage, attempts=stage.attempts)
    if stage.attempts >= CRASHES_ALLOWED:
        worn_out = Stage.objects.filter(pk=stage.pk, state=StageState.WAITING, fence=claim.fence, lease_owner="")
        if worn_out.update(state=StageState.FAILED, failure=message, failure_kind="crashed", ended_at=Now()) == 1:
            journal.record(project=stage.project, actor=None, verb="fail", subject=stage, new=StageState.FAILED)
            _stop_round(stage, message, "crashed")


def _stop_round(stage: Stage, message: str, kind: str) -> None:
    if stage.round_id is not None:
        Round.objects.filter(pk=stage.round_id).update(failure=message, failure_kind=kind)
        notices.tell_of_stop(stage.round_id, kind=kind, message=message)


def _end(claim: Claim, state: StageState, **facts: str) -> Stage:
    ended: Facts = {"state": state, "lease_owner": "", "lease_until": None, "child": {}, "ended_at": Now(), **facts}
    if claim.rows().update(**ended) != 1:
        raise LeaseLost(f"stage {claim.stage_id}")
    stage = Stage.objects.select_related("project").get(pk=claim.stage_id)
    journal.record(project=stage.project, actor=None, verb="end", subject=stage, old=StageState.WAITING, new=state)
    return stage


def say_alive(*, name: str, facts: Facts) -> None:
    """Move the sign of life that the operator's pages look at."""
    Beat.objects.update_or_create(name=name, defaults={"at": Now(), "facts": facts})
