"""Ask a policy for completions: after a deployment, and whenever fewer slates wait than the project keeps in stock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

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
from rounds.models import Deployment, Facts, Stage
from rounds.queries.deployed import canary_deployment, current_deployment, orders_of
from rounds.queries.sampling import STANDING, standing_stage
from rounds.services.rounds import RoundRefused
from rounds.services.stage_orders import given
from rounds.shares import split

# Every order of a project draws with a seed of its own, or the same policy would write the same text twice.
SEEDS_A_ROUND = 1_000_000


@dataclass(frozen=True)
class Draft:
    """A sampling order whose prompts lie in the store, and which no row names yet. `writer`: who is to answer."""

    order: SamplingOrder
    prompts: Sequence[Prompt]
    digest: str
    writer: Deployment | None = None


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
    settings, inputs = _best_of(draft.writer)
    prompts = {"path": store.prompts_path(order.public_id), "digest": draft.digest}
    Stage.objects.create(
        sampling_order=order,
        project=order.project,
        kind=StageKind.SAMPLE,
        preset=order.preset,
        seed=order.seed,
        settings=settings,
        inputs={"policy": given(order.policy), "prompts": prompts, **inputs},
    )
    journal.record(project=order.project, actor=None, verb="order", subject=order, prompts=len(draft.prompts))
    return order


def discard(draft: Draft) -> None:
    """Throw a draft away that nobody placed."""
    store.remove(store.prompts_path(draft.order.public_id))


def _best_of(writer: Deployment | None) -> tuple[Facts, Facts]:
    """What a stage is told beside its policy where the writer answers with the best of several."""
    if writer is None or writer.best_of == 1:
        return {}, {}
    assert writer.reward_model is not None, "the row is constrained so"
    return {"best_of": writer.best_of}, {"reward": given(writer.reward_model)}


def draft_for(writer: Deployment, *, slates: int) -> Draft | None:
    """Draft an order for `slates` prompts (0: all), those first that it has answered least often.

    A canary is asked its share of them.
    """
    chosen = _most_wanted(writer.project, [writer], slates)
    number = writer.project.sampling_orders.count()
    if writer.canary:
        chosen = split(chosen, order=number, share=writer.share)[1]
    return _draft(writer, chosen, number=number)


def _draft(writer: Deployment, prompts: Sequence[Prompt], *, number: int) -> Draft | None:
    if not prompts:
        return None
    seed = (writer.round.choices["seed"] if writer.round else 0) * SEEDS_A_ROUND + number
    project, policy = writer.project, writer.policy
    draft = draft_order(
        project=project, policy=policy, prompts=prompts, per_prompt=project.k, preset=writer.preset, seed=seed
    )
    return replace(draft, writer=writer)


def _most_wanted(project: Project, writers: Iterable[Deployment], slates: int) -> list[Prompt]:
    """The prompts that these have answered least often, `slates` of them (0: all)."""
    answered = Count("slates", filter=_by(writers, "slates__order"))
    wanted = records.asked_prompts(project).annotate(answered=answered).order_by("answered", "-priority", "pk")
    return list(wanted[:slates] if slates else wanted)


def _never_asked(project: Project, writers: Iterable[Deployment]) -> list[Prompt]:
    """Prompts that no order of these stands for. A cancelled one counts for what it delivered only."""
    asked = SamplingOrder.objects.filter(_by(writers, "pk"), prompts=OuterRef("pk"))
    kept = asked.exclude(stage__state=StageState.CANCELLED)
    answered = Slate.objects.filter(_by(writers, "order"), prompt=OuterRef("pk"), completions__quarantined_at=None)
    standing = records.asked_prompts(project)
    return list(standing.filter(~Exists(kept), ~Exists(answered)).order_by("-priority", "pk"))


def _by(writers: Iterable[Deployment], order: str) -> Q:
    """That the order of this name is one of theirs."""
    return reduce(or_, (Q(**{f"{order}__in": orders_of(writer).values("pk")}) for writer in writers))


def keep_stock(project: Project) -> SamplingOrder | None:
    """Order what the stock lacks, at least half of it at once, unless an order stands already. Raises StoreFull.

    A canary is asked its share of it, in an order of its own; the first order is returned. A project whose
    `stock_target` is 0 keeps none: each prompt is answered once by each policy, one that is added later too.
    """
    writers = _writers(project)
    if not writers or _unfinished(project).exists():
        return None
    target = project.stock_target
    if target == 0:
        unasked = _never_asked(project, writers)
        return _order(writers, unasked) if unasked else _order_after_roll_back(writers)
    if not orders_of(writers[0]).exists():
        # There was no prompt when it was deployed.
        return _order_more(writers, slates=target)
    lacking = target - stock(project, most=target)
    return _order_more(writers, slates=max(lacking, target // 2)) if lacking > 0 else None


def order_if_nothing_waits(project: Project) -> SamplingOrder | None:
    """Order as much as after a deployment where nobody finds work. Raises StoreFull."""
    writers = _writers(project)
    if not writers or stock(project, most=1) or _unfinished(project).exists():
        return None
    return _order_more(writers, slates=project.stock_target)


def _writers(project: Project) -> list[Deployment]:
    """Who is asked for completions now: what is current, and beside it the canary; nobody before the first."""
    current, canary = current_deployment(project), canary_deployment(project)
    return [] if current is None else [each for each in (current, canary) if each is not None]


def _order_after_roll_back(writers: Sequence[Deployment]) -> SamplingOrder | None:
    """The policy before answered everything once; where what came after it was taken back, it does so again."""
    project = writers[0].project
    last = Deployment.objects.filter(project=project, rolled_back=True).order_by("-retired_at").first()
    if last is None or orders_of(writers[0]).filter(created_at__gt=last.retired_at).exists():
        return None
    return order_if_nothing_waits(project)


def _order_more(writers: Sequence[Deployment], *, slates: int) -> SamplingOrder | None:
    return _order(writers, _most_wanted(writers[0].project, writers, slates))


def _order(writers: Sequence[Deployment], prompts: Sequence[Prompt]) -> SamplingOrder | None:
    """Ask the first of these, and the canary beside it for its share; return the first order that is placed."""
    project, parts = writers[0].project, [list(prompts)]
    number = project.sampling_orders.count()
    if len(writers) > 1:
        parts = list(split(prompts, order=number, share=writers[1].share))
    drafts = [
        _draft(writer, some, number=at) for at, (writer, some) in enumerate(zip(writers, parts, strict=True), number)
    ]
    return _place_alone(project, writers, [draft for draft in drafts if draft is not None])


def _place_alone(project: Project, writers: Sequence[Deployment], drafts: Sequence[Draft]) -> SamplingOrder | None:
    """Place the drafts unless another worker placed some in the meantime, or one who should write was taken back."""
    if not drafts:
        return None
    with transaction.atomic():
        # The row is locked by writing to it: then the second of two ticks sees the first one's order.
        Project.objects.filter(pk=project.pk).update(stock_target=F("stock_target"))
        if _all_write(writers) and not _unfinished(project).exists():
            placed = [place_order(draft) for draft in drafts]
            return placed[0]
    for draft in drafts:
        discard(draft)
    return None


def _all_write(writers: Sequence[Deployment]) -> bool:
    """Whether all are still deployed; locked, so that who takes one back waits and then finds its new order."""
    rows = Deployment.objects.select_for_update().filter(pk__in=[writer.pk for writer in writers], retired_at=None)
    return len(rows) == len(writers)


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
    anew = {"failure": "", "failure_kind": "", "seen_to_at": None, "attempts": 0, "ended_at": None}
    if failed.update(state=StageState.WAITING, **anew) != 1:
        raise RoundRefused(_("This sampling order has not failed."))
    journal.record(project=order.project, actor=by, verb="retry", subject=order)


@transaction.atomic
def cancel_order(*, by: User | None, order: SamplingOrder) -> None:
    """End a sampling order; what it has delivered stays. Raises RoundRefused if it has ended."""
    _may(by, order)
    if cancel_orders(Stage.objects.filter(sampling_order=order)) != 1:
        raise RoundRefused(_("This sampling order has ended."))
    journal.record(project=order.project, actor=by, verb="cancel", subject=order)


def cancel_orders_of(orders: "QuerySet[SamplingOrder]") -> int:
    """End those of these orders that stand, in the caller's transaction, and return how many."""
    return cancel_orders(Stage.objects.filter(sampling_order__in=orders))


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
