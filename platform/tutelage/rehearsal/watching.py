"""Waits for what the machine does with a round, and reads off the rows and files how it went."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Max

from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Policy, Prompt, Slate
from rounds import curves
from rounds.machine import StageKind, StageState, State
from rounds.models import Artifact, Round, Stage
from rounds.store import full_path, read_json
from tutelage.rehearsal import measure
from tutelage.rehearsal.plan import CannotRehearse
from tutelage.rehearsal.progress import Progress

POLL_SECONDS = 0.25
# No stage of a rehearsal works this long; what does is stuck.
STUCK_SECONDS = 3 * 3600.0
CURVES = {
    StageKind.SFT: ["loss"],
    StageKind.REWARD: ["loss", "accuracy"],
    StageKind.PPO: ["objective/scores", "objective/kl", "length"],
}


def wait(until: Callable[[], bool], tell: Callable[[], None]) -> None:
    """Ask again and again, telling how it goes. Raises CannotRehearse after hours."""
    limit = time.monotonic() + STUCK_SECONDS
    while not until():
        if time.monotonic() > limit:
            raise CannotRehearse(f"Nothing came of it in {STUCK_SECONDS / 3600:.0f} hours.")
        tell()
        time.sleep(POLL_SECONDS)


def tell_stage(progress: Progress, project_id: int) -> None:
    """Show the stage that is at work, and how far it is."""
    stage = Stage.objects.filter(project=project_id, state=StageState.WAITING).order_by("-lease_until").first()
    if stage is None:
        progress.show("between stages")
        return
    name = f"round {stage.round.number}: {stage.kind}" if stage.round else str(stage.kind)
    at = curves.progress_of(stage)
    progress.show(name, at.step if at else 0, at.of if at else 0)


def until_review(round_id: int, progress: Progress) -> Round:
    """Wait until a person is asked to look, or a gate stops the round. Raises CannotRehearse on any other failure."""
    project = Round.objects.get(pk=round_id).project_id

    def stands_still() -> bool:
        found = Round.objects.get(pk=round_id)
        if found.failure and found.failure_kind != "gate":
            raise CannotRehearse(f"Round {found.number} stopped in {found.state}: {found.failure}")
        return bool(found.failure) or found.state == State.REVIEW

    wait(stands_still, lambda: tell_stage(progress, project))
    return Round.objects.get(pk=round_id)


def until_done(round_id: int, progress: Progress) -> Round:
    project = Round.objects.get(pk=round_id).project_id
    wait(lambda: Round.objects.get(pk=round_id).state == State.DONE, lambda: tell_stage(progress, project))
    return Round.objects.get(pk=round_id)


def until_slates(policy: Policy, progress: Progress) -> None:
    """Wait until the first completions of a policy can be lent."""
    slots = Assignment.objects.filter(kind=Kind.RANK, slate__order__policy=policy, state=AssignmentState.OPEN)
    wait(slots.exists, lambda: tell_stage(progress, policy.project_id))


def figures_of(round: Round, rankings: int) -> dict[str, Any]:
    """What a rehearsal tells of one round."""
    report = _report(round, StageKind.EVALUATE)
    gates = round.gates
    return {
        "round": round.number,
        "rankings": rankings,
        **measure.gold_figures(_gold_scores(round)),
        "reward_accuracy": _accuracy(_report(round, StageKind.REWARD)),
        "kl": report["kl"]["mean"] if report else None,
        "length_before": report["policies"]["before"]["tokens_mean"] if report else None,
        "length_after": report["policies"]["after"]["tokens_mean"] if report else None,
        "seconds": dict(_seconds(round)),
        "verdict": _verdict(
            round, [name for name, gate in gates.items() if gate["verdict"] not in ("passed", "noted")]
        ),
    }


def waited_for(round: Round) -> float | None:
    """Seconds from the last ranking that the round learned from to the first slate of its policy."""
    if round.candidate is None or round.snapshot is None:
        return None
    last = round.snapshot.rankings.aggregate(at=Max("created_at"))["at"]
    first = Slate.objects.filter(order__policy=round.candidate).order_by("created_at").first()
    return (first.created_at - last).total_seconds() if first else None


def curves_of(round: Round) -> list[tuple[str, list[tuple[float, float]]]]:
    """Named points of the round's training stages, for the report."""
    found = []
    for stage in _stages(round):
        rows = curves.thinned(curves.rows_of(stage))
        for name in CURVES.get(StageKind(stage.kind), []):
            points = [(row["step"], row[name]) for row in rows if name in row]
            found.append((f"{stage.kind}: {name}", points))
    return found


def _stages(round: Round) -> list[Stage]:
    return list(round.stages.exclude(state=StageState.CANCELLED).order_by("created_at"))


def _artifact(round: Round, kind: StageKind) -> Artifact | None:
    return Artifact.objects.filter(stage__round=round, stage__kind=kind, shard=None).order_by("-pk").first()


def _report(round: Round, kind: StageKind) -> dict[str, Any] | None:
    artifact = _artifact(round, kind)
    return read_json(f"{artifact.path}/report.json") if artifact else None


def _accuracy(report: dict[str, Any] | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {name: report["accuracy"][name] for name in ("value", "low", "high", "n_slates")}


def _gold_scores(round: Round) -> measure.Scores:
    artifact = _artifact(round, StageKind.EVALUATE)
    if artifact is None:
        return {}
    asked = Prompt.objects.filter(project=round.project).values_list("public_id", "messages")
    questions = {str(public_id): messages[-1]["content"] for public_id, messages in asked}
    return measure.gold_scores(measure.completions(full_path(artifact.path)), questions)


def _seconds(round: Round) -> Iterator[tuple[str, float]]:
    """Stage kind → seconds from its first claim to its end; sampling is what the new policy was asked for."""
    stages = _stages(round)
    if round.candidate is not None and round.state == State.DONE:
        stages += Stage.objects.filter(sampling_order__policy=round.candidate)
    for stage in stages:
        if stage.started_at and stage.ended_at:
            yield str(stage.kind), round_tenth((stage.ended_at - stage.started_at).total_seconds())


def round_tenth(seconds: float) -> float:
    return float(f"{seconds:.1f}")


def _verdict(round: Round, held: list[str]) -> str:
    if round.failure:
        return f"stopped at the gate: {', '.join(held)}"
    return f"{round.state}"
