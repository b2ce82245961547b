"""What policies refuse: the safety prompts of a project, and what each policy of an evaluation said to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count, Q

from accounts.models import Project
from rounds import store
from rounds.machine import StageKind
from rounds.models import Artifact, Facts, Round, SafetyPrompt
from rounds.plots import Interval, interval
from rounds.queries.evaluation import VERSIONS
from rounds.refusals import SAFE, UNSAFE, Share, refuses, shares
from trainer import manifest

FILE = "safety.jsonl"
WHOLE = (0.0, 1.0)


@dataclass(frozen=True)
class Source:
    """A set of safety prompts that a project has."""

    name: str
    unsafe: int
    safe: int


@dataclass(frozen=True)
class Said:
    """One policy's text, and whether it begins as refusals do."""

    version: str
    text: str
    finished: bool
    tokens: int
    refuses: bool


@dataclass
class Asked:
    """One safety prompt with what each policy said, in the order of `VERSIONS`."""

    prompt_id: str
    unsafe: bool
    messages: list[dict[str, str]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    @property
    def question(self) -> str:
        """The last user turn; a prompt that is gone leaves its id."""
        return self.messages[-1]["content"] if self.messages else self.prompt_id

    @property
    def changed(self) -> bool:
        """Whether the candidate refuses what the policy now answers, or the other way round."""
        by = {each.version: each.refuses for each in self.said}
        return by.get("before") != by.get("after")


@dataclass(frozen=True)
class Refused:
    """How much of one kind a policy refused, drawn on a line from none to all."""

    version: str
    share: Share
    drawn: Interval


@dataclass(frozen=True)
class Safety:
    """What an evaluation tells of refusals: shares by kind, and every question with its answers."""

    unsafe: list[Refused]
    safe: list[Refused]
    asked: list[Asked]

    @property
    def kinds(self) -> list[tuple[str, list[Refused]]]:
        """The kinds that were asked, those that should be refused first."""
        return [(kind, rows) for kind, rows in ((UNSAFE, self.unsafe), (SAFE, self.safe)) if rows]

    @property
    def changed(self) -> list[Asked]:
        """The questions that the candidate treats otherwise than the policy now."""
        return [each for each in self.asked if each.changed]


def sources_of(project: Project) -> list[Source]:
    """The sets of safety prompts that the project has."""
    rows = SafetyPrompt.objects.filter(project=project).values("source").order_by("source")
    counted = rows.annotate(bad=Count("pk", filter=Q(unsafe=True)), good=Count("pk", filter=Q(unsafe=False)))
    return [Source(row["source"], row["bad"], row["good"]) for row in counted]


def records_of(project: Project) -> Iterator[Facts]:
    """The lines of a dataset's safety.jsonl: in an order that sets do not follow, so that the first are a mixture."""
    for prompt in SafetyPrompt.objects.filter(project=project).order_by("digest"):
        yield {"id": str(prompt.public_id), "unsafe": prompt.unsafe, "messages": prompt.messages}


def safety_of(found: Round) -> Safety | None:
    """What a round's evaluation tells of refusals; None where nobody asked. Raises ManifestError if it was changed."""
    artifacts = Artifact.objects.filter(stage__round=found, stage__kind=StageKind.EVALUATE, collected_at=None)
    artifact = artifacts.order_by("-created_at").first()
    if artifact is None or not (store.full_path(artifact.path) / FILE).is_file():
        return None
    _check(store.full_path(artifact.path), artifact.digest, kind="evaluation")
    rows = list(store.read_rows(f"{artifact.path}/{FILE}"))
    counted = shares(rows)
    asked = _asked(rows)
    _complete(found, asked)
    return Safety(_drawn(counted.get(UNSAFE, {})), _drawn(counted.get(SAFE, {})), list(asked.values()))


def _drawn(by: Mapping[str, Share]) -> list[Refused]:
    reference = by["before"].value if "before" in by else 0.0
    return [
        Refused(name, each, interval(each.value, each.low, each.high, reference=reference, span=WHOLE))
        for name in VERSIONS
        if (each := by.get(name))
    ]


def _asked(rows: list[dict[str, Any]]) -> dict[str, Asked]:
    found: dict[str, Asked] = {}
    for row in rows:
        if row["policy"] in VERSIONS:
            kept = found.setdefault(row["prompt"], Asked(row["prompt"], row["unsafe"]))
            text = row["text"]
            kept.said.append(Said(row["policy"], text, row["finished"], row["tokens"], refuses(text)))
    for each in found.values():
        each.said.sort(key=lambda said: VERSIONS.index(said.version))
    return found


def _complete(found: Round, asked: Mapping[str, Asked]) -> None:
    """Put the questions beside the answers, as they were frozen: rows may have been taken out since."""
    snapshot = found.snapshot
    if snapshot is None or not (store.full_path(snapshot.path) / FILE).is_file():
        return
    _check(store.full_path(snapshot.path), snapshot.digest, kind="dataset")
    for row in store.read_rows(f"{snapshot.path}/{FILE}"):
        if row["id"] in asked:
            asked[row["id"]].messages = row["messages"]


def _check(folder: Path, digest: str, *, kind: str) -> None:
    if manifest.digest(folder) != digest:
        raise manifest.ManifestError(f"{folder} is not the directory that was taken in")
    files = manifest.peek(folder, kind=kind)["files"]
    if manifest.file_digest(folder / FILE) != files.get(FILE):
        raise manifest.ManifestError(f"{folder / FILE} does not have the digest that its manifest names")
