"""What a round would need that began now: time, memory against the device's, disk, and what will be freed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.choices import Split
from annotations.models import Policy
from annotations.records import current_demonstrations
from rounds import memory, store
from rounds.algorithms import algorithm_of
from rounds.machine import StageKind
from rounds.memory import Shape
from rounds.models import Artifact, Beat, Facts
from rounds.queries.deployed import current_deployment, kept_rounds
from rounds.queries.past_times import StageTime, chosen_tables, stage_times
from rounds.queries.retention import due_of
from rounds.weights import shape_of

# What improves a policy; best of n, the one algorithm beside them, trains none.
TRAINED = ("ppo", "rloo", "dpo")
# A resume point is written beside the one that it replaces.
BESIDE = 2


@dataclass(frozen=True)
class Memory:
    """The most that any stage takes; None where the policy's files do not tell. `room`: of the smallest machine."""

    most: int | None
    kind: str
    room: int | None
    on_gpu: bool

    @property
    def short(self) -> bool:
        return self.most is not None and self.room is not None and self.most > self.room


@dataclass(frozen=True)
class Disk:
    """Bytes that stay, that are needed while a stage learns, and that are free. `seen`: told by earlier artifacts."""

    kept: int
    passing: int
    free: int
    seen: bool

    @property
    def short(self) -> bool:
        return self.kept + self.passing + store.MINIMUM_FREE > self.free


@dataclass(frozen=True)
class Freed:
    """What retention will collect by itself, and when it begins to."""

    bytes: int
    soonest: datetime | None


@dataclass(frozen=True)
class Estimate:
    """All of it, for one choice of preset and algorithm."""

    stages: list[StageTime]
    memory: Memory
    disk: Disk
    freed: Freed

    @property
    def seconds(self) -> float | None:
        """Of all stages together; None unless each is known."""
        known = [stage.seconds for stage in self.stages if stage.seconds is not None]
        return sum(known) if len(known) == len(self.stages) else None

    @property
    def rounds(self) -> list[int]:
        """The rounds that it was told from."""
        return sorted({number for stage in self.stages for number in stage.rounds})

    @property
    def scaled(self) -> bool:
        return any(stage.scaled for stage in self.stages)


def estimate(project: Project, choices: Facts) -> Estimate | None:
    """What a round of these choices would need; None before a policy is deployed."""
    deployment = current_deployment(project)
    if deployment is None:
        return None
    kinds = stages_ahead(project, choices)
    shape = shape_of(store.full_path(deployment.policy.path))
    due = due_of(project)
    return Estimate(
        stages=stage_times(project, kinds, choices),
        memory=_memory(kinds, choices, shape, project.k),
        disk=_disk(project, kinds, choices, shape, deployment.policy),
        freed=Freed(sum(each.bytes for each in due), due[0].by_rule if due else None),
    )


def stages_ahead(project: Project, choices: Facts) -> list[str]:
    """The kinds of stages that a round would go through, in order."""
    algorithm = algorithm_of(choices)
    improved = [algorithm.value] if algorithm in TRAINED else []
    imitated = [StageKind.SFT.value] if _imitates(project, choices.get("sft")) else []
    return [*imitated, StageKind.REWARD.value, *improved, StageKind.EVALUATE.value]


def why_no_room(project: Project, choices: Facts) -> str:
    """Why the disk certainly cannot hold a round of these choices, in a sentence; empty where it may.

    Counted are the weights that every such round writes, and nothing that it writes for a time only.
    """
    deployment = current_deployment(project)
    if deployment is None:
        return ""
    nets = 1 + (algorithm_of(choices) in TRAINED) + (choices.get("sft") is True)
    needed, free = nets * _bytes(deployment.policy), store.free()
    if needed + store.MINIMUM_FREE <= free:
        return ""
    sizes = {"needed": filesizeformat(needed), "free": filesizeformat(free)}
    return (
        _("The disk cannot hold this round: its weights alone take %(needed)s, and %(free)s are free. Make room.")
        % sizes
    )


def _imitates(project: Project, wanted: bool | None) -> bool:
    """As freezing decides it: asked for, or unasked where no round that was kept has seen some demonstration."""
    shown = current_demonstrations(project).filter(prompt__split=Split.TRAIN)
    if wanted is not None:
        return wanted and shown.exists()
    return shown.exclude(snapshots__rounds__in=kept_rounds(project).order_by()).exists()


def _memory(kinds: list[str], choices: Facts, shape: Shape | None, k: int) -> Memory:
    tables = chosen_tables(choices)
    peaks = {kind: memory.peak(kind, tables, shape, k=k) for kind in kinds} if shape else {}
    kind = max(peaks, key=lambda each: peaks[each], default="")
    device = _device()
    return Memory(peaks.get(kind), kind, device.get("memory"), device.get("device") == "gpu")


def _device() -> Facts:
    """What the supervisor with the least memory said last: whichever claims a stage, it has that much."""
    told = Beat.objects.filter(name__startswith="supervisor:").order_by("-at").values_list("facts", flat=True)
    known = [facts for facts in told if isinstance(facts.get("memory"), int)]
    return min(known, key=lambda facts: int(facts["memory"]), default={})


def _disk(project: Project, kinds: list[str], choices: Facts, shape: Shape | None, policy: Policy) -> Disk:
    """Each stage's artifact as it was last, or else of the policy's own size; and a snapshot like the last one."""
    seen = _last_sizes(project, choices["preset"])
    fresh = _bytes(policy)
    kept = sum(seen.get(kind, 0 if kind == StageKind.EVALUATE else fresh) for kind in kinds)
    snapshot = project.snapshots.order_by("-created_at").first()
    kept += store.size(store.full_path(snapshot.path)) if snapshot else 0
    tables = chosen_tables(choices)
    passing = [memory.resume_point(kind, tables, shape) if shape else memory.KEPT * fresh for kind in kinds]
    return Disk(kept, BESIDE * max(passing), store.free(), seen=set(kinds) <= set(seen))


def _last_sizes(project: Project, preset: str) -> Mapping[str, int]:
    """Bytes of the newest artifact of each kind of stage whose weights are still there."""
    artifacts = Artifact.objects.filter(
        stage__project=project, stage__preset=preset, stage__round__isnull=False, collected_at=None
    )
    newest = {each.stage.kind: each for each in artifacts.select_related("stage").order_by("pk")}
    return {kind: store.size(store.full_path(each.path)) for kind, each in newest.items()}


def _bytes(policy: Policy) -> int:
    """Of a policy's weights as the trainer saves them; as they lie there, where nobody can read their header."""
    shape = shape_of(store.full_path(policy.path))
    return shape.bytes if shape else store.size(store.full_path(policy.path))
