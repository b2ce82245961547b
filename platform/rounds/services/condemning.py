"""Take a deployed policy back without a person: its sampling failed for a reason that lies in it, or its texts are bad.

Where nothing is left to go back to, people go on with what waits, and the board says why.
"""

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from annotations.models import SamplingOrder
from annotations.services import slates
from rounds.machine import StageKind, StageState
from rounds.models import Deployment, Stage
from rounds.queries.deployed import has_proven_itself, writer_of
from rounds.queries.sampling import STANDING
from rounds.services import notices, sampling
from rounds.services.deployments import go_back, is_whole, lock_deployed, take_back, way_back
from rounds.services.rounds import RoundRefused
from rounds.store import StoreFull

log = structlog.get_logger()

# Failures of a sampling stage by what they say of its policy: numbers that are not finite come of its weights.
DAMNING = frozenset({"diverged"})
# These may as well come of the machine: a policy is to blame if its files are not whole, or it never delivered.
SUSPECT = frozenset({"refused", "crashed"})
# A directory that was refused says nothing of the policy, unless the policy's own files are not whole.
OF_FILES = frozenset({"artifact"})


def see_to_failures() -> None:
    """See to every sampling stage that failed and was not seen to: its supervisor may have died just then."""
    failed = Stage.objects.filter(kind=StageKind.SAMPLE, state=StageState.FAILED, seen_to_at=None)
    for stage_id in failed.filter(failure_kind__in=DAMNING | SUSPECT | OF_FILES).values_list("pk", flat=True):
        see_to(stage_id=stage_id)


def see_to(*, stage_id: int) -> None:
    """Take the policy of a failed sampling stage back if the failure lies in it. Twice does it once."""
    found = Stage.objects.filter(pk=stage_id, kind=StageKind.SAMPLE, state=StageState.FAILED, seen_to_at=None)
    stage = found.select_related("sampling_order__policy", "sampling_order__project", "project").first()
    if stage is None or stage.failure_kind not in DAMNING | SUSPECT | OF_FILES:
        return
    order = stage.sampling_order
    assert order is not None, "only sampling is seen to here"
    writer = writer_of(order)
    if writer is None:
        # It is deployed no more, so nothing is to be taken back.
        return
    if _is_to_blame(writer, stage.failure_kind):
        condemn(stage_id=stage_id, why=stage.failure_kind, message=stage.failure)
    else:
        _keep(stage)


def condemn(*, stage_id: int, why: str, message: str) -> None:
    """End a sampling stage whose policy is bad, and take the policy back, in one transaction.

    The current one gives way to the newest earlier policy whose files are whole. Where there is none it stays, the
    stage stands as failed, and what this order delivered is lent to nobody.
    """
    stage = Stage.objects.select_related("sampling_order__policy", "sampling_order__project").get(pk=stage_id)
    order = stage.sampling_order
    assert order is not None, "only sampling is condemned"
    # Outside the transaction: every byte of a large policy is read.
    earlier = way_back(order.project)
    try:
        with transaction.atomic():
            lock_deployed(order.project)
            _fail(stage, why, message)
            _give_way(stage, order, earlier, why)
    except RoundRefused as refusal:
        log.info("taken back meanwhile", stage=stage_id, reason=str(refusal))
        return
    try:
        sampling.order_if_nothing_waits(order.project)
    except StoreFull as error:
        log.warning("no space left for an order", project=order.project.slug, error=str(error))


def _give_way(stage: Stage, order: SamplingOrder, earlier: Deployment | None, why: str) -> None:
    writer = writer_of(order)
    if writer is not None and writer.canary:
        take_back(None, writer, reason=stage.failure, verb="withdraw", why=why)
    elif writer is not None and earlier is not None:
        go_back(None, writer, earlier, reason=stage.failure, why=why)
    else:
        _stand_still(stage, order, why, alone=writer is not None)


def _stand_still(stage: Stage, order: SamplingOrder, why: str, *, alone: bool) -> None:
    """Nothing can be gone back to: what this order delivered goes, and an operator reads why no more comes."""
    slates.quarantine(policy=order.policy, orders=SamplingOrder.objects.filter(pk=order.pk))
    said = _("No earlier policy is left to go back to, so people go on with what waits already.") if alone else ""
    message = f"{stage.failure} {said}".strip()
    Stage.objects.filter(pk=stage.pk).update(failure=message, seen_to_at=Now())
    journal.record(project=order.project, actor=None, verb="keep", subject=stage, why=why)
    notices.tell(project=order.project, round=None, kind="kept", policy=order.policy.name, message=message)


def _fail(stage: Stage, why: str, message: str) -> None:
    """Mark the stage as failed for this reason; whoever works on it loses its lease and ends the trainer."""
    standing = Stage.objects.filter(pk=stage.pk, state__in=STANDING)
    lost = {"lease_owner": "", "lease_until": None, "ended_at": Now()}
    if standing.update(state=StageState.FAILED, failure=message, failure_kind=why, **lost) != 1:
        raise RoundRefused(f"stage {stage.pk} has ended")
    journal.record(
        project=stage.project, actor=None, verb="fail", subject=stage, old=stage.state, new=StageState.FAILED, why=why
    )
    stage.failure, stage.failure_kind = message, why


def _is_to_blame(writer: Deployment, kind: str) -> bool:
    if kind in DAMNING:
        return True
    return not is_whole(writer.policy) or (kind in SUSPECT and not has_proven_itself(writer))


@transaction.atomic
def _keep(stage: Stage) -> None:
    """Note that the failure is not the policy's; the order stands until a person retries or cancels it."""
    if Stage.objects.filter(pk=stage.pk, state=StageState.FAILED, seen_to_at=None).update(seen_to_at=Now()) != 1:
        return
    journal.record(project=stage.project, actor=None, verb="keep", subject=stage, why=stage.failure_kind)
    order = stage.sampling_order
    assert order is not None, "only sampling is seen to here"
    notices.tell(project=stage.project, round=None, kind="kept", policy=order.policy.name, message=stage.failure)
