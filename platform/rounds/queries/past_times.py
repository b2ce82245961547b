"""How long each stage of a round that began now would compute, told from rounds that came through it before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from accounts.models import Project
from annotations.models import Prompt
from annotations.records import current_demonstrations, current_rankings
from rounds import presets, store
from rounds.algorithms import algorithm_of
from rounds.machine import StageKind, StageState
from rounds.models import Artifact, Facts, Stage
from trainer import manifest

# The newest rounds that count.
ROUNDS = 3

Counts = Mapping[str, int]


@dataclass(frozen=True)
class StageTime:
    """Seconds of computing, from these rounds; None where none of them tells. `scaled`: to what goes in now."""

    kind: str
    seconds: float | None = None
    rounds: tuple[int, ...] = ()
    scaled: bool = False


@dataclass(frozen=True)
class Past:
    """One stage that came through: its seconds, and how much work it was where its manifest says that."""

    round: int
    seconds: float
    work: float | None


def stage_times(project: Project, kinds: Sequence[str], choices: Facts) -> list[StageTime]:
    """One estimate a kind. Time grows with the work as long as the model is the same and loading it is a small part."""
    counts, tables = _counts(project), chosen_tables(choices)
    return [_time(kind, _past(project, kind, choices), _work(kind, tables[kind], counts)) for kind in kinds]


def chosen_tables(choices: Facts) -> presets.Tables:
    """What the preset says of each algorithm, with the budget that was chosen in its place."""
    tables = {name: dict(table) for name, table in presets.tables(choices["preset"]).items()}
    algorithm, budget = choices.get("algorithm"), choices.get("budget")
    if budget and algorithm in tables:
        tables[algorithm]["epochs" if algorithm == "dpo" else "updates"] = budget
    return tables


def _time(kind: str, past: Sequence[Past], work: float) -> StageTime:
    if not past:
        return StageTime(kind)
    ratios = [work / each.work if each.work else 1.0 for each in past]
    seconds = median(each.seconds * ratio for each, ratio in zip(past, ratios, strict=True))
    numbers = tuple(sorted(each.round for each in past))
    return StageTime(kind, seconds, numbers, scaled=any(ratio != 1.0 for ratio in ratios))


def _past(project: Project, kind: str, choices: Facts) -> list[Past]:
    done = Stage.objects.filter(project=project, kind=kind, preset=choices["preset"], state=StageState.TAKEN_IN)
    done = done.filter(round__isnull=False).select_related("round__snapshot").prefetch_related("artifacts")
    alike = [stage for stage in done.order_by("-round__number") if _is_alike(stage, choices)]
    return [_told(stage) for stage in alike[:ROUNDS]]


def _is_alike(stage: Stage, choices: Facts) -> bool:
    """Stages of one kind do the same work, but an evaluation that also chooses among answers."""
    assert stage.round is not None, "asked for stages of rounds"
    return stage.kind != StageKind.EVALUATE or algorithm_of(stage.round.choices) == algorithm_of(choices)


def _told(stage: Stage) -> Past:
    assert stage.round is not None, "asked for stages of rounds"
    facts = _manifest(stage.artifacts.all()[0]) if stage.artifacts.all() else {}
    waited = (stage.ended_at - stage.started_at).total_seconds() if stage.ended_at and stage.started_at else 0.0
    counts = stage.round.snapshot.counts if stage.round.snapshot else {}
    work = _work(stage.kind, facts.get("config", {}), counts)
    return Past(stage.round.number, float(facts.get("seconds", waited)), work or None)


def _manifest(artifact: Artifact) -> Facts:
    """What the trainer wrote of it; computing time over all resumptions is in it, and stays when weights go."""
    try:
        return manifest.peek(store.full_path(artifact.path), kind=artifact.kind)
    except manifest.ManifestError:
        return {}


def _work(kind: str, table: Mapping[str, Any], counts: Counts) -> float:
    """What the time of a stage grows with; 0 where it is not known."""
    if kind in (StageKind.SFT, StageKind.REWARD, "dpo"):
        rows = counts.get("demonstrations" if kind == StageKind.SFT else "rankings", 0)
        return float(rows * table.get("epochs", 0))
    if kind == StageKind.EVALUATE:
        return float(table.get("prompts") or counts.get("prompts", 0)) if table else 0.0
    return float(table.get("updates", 0))


def _counts(project: Project) -> Counts:
    """As a snapshot would count them now."""
    return {
        "rankings": current_rankings(project).count(),
        "demonstrations": current_demonstrations(project).count(),
        "prompts": Prompt.objects.filter(project=project, retired_at=None).count(),
    }
