"""What is deployed, what a next round builds on, and what a roll-back returns to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.models import Policy, SamplingOrder
from rounds import store
from rounds.machine import StageKind, StageState, State
from rounds.models import Artifact, Deployment, Round, Stage
from trainer import manifest
from trainer.manifest import ManifestError


def current_deployment(project: Project) -> Deployment | None:
    """Which policy writes this project's completions now."""
    return _active(project).filter(canary=False).first()


def canary_deployment(project: Project) -> Deployment | None:
    """Which policy is tried on a share of the prompts, if one is."""
    return _active(project).filter(canary=True).first()


def _active(project: Project) -> "QuerySet[Deployment]":
    active = Deployment.objects.filter(project=project, retired_at=None)
    return active.select_related("project", "policy", "round", "reward_model")


def compared_with(round: Round) -> Deployment:
    """What wrote completions when the round began: what its candidate must not lose to.

    Rounds of before there was a choice began from just that.
    """
    known = Deployment.objects.filter(pk=round.choices.get("against", 0)).select_related("policy").first()
    return known or Deployment(project_id=round.project_id, policy=round.init_policy)


def kept_rounds(project: Project) -> "QuerySet[Round]":
    """Rounds whose result stands, newest first: done, and not rolled back since. Not one whose canary is still out."""
    own = Deployment.objects.filter(round=OuterRef("pk"))
    whole, back = own.filter(canary=False), own.filter(rolled_back=True)
    done = Round.objects.filter(project=project, state=State.DONE)
    return done.filter(Exists(whole), ~Exists(back)).order_by("-number")


def newest_reference(project: Project, deployed: Policy) -> Policy:
    """The last SFT policy, from which improvement may not stray far; before the first, what is deployed."""
    last = kept_rounds(project).select_related("sft_policy", "reference_policy").first()
    return deployed if last is None else last.sft_policy or last.reference_policy


def orders_of(deployment: Deployment) -> "QuerySet[SamplingOrder]":
    """What was ever asked of this writer: its policy, and where it answers with the best of n, of that.

    The plain policy, deployed before or since, is another writer.
    """
    stages = Stage.objects.filter(sampling_order=OuterRef("pk"))
    orders = SamplingOrder.objects.filter(project=deployment.project, policy=deployment.policy)
    if deployment.best_of == 1:
        return orders.filter(~Exists(stages.filter(settings__has_key="best_of")))
    judge = deployment.reward_model.digest if deployment.reward_model else ""
    return orders.filter(Exists(stages.filter(settings__best_of=deployment.best_of, inputs__reward__digest=judge)))


def writer_of(order: SamplingOrder) -> Deployment | None:
    """The deployment, current or canary, that this order was asked of; None where that is neither any more."""
    active = _active(order.project).filter(policy=order.policy_id)
    return next((each for each in active if orders_of(each).filter(pk=order.pk).exists()), None)


def became_current(deployment: Deployment) -> "QuerySet[Deployment]":
    """When this writer was current: its deployments that were no canary, the first one first."""
    same = _same_writer(deployment, Deployment.objects.filter(project=deployment.project, canary=False))
    return same.order_by("started_at", "pk")


def has_proven_itself(deployment: Deployment) -> bool:
    """Whether it delivered an order in full before: then what stops it now need not lie in it."""
    return Stage.objects.filter(sampling_order__in=orders_of(deployment), state=StageState.TAKEN_IN).exists()


def was_taken_back(deployment: Deployment) -> bool:
    """Whether this writer was ever rolled back in its project. Its policy alone condemns every best of n of it."""
    bad = Deployment.objects.filter(project=deployment.project, rolled_back=True)
    same = Q(best_of=1) | Q(best_of=deployment.best_of, reward_model=deployment.reward_model)
    return bad.filter(same, policy__digest=deployment.policy.digest).exists()


def earlier_deployments(project: Project) -> Iterator[Deployment]:
    """What a roll-back may return to: writers that were current and never taken back, the newest first."""
    current = current_deployment(project)
    history = Deployment.objects.filter(project=project, canary=False, rolled_back=False)
    if current is not None:
        history = history.exclude(pk__in=_same_writer(current, history).values("pk"))
    for each in history.select_related("project", "policy", "round", "reward_model").order_by("-started_at", "-pk"):
        if not was_taken_back(each):
            yield each


def earlier_policy(project: Project) -> Policy | None:
    """The policy that a roll-back returns to, as far as rows tell: its files are looked at when it happens."""
    earlier = next(earlier_deployments(project), None)
    return None if earlier is None else earlier.policy


def _same_writer(deployment: Deployment, rows: "QuerySet[Deployment]") -> "QuerySet[Deployment]":
    return rows.filter(policy=deployment.policy, best_of=deployment.best_of, reward_model=deployment.reward_model)


def descends_from(policy: Policy, ancestor: Policy) -> bool:
    """Whether `policy` was made from `ancestor`, over however many steps."""
    seen: Policy | None = policy
    while seen is not None:
        if seen.pk == ancestor.pk:
            return True
        seen = seen.parent
    return False


def shown_by(deployment: Deployment) -> Mapping[str, Any] | None:
    """What the writer's evaluation reported of it; None where it was never evaluated, or its report is not whole."""
    if deployment.round is None:
        return None
    reports = Artifact.objects.filter(stage__round=deployment.round, stage__kind=StageKind.EVALUATE)
    found = reports.filter(stage__state=StageState.TAKEN_IN).order_by("-pk").first()
    if found is None:
        return None
    try:
        manifest.read(store.full_path(found.path), kind="evaluation")
    except ManifestError:
        return None
    shown: Mapping[str, Any] = store.read_json(f"{found.path}/report.json")["policies"]["after"]
    return shown


@dataclass(frozen=True)
class Fates:
    """Ids of rounds whose candidate is out as a canary, and of those whose candidate was taken back."""

    tried: frozenset[int]
    taken_back: frozenset[int]


def fates_of(project: Project) -> Fates:
    """What became of rounds that are done, where it is not that they were deployed as the whole."""
    ours = Deployment.objects.filter(project=project).exclude(round=None)
    tried = ours.filter(canary=True, retired_at=None).values_list("round", flat=True)
    return Fates(frozenset(tried), frozenset(ours.filter(rolled_back=True).values_list("round", flat=True)))


def name_of(deployment: Deployment) -> str:
    """What people call it: its policy, and of how many answers it gives the best."""
    if deployment.best_of == 1:
        return deployment.policy.name
    return _("%(policy)s, best of %(n)d") % {"policy": deployment.policy.name, "n": deployment.best_of}
