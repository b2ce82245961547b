"""Ask a policy for completions: after a deployment, and whenever fewer slates wait than the project keeps in stock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations import records
from annotations.models import Policy, Prompt, SamplingOrder, Slate
from annotations.queries.waiting import stock
from rounds import store
from rounds.machine import StageKind, StageState
from rounds.models import Deployment, Stage
from rounds.queries.deployed import current_deployment
from rounds.queries.sampling import STANDING, standing_stage
from rounds.services.rounds import RoundRefused
from rounds.services.stage_orders import given

# Every order of a project draws with a seed of its own, or the same policy would write the same text twice.
SEEDS_A_ROUND = 1_000_000


@dataclass(frozen=True)
class Draft:
    """A sampling order whose prompts lie in the store, and which no row names yet."""

    order: SamplingOrder
    prompts: Sequence[Prompt]
    digest: str


def order_completions(
    *, project: Project, policy: Policy, prompts: Iterable[Prompt], per_prompt: int, preset: str, seed: int
) -> SamplingOrder:
    """Place an order for `per_prompt` completions of each prompt. Raises StoreFull."""
    draft = draft_order(
        project=project, policy=policy, prompts=prompts, per_prompt=per_prompt, preset=preset, seed=seed
    )
    with transaction.atomic():
        return place_order(draft)


def draft_order(
    *, project: Project, policy: Policy, prompts: Iterable[Prompt], per_prompt: int, preset: str, seed: int
) -> Draft:
    """Write the prompts' file, outside any transaction: a disk's pace must not hold back who writes rows."""
    order = SamplingOrder(project=project, policy=policy, per_prompt=per_prompt, preset=preset, seed=seed)
    listed = list(prompts)
    digest = store.write_prompts(store.prompts_path(order.public_id), map(records.prompt_record, listed))
    return Draft(order=order, prompts=listed, digest=digest)


def place_order(draft: Draft) -> SamplingOrder:
    """Insert the order and its stage, in the caller's transaction."""
    order = draft.order
    order.save()
    order.prompts.set(draft.prompts)
    prompts = {"path": store.prompts_path(order.public_id), "digest": draft.digest}
    Stage.objects.create(
        sampling_order=order,
        project=order.project,
        kind=StageKind.SAMPLE,
        preset=order.preset,
        seed=order.seed,
        inputs={"policy": given(order.policy), "prompts": prompts},
    )
    journal.record(project=order.project, actor=None, verb="order", subject=order, prompts=len(draft.prompts))
    return order


def discard(draft: Draft) -> None:
    """Throw a draft away that nobody placed."""
    store.remove(store.prompts_path(draft.order.public_id))


def draft_for(project: Project, policy: Policy, *, preset: str, seed: int, slates: int) -> Draft | None:
    """Draft an order for `slates` prompts (0: all), those first that this policy has answered least often."""
    chosen = _wanted_prompts(project, policy)
    return _draft(project, policy, chosen[:slates] if slates else chosen, preset=preset, seed=seed)


def _draft(project: Project, policy: Policy, chosen: "QuerySet[Prompt]", *, preset: str, seed: int) -> Draft | None:
    prompts = list(chosen)
    if not prompts:
        return None
    own_seed = seed * SEEDS_A_ROUND + project.sampling_orders.count()
    return draft_order(
        project=project, policy=policy, prompts=prompts, per_prompt=project.k, preset=preset, seed=own_seed
    )


def _wanted_prompts(project: Project, policy: Policy) -> "QuerySet[Prompt]":
    answered = Count("slates", filter=Q(slates__order__policy=policy))
    standing = Prompt.objects.filter(project=project, retired_at=None)
    return standing.annotate(answered=answered).order_by("answered", "-priority", "pk")


def _never_asked(project: Project, policy: Policy) -> "QuerySet[Prompt]":
    """Prompts that no order of this policy stands for. A cancelled one counts for what it delivered only."""
    asked = SamplingOrder.objects.filter(policy=policy, prompts=OuterRef("pk"))
    kept = asked.exclude(stage__state=StageState.CANCELLED)
    answered = Slate.objects.filter(prompt=OuterRef("pk"), order__policy=policy)
    standing = Prompt.objects.filter(project=project, retired_at=None)
    return standing.filter(~Exists(kept), ~Exists(answered)).order_by("-priority", "pk")


