"""A policy's lineage, from what people said to what they said of it, and on to the rounds that began from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q, QuerySet

from annotations.models import Demonstration, Policy, Ranking
from rounds import store
from rounds.machine import StageKind
from rounds.models import Deployment, RewardModel, Round, Snapshot
from rounds.queries.evaluated import Estimate, Part, own_part, parts_of
from rounds.queries.making import Making, artifacts_of, input_policy, making_of, reward_model_of, snapshot_of
from rounds.queries.policies import Status, statuses_of
from rounds.queries.preferences import Written, preferred, written_by


@dataclass(frozen=True)
class Version:
    """How much was said by one version of the guidelines; None where none was kept."""

    version: int | None
    count: int


@dataclass(frozen=True)
class Said:
    """The rankings, or the demonstrations, that a snapshot pins."""

    count: int
    people: int
    first: datetime | None
    last: datetime | None
    versions: list[Version]


@dataclass(frozen=True)
class Source:
    """A snapshot and what it pins; `there` is false for one whose rows were erased."""

    snapshot: Snapshot
    rankings: Said
    demonstrations: Said
    there: bool


@dataclass(frozen=True)
class Ancestor:
    """A policy that this one descends from, and the round that made it, unless it was brought in."""

    policy: Policy
    round: Round | None
    snapshot: Snapshot | None


@dataclass(frozen=True)
class Judge:
    """The reward model that a policy was improved against."""

    model: RewardModel
    accuracy: Estimate | None


@dataclass(frozen=True)
class Lineage:
    """All of it, in the order in which it is read."""

    policy: Policy
    status: Status
    making: Making
    ancestors: list[Ancestor]
    source: Source | None
    init: Policy | None
    reference: Policy | None
    judge: Judge | None
    part: Part | None
    deployments: list[Deployment]
    written: Written
    preferred: Estimate | None
    onward: list[Round]

    @property
    def imitates(self) -> bool:
        """Whether only demonstrations taught it."""
        return self.making.stage is not None and self.making.stage.kind == StageKind.SFT

    @property
    def init_is_new(self) -> bool:
        """Whether the same round made what it begins from, of the same snapshot."""
        made = self.making.round
        return made is not None and self.init is not None and made.sft_policy_id == self.init.pk


def lineage_of(policy: Policy) -> Lineage:
    """Everything that is known of where a policy comes from and where it went."""
    making = making_of(policy)
    snapshot, model = snapshot_of(making), reward_model_of(making)
    return Lineage(
        policy=policy,
        status=statuses_of([policy])[policy.pk],
        making=making,
        ancestors=ancestors_of(policy),
        source=source_of(snapshot) if snapshot else None,
        init=input_policy(making, "init"),
        reference=input_policy(making, "reference"),
        judge=Judge(model, accuracy_of(model)) if model else None,
        part=own_part(policy, parts_of(policy.project, [policy]).get(policy.pk, [])),
        deployments=list(deployments_of(policy)),
        written=written_by([policy])[policy.pk],
        preferred=preferred([policy]).get(policy.pk),
        onward=list(rounds_from(policy)),
    )


def ancestors_of(policy: Policy) -> list[Ancestor]:
    """Parent before child, the first one brought in from outside; without the policy itself."""
    known = {each.pk: each for each in Policy.objects.filter(project=policy.project_id)}
    chain: list[Policy] = []
    parent = policy.parent_id
    while parent is not None and known[parent] not in chain:
        chain.insert(0, known[parent])
        parent = known[parent].parent_id
    return _with_rounds(chain)


def _with_rounds(chain: Sequence[Policy]) -> list[Ancestor]:
    artifacts = artifacts_of(chain)
    made = {
        path: artifact.stage.round
        for path, artifact in artifacts.items()
        if artifact.stage.project_id == chain[0].project_id
    }
    found = [(policy, made.get(policy.path)) for policy in chain]
    return [Ancestor(policy, round, round.snapshot if round else None) for policy, round in found]


def source_of(snapshot: Snapshot) -> Source:
    """Count what a snapshot pins, by people and by version of the guidelines."""
    return Source(
        snapshot=snapshot,
        rankings=_said(snapshot.rankings.all()),
        demonstrations=_said(snapshot.demonstrations.all()),
        there=(store.full_path(snapshot.path) / "rankings.jsonl").is_file(),
    )


def _said(rows: "QuerySet[Ranking] | QuerySet[Demonstration]") -> Said:
    people = Count("labeler", distinct=True)
    facts = rows.aggregate(count=Count("pk"), people=people, first=Min("created_at"), last=Max("created_at"))
    versions = rows.values_list("guideline__version").annotate(count=Count("pk")).order_by("guideline__version")
    return Said(**facts, versions=[Version(version, count) for version, count in versions])


def accuracy_of(model: RewardModel) -> Estimate | None:
    """How often the reward model orders held-out rankings as people did."""
    found = model.report.get("accuracy") or {}
    if found.get("value") is None:
        return None
    return Estimate(found["value"], found.get("low"), found.get("high"), found.get("n_slates"))


def deployments_of(policy: Policy) -> "QuerySet[Deployment]":
    """When it wrote, oldest first."""
    return policy.deployments.select_related("round", "reward_model__round").order_by("started_at", "pk")


def rounds_from(policy: Policy) -> "QuerySet[Round]":
    """Rounds that built on it: began from it, stayed near it, or improved what it imitated."""
    built = Q(init_policy=policy) | Q(reference_policy=policy) | Q(sft_policy=policy)
    found = Round.objects.filter(built, project=policy.project_id)
    return found.select_related("candidate", "sft_policy", "init_policy", "reference_policy").order_by("number")
