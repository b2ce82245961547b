"""Take in what a trainer wrote: verify it, note it in rows, judge it, and place the next order, in one transaction."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from annotations.models import Policy, SamplingOrder
from annotations.services import slates
from annotations.services.slates import NotOrdered
from rounds import gates, health, store
from rounds.gates import Gates
from rounds.machine import StageKind, StageState, State
from rounds.models import Artifact, Facts, RewardModel, Round, Stage
from rounds.queries.deployed import became_current, compared_with, current_deployment, orders_of, shown_by, writer_of
from rounds.queries.gate_rules import evaluated, rules_of
from rounds.services import condemning, rounds
from rounds.services.rounds import RoundMoved
from rounds.services.stage_orders import begins_from
from trainer import manifest
from trainer.manifest import ManifestError

ARTIFACT_KINDS = {
    StageKind.SFT: "policy",
    StageKind.REWARD: "reward_model",
    StageKind.PPO: "policy",
    StageKind.RLOO: "policy",
    StageKind.DPO: "policy",
    StageKind.EVALUATE: "evaluation",
    StageKind.SAMPLE: "sampling",
}
# Of a sampling stage: what it delivers is still taken in.
AT_WORK = (StageState.WAITING, StageState.FINISHED)


class Unhealthy(Exception):
    """A policy's completions are not fit to be lent; the message says which figures passed which limits."""


def take_in_stage(stage_id: int) -> None:
    """Take in a finished stage's artifact. Does nothing where that is done, or the stage was cancelled.

    A directory that is not what its manifest says stops the stage and its round, with a sentence naming the file.
    """
    related = ("round__project", "round__init_policy", "sampling_order__project", "project")
    # What a paused round has finished waits as it lies: to verify it again every few seconds would be no pause.
    due = Stage.objects.filter(Q(round=None) | Q(round__failure=""), pk=stage_id, state=StageState.FINISHED)
    stage = due.select_related(*related).first()
    if stage is None:
        return
    try:
        if stage.kind == StageKind.SAMPLE:
            take_in_shards(stage_id)
        artifact = _verified_artifact(stage)
        _TAKE_IN[StageKind(stage.kind)](stage, artifact)
    except (ManifestError, KeyError, TypeError, ValueError) as error:
        _refuse(stage, _unreadable(stage, error))
    except RoundMoved:
        # Cancelled, or taken in by another worker: that transaction said all there is to say.
        return


def _unreadable(stage: Stage, error: Exception) -> str:
    if isinstance(error, ManifestError):
        return str(error)
    place = store.artifact_path(stage.public_id)
    return _("%(path)s is not what docs/seam.md describes: %(error)r") % {"path": place, "error": error}


def _verified_artifact(stage: Stage) -> Artifact:
    """The artifact that the stage was ordered to write, unsaved. Raises ManifestError."""
    path = store.artifact_path(stage.public_id)
    facts = manifest.read(store.full_path(path), kind=ARTIFACT_KINDS[StageKind(stage.kind)])
    _must_be_ordered(stage, path, facts)
    digest = manifest.digest(store.full_path(path))
    return Artifact(stage=stage, kind=facts["kind"], path=path, digest=digest, metrics=facts["metrics"])


def _must_be_ordered(stage: Stage, path: str, facts: Facts) -> None:
    inputs = {role: given["digest"] for role, given in stage.inputs.items()}
    ordered = {"stage": stage.kind, "inputs": inputs, "seed": stage.seed}
    for name, wanted in ordered.items():
        if facts.get(name) != wanted:
            raise ManifestError(f"{path} was made with {name} {facts.get(name)!r}, where {wanted!r} was ordered")
    for key, wanted in stage.settings.items():
        if facts["config"].get(key) != wanted:
            raise ManifestError(f"{path} was made with {key} {facts['config'].get(key)!r}, where {wanted!r} was set")


def _close(stage: Stage, artifact: Artifact) -> None:
    """Mark the stage as taken in, in the caller's transaction. Raises RoundMoved if it no longer waits for that."""
    finished = Stage.objects.filter(pk=stage.pk, state=StageState.FINISHED)
    if finished.update(state=StageState.TAKEN_IN) != 1:
        raise RoundMoved(f"stage {stage.pk} does not wait to be taken in")
    artifact.save()
    _journal(stage, "take_in", StageState.TAKEN_IN)


