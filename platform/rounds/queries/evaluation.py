"""What the candidate answered on prompts that nothing was fitted to: read from the evaluation's directory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotations.models import Messages, Prompt
from rounds import store
from rounds.algorithms import best_of
from rounds.machine import StageKind
from rounds.models import Artifact, Round
from rounds.queries.deployed import compared_with
from trainer import manifest

COMPLETIONS = "completions.jsonl"
REPORT = "report.json"
MOST_PROMPTS = 50
MOST_REPORT_BYTES = 1_000_000
# The policies of an evaluation, as they stand beside each other.
VERSIONS = ("before", "sft", "after")


@dataclass
class Answer:
    """One policy's completion of an evaluation prompt. `label` is what the page calls the policy."""

    version: str
    text: str
    finished: bool
    tokens: int
    reward: float | None
    label: str = ""


@dataclass
class Comparison:
    """One evaluation prompt with what each policy answered, in the order of `VERSIONS`.

    `chosen` is what whoever looks found better, blind: "before", "after", "tie", or empty.
    """

    prompt_id: str
    number: int
    prompt: Prompt | None = None
    answers: list[Answer] = field(default_factory=list)
    chosen: str = ""

    @property
    def question(self) -> str:
        """The last user turn; a prompt that is gone leaves its id."""
        return self.prompt.messages[-1]["content"] if self.prompt else self.prompt_id

    @property
    def earlier(self) -> Messages:
        """The turns before the question."""
        return self.prompt.messages[:-1] if self.prompt else []

    def text_of(self, version: str) -> str:
        """What one policy answered, without space around it; empty where it answered nothing."""
        return next((answer.text.strip() for answer in self.answers if answer.version == version), "")

    @property
    def differs(self) -> bool:
        """Whether the candidate answered otherwise than the policy now: else there is nothing to vote on."""
        return self.text_of("before") != self.text_of("after")


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation: its report and its first `MOST_PROMPTS` comparisons."""

    report: dict[str, Any]
    comparisons: list[Comparison]

    @property
    def versions(self) -> list[str]:
        """The policies that were compared."""
        return [name for name in VERSIONS if name in self.report["policies"]]


def evaluation_of(found: Round) -> Evaluation | None:
    """Read a round's evaluation; None before there is one. Raises ManifestError where the directory was changed."""
    artifacts = Artifact.objects.filter(stage__round=found, stage__kind=StageKind.EVALUATE, collected_at=None)
    artifact = artifacts.order_by("-created_at").first()
    if artifact is None:
        return None
    folder = store.full_path(artifact.path)
    _check(folder, artifact.digest)
    report = json.loads((folder / REPORT).read_bytes()[:MOST_REPORT_BYTES])
    return Evaluation(report=report, comparisons=_comparisons(folder / COMPLETIONS))


def complete(found: Round, comparisons: list[Comparison]) -> None:
    """Put the prompts' rows and the policies' names beside the answers, in one query."""
    ids = [each.prompt_id for each in comparisons]
    prompts = {str(each.public_id): each for each in Prompt.objects.filter(project=found.project, public_id__in=ids)}
    names = _names(found)
    for each in comparisons:
        each.prompt = prompts.get(each.prompt_id)
        for answer in each.answers:
            answer.label = names[answer.version]


def candidate_name(found: Round) -> str:
    """What is on trial: a policy, or one whose answers the reward model chooses among."""
    name, chosen_among = found.candidate.name if found.candidate else "", best_of(found.choices)
    return _("%(policy)s, best of %(n)d") % {"policy": name, "n": chosen_among} if chosen_among > 1 else name


def rival_name(found: Round) -> str:
    """The policy that wrote completions when the round began, from wherever the round itself began."""
    return compared_with(found).policy.name


def _names(found: Round) -> dict[str, str]:
    return {
        "before": _("Now, %(policy)s") % {"policy": rival_name(found)},
        "sft": _("SFT, %(policy)s") % {"policy": (found.sft_policy or found.reference_policy).name},
        "after": _("Candidate, %(policy)s") % {"policy": candidate_name(found)},
    }


def _check(folder: Path, digest: str) -> None:
    if manifest.digest(folder) != digest:
        raise manifest.ManifestError(f"{folder} is not the directory that was taken in")
    files = manifest.peek(folder, kind="evaluation")["files"]
    for name in (COMPLETIONS, REPORT):
        if not (folder / name).is_file() or manifest.file_digest(folder / name) != files.get(name):
            raise manifest.ManifestError(f"{folder / name} does not have the digest that its manifest names")


def _comparisons(path: Path) -> list[Comparison]:
    found: dict[str, Comparison] = {}
    for line in _lines(path):
        ident = line["prompt"]
        if line["policy"] not in VERSIONS or (ident not in found and len(found) == MOST_PROMPTS):
            continue
        kept = found.setdefault(ident, Comparison(ident, len(found) + 1))
        kept.answers.append(Answer(line["policy"], line["text"], line["finished"], line["tokens"], line.get("reward")))
    for each in found.values():
        each.answers.sort(key=lambda answer: VERSIONS.index(answer.version))
    return list(found.values())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)
