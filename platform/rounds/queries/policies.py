"""The list of a project's policies: who made each, where it stands, what was measured, what people made of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.models import Policy
from rounds import plots
from rounds.machine import State
from rounds.models import Artifact, Deployment, Round
from rounds.plots import Interval
from rounds.queries.board import CHANCE, SHOWN_WINS
from rounds.queries.evaluated import Estimate, Part, own_part, parts_of
from rounds.queries.making import artifacts_of
from rounds.queries.preferences import Written, preferred, written_by

WHOLE = 100


@dataclass(frozen=True)
class Status:
    """Where a policy stands, in words; `tone` is accent, good, warn, bad or empty. `reason` is a person's."""

    word: str
    tone: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One policy in the list."""

    policy: Policy
    artifact: Artifact | None
    status: Status
    written: Written
    part: Part | None
    preferred: Estimate | None

    @property
    def round(self) -> Round | None:
        """The round of this project that made it."""
        stage = self.artifact.stage if self.artifact else None
        return stage.round if stage and stage.project_id == self.policy.project_id else None

    @property
    def collected(self) -> bool:
        return self.artifact is not None and self.artifact.collected_at is not None

    @property
    def wins(self) -> Interval | None:
        return against_chance(self.part.wins) if self.part else None


def lines(project: Project, policies: Sequence[Policy]) -> list[Line]:
    """The rows of the list for these policies, with a fixed number of queries."""
    artifacts, parts = artifacts_of(policies), parts_of(project, policies)
    statuses, written, liked = statuses_of(policies), written_by(policies), preferred(policies)
    return [
        Line(
            policy=policy,
            artifact=artifacts.get(policy.path),
            status=statuses[policy.pk],
            written=written[policy.pk],
            part=own_part(policy, parts.get(policy.pk, [])),
            preferred=liked.get(policy.pk),
        )
        for policy in policies
    ]


def against_chance(share: Estimate | None) -> Interval | None:
    """A share of wins laid out against a half."""
    if share is None or share.low is None or share.high is None:
        return None
    return plots.interval(share.value, share.low, share.high, reference=CHANCE, span=SHOWN_WINS)


def statuses_of(policies: Sequence[Policy]) -> dict[int, Status]:
    """Policy → where it stands: by its deployments, else by the rounds that made it."""
    deployments: dict[int, list[Deployment]] = defaultdict(list)
    for deployment in Deployment.objects.filter(policy__in=policies).order_by("started_at", "pk"):
        deployments[deployment.policy_id].append(deployment)
    canaries = Deployment.objects.filter(policy__project__in={each.project_id for each in policies}, canary=True)
    shares = dict(canaries.filter(retired_at=None).values_list("project", "share"))
    rounds = _rounds_of(policies)
    return {
        policy.pk: _deployed(deployments[policy.pk], WHOLE - shares.get(policy.project_id, 0))
        if policy.pk in deployments
        else _never_deployed(policy, rounds)
        for policy in policies
    }


def _rounds_of(policies: Sequence[Policy]) -> Mapping[tuple[str, int], Round]:
    """("candidate" or "sft", policy) → the newest round that it is that of."""
    found: dict[tuple[str, int], Round] = {}
    for each in Round.objects.filter(Q(candidate__in=policies) | Q(sft_policy__in=policies)).order_by("number"):
        for role, policy in (("candidate", each.candidate_id), ("sft", each.sft_policy_id)):
            if policy is not None:
                found[role, policy] = each
    return found


def _deployed(deployments: Sequence[Deployment], share: int) -> Status:
    bad = [each for each in deployments if each.rolled_back]
    last = (bad or sorted(deployments, key=lambda each: each.retired_at is None))[-1]
    if bad:
        return Status(_("rolled back"), "bad", last.retired_reason, last.retired_at)
    if last.retired_at is not None:
        return Status(_("replaced"), "", "", last.retired_at)
    if last.canary:
        return Status(_("canary, %(share)d%%") % {"share": last.share}, "accent", "", last.started_at)
    word = _("writes now") if share == WHOLE else _("writes now, %(share)d%%") % {"share": share}
    return Status(word, "good", "", last.started_at)


def _never_deployed(policy: Policy, rounds: Mapping[tuple[str, int], Round]) -> Status:
    tried, imitated = rounds.get(("candidate", policy.pk)), rounds.get(("sft", policy.pk))
    if tried is not None:
        return _tried(tried)
    if imitated is not None:
        return Status(_("reference of round %(number)d") % {"number": imitated.number})
    if not policy.path:
        return Status(_("stands for an imported set"))
    return Status(_("made anew since") if policy.parent_id else _("never deployed"))


def _tried(found: Round) -> Status:
    """Where the candidate of this round stands, which was never deployed."""
    if found.state == State.REJECTED:
        return Status(_("refused"), "bad", found.choices.get("note", ""), found.ended_at)
    if found.state == State.CANCELLED:
        return Status(_("round cancelled"), "warn", "", found.ended_at)
    if found.state == State.REVIEW:
        return Status(_("waits for a review"), "accent")
    return Status(_("being deployed") if found.state == State.DEPLOYING else _("being evaluated"), "accent")
