"""Bring in what was said elsewhere: batch by batch out of sight, then all of it at once, or none."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.brought import Brought
from annotations.models import (
    Assignment,
    Completion,
    Demonstration,
    ImportedSet,
    Placement,
    Prompt,
    Ranking,
    SamplingOrder,
    Slate,
    SlateCompletion,
)
from annotations.services import imported_rows
from annotations.services.imported_rows import ImportRefused
from annotations.services.prompts import open_demonstrations
from annotations.services.slates import missing_slots

BATCH = 200
# What one transaction of an import adds: labelers wait for no more.
ROWS = 1000
Progress = Callable[[int], None]


@transaction.atomic
def begin(*, by: User | None, project: Project, name: str) -> ImportedSet:
    """Begin a set that nobody sees yet. Raises ImportRefused, NotAllowed."""
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    imported = ImportedSet.objects.create(project=project, name=name)
    # A name that belongs to a person is refused before anything is written.
    imported_rows.into(imported)
    return imported


def batches(items: Iterable[tuple[Brought, int]]) -> Iterator[tuple[list[Brought], int]]:
    """As many items at a time as make `ROWS` rows, with the place that came with the last of them."""
    batch: list[Brought] = []
    rows = 0
    for item, place in items:
        batch.append(item)
        rows += 1 + len(item.texts) + len(item.answers)
        if rows >= ROWS:
            yield batch, place
            batch, rows = [], 0
    if batch:
        yield batch, place


@transaction.atomic
def add(imported: ImportedSet, items: Sequence[Brought], *, asked: bool = True) -> dict[str, int]:
    """Add a batch out of sight and count what it became; what the project has already is passed over."""
    # The row is locked by writing to it: of two imports at once, the second finds what the first brought.
    Project.objects.filter(pk=imported.project_id).update(stock_target=F("stock_target"))
    return imported_rows.add(imported_rows.into(imported), items, retired=not asked)


@transaction.atomic
def reveal(*, by: User | None, imported: ImportedSet, counts: dict[str, int]) -> bool:
    """Let everybody see the set, all of it at this one moment. False where it was revealed before."""
    hidden = ImportedSet.objects.filter(pk=imported.pk, visible_at=None)
    if hidden.update(visible_at=Now()) != 1:
        return False
    if any(counts.values()):
        told: dict[str, Any] = {"set": imported.name, **counts}
        journal.record(project=imported.project, actor=by, verb="import", subject=imported.project, **told)
    return True


@transaction.atomic
def open_slots(imported: ImportedSet) -> bool:
    """Open the slots of the next batch of its prompts, then of its slates; False when all are open.

    Work appears a batch at a time, so that nobody who labels waits for the whole.
    """
    seen = ImportedSet.objects.select_for_update().select_related("project").get(pk=imported.pk)
    prompts = list(_next_prompts(seen))
    slates = [] if prompts else list(_next_slates(seen))
    if prompts:
        open_demonstrations(seen.project, [prompt for prompt in prompts if prompt.retired_at is None])
        told = {"prompts_opened_to": prompts[-1].pk}
    elif slates:
        slots = [slot for slate in slates for slot in missing_slots(slate, slate.prompt)]
        Assignment.objects.bulk_create(slots, batch_size=BATCH)
        told = {"slates_opened_to": slates[-1].pk}
    else:
        ImportedSet.objects.filter(pk=seen.pk, opened_at=None).update(opened_at=Now())
        return False
    ImportedSet.objects.filter(pk=seen.pk).update(**told)
    return True


def _next_prompts(imported: ImportedSet) -> "QuerySet[Prompt, Any]":
    """As many as make `ROWS` slots: what a slot takes over from them, for whole rows would take twice as long."""
    following = Prompt.objects.filter(imported=imported, pk__gt=imported.prompts_opened_to).order_by("pk")
    wanted = following.values_list("pk", "split", "priority", "sensitive", "retired_at", named=True)
    return wanted[: max(ROWS // max(imported.project.demonstrations_wanted, 1), 1)]


def _next_slates(imported: ImportedSet) -> "QuerySet[Slate]":
    """Those that nobody judged elsewhere; a retired prompt's stay closed."""
    waiting = imported.slates.filter(
        ~Exists(Assignment.objects.filter(slate=OuterRef("pk"))),
        pk__gt=imported.slates_opened_to,
        prompt__retired_at=None,
    )
    return waiting.select_related("prompt").prefetch_related("assignments", "members").order_by("pk")[:BATCH]


@transaction.atomic
def drop(imported: ImportedSet) -> bool:
    """Take the next batch of a set away again that nobody has seen; False when nothing of it is left.

    Raises ImportRefused once it is seen.
    """
    if not ImportedSet.objects.select_for_update().filter(pk=imported.pk, visible_at=None).exists():
        raise ImportRefused(_("What people see already stays. Retire its prompts instead."))
    # A linked slate goes before the one that it is linked to.
    slates = list(imported.slates.order_by(F("linked_to").desc(nulls_last=True)).values_list("pk", flat=True)[:BATCH])
    written = list(imported.demonstrations.values_list("pk", "assignment")[:BATCH])
    prompts = list(imported.prompts.values_list("pk", flat=True)[:BATCH])
    if slates:
        _drop_slates(slates)
    elif written:
        Demonstration.objects.filter(pk__in=[pk for pk, _assignment in written]).delete()
        Assignment.objects.filter(pk__in=[assignment for _pk, assignment in written]).delete()
    elif prompts:
        _drop_prompts(prompts)
    return bool(slates or written or prompts)


def _drop_slates(slates: Sequence[int]) -> None:
    members = SlateCompletion.objects.filter(slate__in=slates)
    written = list(members.values_list("completion", flat=True))
    rankings = Ranking.objects.filter(slate__in=slates)
    Placement.objects.filter(ranking__in=list(rankings.values_list("pk", flat=True))).delete()
    rankings.delete()
    Assignment.objects.filter(slate__in=slates).delete()
    members.delete()
    Slate.objects.filter(pk__in=slates).delete()
    used = SlateCompletion.objects.filter(completion=OuterRef("pk"))
    Completion.objects.filter(~Exists(used), pk__in=written).delete()


def _drop_prompts(prompts: Sequence[int]) -> None:
    """A prompt that something else has come to need meanwhile stays, as if it had been added by hand."""
    needed = set(Assignment.objects.filter(prompt__in=prompts).values_list("prompt", flat=True))
    needed |= set(Slate.objects.filter(prompt__in=prompts).values_list("prompt", flat=True))
    Prompt.objects.filter(pk__in=needed).update(imported=None)
    alone = set(prompts) - needed
    SamplingOrder.prompts.through._base_manager.filter(prompt__in=alone).delete()
    Prompt.objects.filter(pk__in=alone).delete()


def bring_in(
    *,
    by: User | None,
    project: Project,
    name: str,
    items: Sequence[Brought],
    asked: bool = True,
    progress: Progress = lambda done: None,
) -> dict[str, int]:
    """Do all of it: begin, add, reveal, open slots. Return what the items became. Raises ImportRefused."""
    imported, counts = begin(by=by, project=project, name=name), Counter[str]()
    for batch, done in batches(zip(items, count(1), strict=False)):
        counts.update(add(imported, batch, asked=asked))
        progress(done)
    reveal(by=by, imported=imported, counts=dict(counts))
    while open_slots(imported):
        continue
    return dict(counts)
