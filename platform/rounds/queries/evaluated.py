"""What evaluations found about policies: in which each took part, as whom, and its figures with their intervals."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts.models import Project
from annotations.models import Policy
from annotations.queries.agreement import wilson
from rounds import store
from rounds.machine import StageKind
from rounds.models import Artifact, Facts, Round, Vote
from rounds.queries.standing import HALF_WIDTH
from trainer.manifest import ManifestError

KIND = "evaluation"
REPORT, COMPLETIONS = "report.json", "completions.jsonl"
# In this order a policy is looked for: what was on trial, what it was compared to.
ROLES = ("after", "before", "sft")


@dataclass(frozen=True)
class Estimate:
    """A figure, where it likely lies, and of how many cases."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Part:
    """One policy's part in one finished evaluation."""

    artifact: Artifact
    role: str

    @property
    def round(self) -> Round:
        found = self.artifact.stage.round
        assert found is not None, "only rounds evaluate"
        return found

    @cached_property
    def report(self) -> Facts | None:
        """The report, or None where the directory is not what was taken in."""
        try:
            path = store.verified_file(self.artifact.path, REPORT, kind=KIND, digest=self.artifact.digest)
        except ManifestError:
            return None
        found: Facts = json.loads(path.read_text(encoding="utf-8"))
        return found

    @property
    def habits(self) -> Facts:
        """Reward, length, repetition and the like of this policy."""
        found: Facts = (self.report or {}).get("policies", {}).get(self.role, {})
        return found

    @property
    def reward(self) -> Estimate | None:
        return _around(self.habits.get("reward_mean"), self.habits.get("reward_se"))

    @property
    def kl(self) -> Estimate | None:
        """How far it went from the reference, in nats a completion."""
        report = self.report or {}
        points = {point["policy"]: point["kl"] for point in report.get("frontier", [])}
        found = points.get(self.role) or (report.get("kl", {}) if self.role == "after" else {})
        return _around(found.get("mean"), found.get("se"))

    @property
    def wins(self) -> Estimate | None:
        """The share of questions on which the reward model prefers it to the policy of then."""
        rate = (self.report or {}).get("win_rate", {}).get("after_over_before")
        return (
            Estimate(**{key: rate[key] for key in ("value", "low", "high", "n")}) if rate and self._on_trial else None
        )

    @property
    def votes(self) -> Estimate | None:
        """The share of people's blind votes that it got, a tie counting half; of as many cases as questions."""
        if not self._on_trial:
            return None
        cast = list(Vote.objects.filter(round=self.round).values_list("choice", "prompt_id"))
        points = {Vote.Choice.AFTER: 1.0, Vote.Choice.TIE: 0.5}
        return share_of([points.get(Vote.Choice(choice), 0.0) for choice, _ in cast], len({ident for _, ident in cast}))

    @property
    def _on_trial(self) -> bool:
        return self.role == "after"

    def answers(self) -> Iterator[dict[str, Any]]:
        """The lines of its completions. Raises ManifestError where the directory is not what was taken in."""
        path = store.verified_file(self.artifact.path, COMPLETIONS, kind=KIND, digest=self.artifact.digest)
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if row["policy"] == self.role:
                    yield row


def share_of(points: list[float], cases: int) -> Estimate | None:
    """The mean of `points` between 0 and 1 with Wilson's interval for `cases` independent ones; None without any."""
    if not points:
        return None
    share = sum(points) / len(points)
    low, high = wilson(share, cases)
    return Estimate(share, low, high, cases)


def parts_of(project: Project, policies: Iterable[Policy]) -> dict[int, list[Part]]:
    """Policy → its parts in the project's evaluations, newest first, each evaluation's most telling part first."""
    by_digest = {policy.digest: policy.pk for policy in policies}
    found: dict[int, list[Part]] = defaultdict(list)
    artifacts = Artifact.objects.filter(
        stage__project=project, stage__kind=StageKind.EVALUATE, stage__round__isnull=False
    )
    for artifact in artifacts.select_related("stage__round").order_by("-created_at", "-pk"):
        digests = {role: given["digest"] for role, given in artifact.stage.inputs.items()}
        for role in ROLES:
            if digests.get(role) in by_digest:
                found[by_digest[digests[role]]].append(Part(artifact, role))
    return found


def own_part(policy: Policy, parts: Sequence[Part]) -> Part | None:
    """The newest evaluation that a policy was on trial in, else the one of the round whose SFT made it."""
    for role in ("after", "sft"):
        for part in parts:
            if part.role == role and (role == "after" or part.round.sft_policy_id == policy.pk):
                return part
    return None


def _around(mean: float | None, error: float | None) -> Estimate | None:
    if mean is None:
        return None
    half = HALF_WIDTH * error if error is not None else None
    return Estimate(mean) if half is None else Estimate(mean, mean - half, mean + half)