@transaction.atomic
def _refuse(stage: Stage, message: str) -> None:
    rows = Stage.objects.filter(pk=stage.pk, state__in=[StageState.WAITING, StageState.FINISHED])
    failed = {"state": StageState.FAILED, "failure": message, "failure_kind": "artifact", "ended_at": Now()}
    if rows.update(**failed, lease_owner="", lease_until=None) != 1:
        return
    _journal(stage, "refuse", StageState.FAILED)
    if stage.round is not None:
        rounds.stop(round_id=stage.round.pk, state=State(stage.round.state), kind="artifact", message=message)


def _journal(stage: Stage, verb: str, new: StageState) -> None:
    journal.record(project=stage.project, actor=None, verb=verb, subject=stage, old=stage.state, new=new)


@transaction.atomic
def _take_in_sft(stage: Stage, artifact: Artifact) -> None:
    _close(stage, artifact)
    round = _round(stage)
    policy = _new_policy(stage, artifact, parent=round.init_policy)
    rounds.go_on(round_id=round.pk, old=State.SFT, new=State.REWARD, sft_policy=policy)


@transaction.atomic
def _take_in_reward(stage: Stage, artifact: Artifact) -> None:
    report = store.read_json(f"{artifact.path}/report.json")
    verdicts = gates.reward_gates(report, rules_of(_round(stage).project))
    _close(stage, artifact)
    row = {"path": artifact.path, "digest": artifact.digest, "report": report}
    RewardModel.objects.update_or_create(round=_round(stage), defaults=row)
    _judge(_round(stage), verdicts)


@transaction.atomic
def _take_in_improved(stage: Stage, artifact: Artifact) -> None:
    _close(stage, artifact)
    round = _round(stage)
    policy = _new_policy(stage, artifact, parent=begins_from(round))
    rounds.go_on(round_id=round.pk, old=State.PPO, new=State.EVALUATING, candidate=policy)


@transaction.atomic
def _take_in_evaluation(stage: Stage, artifact: Artifact) -> None:
    verdicts = evaluated(_round(stage).project, artifact.path)
    _close(stage, artifact)
    round = _judge(_round(stage), verdicts)
    if round.state == State.REVIEW and _rule_approves(round):
        rounds.move(round_id=round.pk, old=State.REVIEW, new=State.DEPLOYING, verb="approve")


@transaction.atomic
def _take_in_sampling(stage: Stage, artifact: Artifact) -> None:
    assert stage.sampling_order_id is not None, "only sampling is taken in here"
    digests = list(stage.artifacts.order_by("shard").values_list("digest", flat=True))
    if store.read_json(f"{artifact.path}/shards.json") != digests:
        raise ManifestError(f"{artifact.path}/shards.json does not name the shards that were taken in")
    _close(stage, artifact)
    SamplingOrder.objects.filter(pk=stage.sampling_order_id, finished_at=None).update(finished_at=Now())


_TAKE_IN = {
    StageKind.SFT: _take_in_sft,
    StageKind.REWARD: _take_in_reward,
    StageKind.PPO: _take_in_improved,
    StageKind.RLOO: _take_in_improved,
    StageKind.DPO: _take_in_improved,
    StageKind.EVALUATE: _take_in_evaluation,
    StageKind.SAMPLE: _take_in_sampling,
}


def _round(stage: Stage) -> Round:
    assert stage.round is not None, "only sampling belongs to no round"
    return stage.round


def _new_policy(stage: Stage, artifact: Artifact, *, parent: Policy) -> Policy:
    """Name what the stage made after its round: r3-ppo, and r3-ppo-2 when the stage was ordered a second time."""
    round = _round(stage)
    tries = round.stages.filter(kind=stage.kind, pk__lte=stage.pk).count()
    name = f"r{round.number}-{stage.kind}" + (f"-{tries}" if tries > 1 else "")
    row = {"name": name, "path": artifact.path, "parent": parent}
    return Policy.objects.get_or_create(project_id=round.project_id, digest=artifact.digest, defaults=row)[0]


def _judge(round: Round, verdicts: Gates) -> Round:
    """Note the verdicts; go on where they allow it, else stop the round where it is."""
    known = round.gates | verdicts
    state = State(round.state)
    if gates.stopping(verdicts):
        rounds.stop(round_id=round.pk, state=state, kind="gate", message=gates.sentences(verdicts), gates=known)
        return round
    return rounds.go_past_gates(round, gates=known)


