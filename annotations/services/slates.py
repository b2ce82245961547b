"""Make slates of what a policy wrote, and take them off the table when nobody should rank them any more."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from accounts import journal
from accounts.models import Project
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Completion, Policy, Prompt, SamplingOrder, Slate, SlateCompletion
from annotations.selfnaming import without_names
from annotations.services.prompts import MOST_PRIORITY
from annotations.services.work import close_open
from annotations.texts import storable

_BATCH = 500


class NotOrdered(ValueError):
    """A shard holds a completion that its order did not ask for; nothing was taken in."""


def take_in_completions(*, order: SamplingOrder, rows: Iterable[Mapping[str, Any]]) -> int:
    """Take in a shard's rows (docs/seam.md), and return how many slates they made. Twice adds nothing.

    A prompt's slate is made when all its completions are there and at least two of them say something; its
    `overlap` slots are open at once, the newest order's first. Raises `NotOrdered`.
    """
    asked = dict(order.prompts.values_list("public_id", "pk"))
    completions = [_completion(order, asked, row) for row in rows]
    with transaction.atomic():
        Completion.objects.bulk_create(completions, ignore_conflicts=True, batch_size=_BATCH)
        slates = _new_slates(order, {completion.prompt_id for completion in completions})
        journal.record(project=order.project, actor=None, verb="take_in", subject=order, slates=slates)
    return slates


def retire_untouched(*, project: Project, before: SamplingOrder, spared: QuerySet[SamplingOrder] | None = None) -> int:
    """Retire the slates of older orders, but those `spared`, that nobody was ever lent, and return how many."""
    # Closed ones were never lent either: their prompt was retired.
    unlent = [AssignmentState.OPEN, AssignmentState.CLOSED]
    touched = Assignment.objects.filter(slate=OuterRef("pk")).exclude(state__in=unlent)
    old = Slate.objects.filter(project=project, order__lt=before.pk)
    if spared is not None:
        # Read first: PostgreSQL runs what stands behind NOT IN anew for every slate, with all that it asks itself.
        old = old.exclude(order__in=list(spared.values_list("pk", flat=True)))
    with transaction.atomic():
        retired = old.filter(~Exists(touched), retired_at=None).update(retired_at=Now())
        close_open(old.filter(retired_at__isnull=False))
        journal.record(project=project, actor=None, verb="retire_untouched", subject=before, slates=retired)
    return retired


def quarantine(*, policy: Policy, orders: QuerySet[SamplingOrder] | None = None) -> int:
    """Keep what a bad policy wrote, for all or for these of its orders, from everybody; return how many completions."""
    written_for = SamplingOrder.objects.filter(policy=policy) if orders is None else orders
    with transaction.atomic():
        # Read first: in the middle of the joins below it would be asked for every completion of every slate.
        asked = list(written_for.values_list("pk", flat=True))
        written = Completion.objects.filter(order__in=asked, quarantined_at=None).update(quarantined_at=Now())
        held = SlateCompletion.objects.filter(completion__order__in=asked)
        bad = Slate.objects.filter(pk__in=held.values("slate"))
        bad.filter(retired_at=None).update(retired_at=Now())
        close_open(bad)
        journal.record(project=policy.project, actor=None, verb="quarantine", subject=policy, completions=written)
    return written


def _completion(order: SamplingOrder, asked: Mapping[UUID, int], row: Mapping[str, Any]) -> Completion:
    try:
        prompt, index = asked[UUID(row["prompt"])], int(row["index"])
    except (KeyError, ValueError) as error:
        raise NotOrdered(f"order {order.public_id} did not ask for prompt {row.get('prompt')!r}") from error
    if not 0 <= index < order.per_prompt:
        raise NotOrdered(f"order {order.public_id} did not ask for completion {index} of {row['prompt']}")
    written = storable(row["text"])
    shown = without_names(written)
    return Completion(
        order=order,
        prompt_id=prompt,
        policy_id=order.policy_id,
        index=index,
        text=shown,
        masked=shown != written,
        finished=row["finished"],
        tokens=row["tokens"],
    )


def _new_slates(order: SamplingOrder, prompts: Iterable[int]) -> int:
    spoken = _spoken(order, prompts)
    overlap = order.project.overlap
    slates = [Slate(project_id=order.project_id, prompt_id=prompt, order=order, overlap=overlap) for prompt in spoken]
    Slate.objects.bulk_create(slates, ignore_conflicts=True, batch_size=_BATCH)
    # A slate that was there kept its own public id: only new rows have ours.
    found = Slate.objects.in_bulk([slate.public_id for slate in slates], field_name="public_id")
    new = sorted(found.values(), key=lambda slate: slate.pk)
    SlateCompletion.objects.bulk_create(
        SlateCompletion(slate=slate, completion_id=completion, position=position)
        for slate in new
        for position, completion in enumerate(spoken[slate.prompt_id])
    )
    asked = _still_asked(spoken)
    Assignment.objects.bulk_create(
        row
        for slate in new
        if slate.prompt_id in asked
        for row in _slots(slate, range(overlap), k=len(spoken[slate.prompt_id]), prompt=asked[slate.prompt_id])
    )
    return len(new)


def _still_asked(prompts: Iterable[int]) -> dict[int, Prompt]:
    """Those that are not retired, by id; locked, so that who retires one finds these slots."""
    rows = Prompt.objects.select_for_update().filter(pk__in=list(prompts)).order_by("pk")
    return {prompt.pk: prompt for prompt in rows if prompt.retired_at is None}


def reopen(prompt: Prompt) -> int:
    """Open what the slates of a prompt that was brought back still lack of their overlap; return how many slots."""
    live = Slate.objects.filter(prompt=prompt, retired_at=None, in_review_at=None)
    slates = list(live.prefetch_related("assignments", "members"))
    rows = [row for slate in slates for row in missing_slots(slate, prompt)]
    Assignment.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def missing_slots(slate: Slate, prompt: Prompt) -> Iterator[Assignment]:
    """The slots that a slate lacks of its overlap, unsaved; its assignments and members are read before."""
    taken = {row.slot for row in slate.assignments.all()}
    slots = [slot for slot in range(slate.overlap) if slot not in taken]
    return _slots(slate, slots, k=len(slate.members.all()), prompt=prompt)


def slot_priority(order_id: int, prompt_priority: int) -> int:
    """The newest order first; inside one order, the prompt with the higher priority."""
    return order_id * (2 * MOST_PRIORITY + 1) + prompt_priority


def _spoken(order: SamplingOrder, prompts: Iterable[int]) -> dict[int, list[int]]:
    """Prompt → completions that say something, by index, for the prompts whose completions are all there."""
    written: dict[int, list[Completion]] = defaultdict(list)
    completions = Completion.objects.filter(order=order, quarantined_at=None).order_by("prompt", "index")
    for completion in completions.filter(prompt__in=set(prompts)):
        written[completion.prompt_id].append(completion)
    spoken = {
        prompt: [completion.pk for completion in all_of_it if completion.text.strip()]
        for prompt, all_of_it in written.items()
        if len(all_of_it) == order.per_prompt
    }
    return {prompt: completions for prompt, completions in spoken.items() if len(completions) > 1}


def _slots(slate: Slate, slots: Iterable[int], *, k: int, prompt: Prompt) -> Iterator[Assignment]:
    for slot in slots:
        yield Assignment(
            project_id=slate.project_id,
            kind=Kind.RANK,
            prompt_id=slate.prompt_id,
            slate=slate,
            slot=slot,
            priority=slot_priority(slate.order_id, prompt.priority),
            shown=_shown(slate, slot, k),
            sensitive=prompt.sensitive,
        )


def _shown(slate: Slate, slot: int, k: int) -> list[int]:
    """A row of a Latin square: over K slots every completion stands once at every place of the screen."""
    first = list(range(k))
    random.Random(slate.public_id.int).shuffle(first)
    return first[slot % k :] + first[: slot % k]