def keep_stock(project: Project) -> SamplingOrder | None:
    """Order what the stock lacks, at least half of it at once, unless an order stands already. Raises StoreFull.

    A project whose `stock_target` is 0 keeps none: each policy answers every prompt once, one that is added later too.
    """
    deployment = current_deployment(project)
    if deployment is None or _unfinished(project).exists():
        return None
    target = project.stock_target
    if target == 0:
        return _order_unasked(deployment)
    if not project.sampling_orders.filter(policy=deployment.policy).exists():
        # There was no prompt when it was deployed.
        return _order_more(deployment, slates=target)
    lacking = target - stock(project, most=target)
    return _order_more(deployment, slates=max(lacking, target // 2)) if lacking > 0 else None


def order_if_nothing_waits(project: Project) -> SamplingOrder | None:
    """Order as much as after a deployment where nobody finds work. Raises StoreFull."""
    deployment = current_deployment(project)
    if deployment is None or stock(project, most=1) or _unfinished(project).exists():
        return None
    return _order_more(deployment, slates=project.stock_target)


def _order_more(deployment: Deployment, *, slates: int) -> SamplingOrder | None:
    project, policy = deployment.project, deployment.policy
    draft = draft_for(project, policy, preset=deployment.preset, seed=_seed(deployment), slates=slates)
    return None if draft is None else _place_alone(project, draft)


def _order_unasked(deployment: Deployment) -> SamplingOrder | None:
    project, policy = deployment.project, deployment.policy
    chosen = _never_asked(project, policy)
    draft = _draft(project, policy, chosen, preset=deployment.preset, seed=_seed(deployment))
    return None if draft is None else _place_alone(project, draft)


def _seed(deployment: Deployment) -> int:
    return deployment.round.number if deployment.round else 0


def _place_alone(project: Project, draft: Draft) -> SamplingOrder | None:
    """Place the draft unless another worker placed one in the meantime."""
    with transaction.atomic():
        # The row is locked by writing to it: then the second of two ticks sees the first one's order.
        Project.objects.filter(pk=project.pk).update(stock_target=F("stock_target"))
        if not _unfinished(project).exists():
            return place_order(draft)
    discard(draft)
    return None


def _unfinished(project: Project) -> "QuerySet[Stage]":
    return Stage.objects.filter(project=project, kind=StageKind.SAMPLE, state__in=STANDING)


def standing_order(project: Project) -> SamplingOrder | None:
    """The order that has not ended, if there is one; a failed one stands until a person retries or cancels it."""
    stage = standing_stage(project)
    return None if stage is None else stage.sampling_order


@transaction.atomic
def retry_order(*, by: User | None, order: SamplingOrder) -> None:
    """Let a failed sampling order try again. Raises RoundRefused if it has not failed."""
    _may(by, order)
    failed = Stage.objects.filter(sampling_order=order, state=StageState.FAILED)
    waiting = {"state": StageState.WAITING, "failure": "", "failure_kind": "", "attempts": 0, "ended_at": None}
    if failed.update(**waiting) != 1:
        raise RoundRefused(_("This sampling order has not failed."))
    journal.record(project=order.project, actor=by, verb="retry", subject=order)


@transaction.atomic
def cancel_order(*, by: User | None, order: SamplingOrder) -> None:
    """End a sampling order; what it has delivered stays. Raises RoundRefused if it has ended."""
    _may(by, order)
    if cancel_orders(Stage.objects.filter(sampling_order=order)) != 1:
        raise RoundRefused(_("This sampling order has ended."))
    journal.record(project=order.project, actor=by, verb="cancel", subject=order)


def cancel_orders_of(policies: "QuerySet[Policy]") -> int:
    """End every standing order of these policies, in the caller's transaction, and return how many."""
    return cancel_orders(Stage.objects.filter(sampling_order__policy__in=policies))


def cancel_orders(stages: "QuerySet[Stage]") -> int:
    """End these stages where they stand; the supervisor kills the child when it extends the lease."""
    ended = 0
    for stage in stages.filter(kind=StageKind.SAMPLE, state__in=STANDING):
        assert stage.sampling_order_id is not None, "only sampling has such stages"
        still = Stage.objects.filter(pk=stage.pk, state__in=STANDING)
        if still.update(state=StageState.CANCELLED, lease_owner="", lease_until=None, ended_at=Now()) == 1:
            SamplingOrder.objects.filter(pk=stage.sampling_order_id).update(finished_at=Now())
            ended += 1
    return ended


def _may(by: User | None, order: SamplingOrder) -> None:
    if by is not None:
        require_role(user=by, project=order.project, roles=[Role.OPERATOR])