def _rule_approves(round: Round) -> bool:
    """Whether no person need look: it was chosen so, every gate passed, and what it was held against still writes."""
    current = current_deployment(round.project)
    passed = gates.all_pass(round.gates)
    return (
        round.choices["approve"] == "rule"
        and passed
        and current is not None
        and current.policy_id == compared_with(round).policy_id
    )


def take_in_shards(stage_id: int) -> None:
    """Take in every complete shard of a sampling stage at work that is not in yet, oldest first."""
    stage = (
        Stage.objects.select_related("sampling_order__project", "project")
        .filter(pk=stage_id, kind=StageKind.SAMPLE, state__in=AT_WORK)
        .first()
    )
    if stage is None:
        return
    known = set(stage.artifacts.exclude(shard=None).values_list("shard", flat=True))
    try:
        for shard, path in sorted(store.shards(stage.public_id).items()):
            if shard not in known:
                _take_in_shard(stage, shard, path)
    except (ManifestError, NotOrdered, KeyError, TypeError, ValueError) as error:
        _refuse(stage, _unreadable(stage, error))
    except Unhealthy as error:
        condemning.condemn(stage_id=stage.pk, why="health", message=str(error))
    except RoundMoved:
        # Cancelled meanwhile, or its policy was taken back: what it still delivers is nobody's.
        return


def _take_in_shard(stage: Stage, shard: int, path: str) -> None:
    """Take one shard in, unless its order's policy writes what it should not: then nobody sees any of it.

    Raises Unhealthy, ManifestError, NotOrdered, and RoundMoved where the stage has ended meanwhile.
    """
    order = stage.sampling_order
    assert order is not None
    facts = manifest.read(store.full_path(path), kind="completions")
    _must_be_ordered(stage, path, facts)
    digest = manifest.digest(store.full_path(path))
    rows: list[dict[str, Any]] = list(store.read_rows(f"{path}/completions.jsonl"))
    sums = health.sums_of(rows)
    _must_be_healthy(stage, sums)
    metrics = facts["metrics"] | {"health": sums}
    row = Artifact(stage=stage, kind="completions", shard=shard, path=path, digest=digest, metrics=metrics)
    try:
        with transaction.atomic():
            _must_be_at_work(stage)
            row.save()
            slates.take_in_completions(order=order, rows=rows)
            if _begins_a_policy(order):
                slates.retire_untouched(project=order.project, before=order, spared=_same_writers(order))
    except IntegrityError:
        # Another worker took this very shard in; its transaction did all of this.
        if not Artifact.objects.filter(stage=stage, shard=shard).exists():
            raise


def _must_be_healthy(stage: Stage, sums: health.Sums) -> None:
    """Raise Unhealthy where the order's completions so far, these with them, are not what its policy showed."""
    order = stage.sampling_order
    assert order is not None
    earlier = stage.artifacts.exclude(shard=None).values_list("metrics", flat=True)
    so_far = health.added([*(metrics["health"] for metrics in earlier if "health" in metrics), sums])
    writer = writer_of(order)
    # By itself too: many good shards before it do not make a bad one fit to be read.
    for some in (sums, so_far):
        judged = health.judge(some, shown_by(writer) if writer else None)
        if judged.failed:
            raise Unhealthy(judged.sentence())


def _must_be_at_work(stage: Stage) -> None:
    """Hold the stage until the transaction ends: who takes its policy back waits, and then finds what came of it."""
    at_work = Stage.objects.select_for_update().filter(pk=stage.pk, state__in=AT_WORK)
    if not at_work.exists():
        raise RoundMoved(f"stage {stage.pk} has ended")


def _begins_a_policy(order: SamplingOrder) -> bool:
    """Whether older slates may go now: nothing was asked of this writer before, since it became the current one.

    A canary retires nothing, and what is promoted does so with the first order that follows.
    """
    writer = writer_of(order)
    first = became_current(writer).first() if writer and not writer.canary else None
    if writer is None or first is None:
        return False
    earlier = orders_of(writer).filter(pk__lt=order.pk)
    return not earlier.filter(created_at__gte=first.started_at).exists()


def _same_writers(order: SamplingOrder) -> "QuerySet[SamplingOrder]":
    writer = writer_of(order)
    return orders_of(writer) if writer else SamplingOrder.objects.filter(pk=order.pk)
