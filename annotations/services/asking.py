"""Which prompts are still asked, and which first: priority, retiring, bringing back. What people said always stays."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Prompt, Slate
from annotations.services import slates
from annotations.services.prompts import open_demonstrations

Ids = Sequence[UUID]


def retire(*, by: User, project: Project, ids: Ids) -> int:
    """Ask these prompts no more, and return how many were asked until now.

    Slots that nobody was lent are closed; who has one may finish it, and then it is lent to nobody else.
    """
    with transaction.atomic():
        chosen = _locked(by, project, ids).filter(retired_at=None)
        gone = list(chosen)
        for prompt in gone:
            Prompt.objects.filter(pk=prompt.pk, retired_at=None).update(retired_at=Now())
        _open_slots(gone).update(state=AssignmentState.CLOSED, slot=None)
        _note(by, project, "retire_prompts", gone)
    return len(gone)


def bring_back(*, by: User, project: Project, ids: Ids) -> int:
    """Ask retired prompts again, with the slots that they still lack; return how many were retired."""
    with transaction.atomic():
        back = list(_locked(by, project, ids).exclude(retired_at=None))
        for prompt in back:
            Prompt.objects.filter(pk=prompt.pk, retired_at__isnull=False).update(retired_at=None)
            slates.reopen(prompt)
        open_demonstrations(project, back)
        _note(by, project, "bring_prompts_back", back)
    return len(back)


def set_priority(*, by: User, project: Project, ids: Ids, priority: int) -> int:
    """Give these prompts another priority, and their open slots with them; return how many changed."""
    with transaction.atomic():
        changed = list(_locked(by, project, ids).exclude(priority=priority))
        Prompt.objects.filter(pk__in=[prompt.pk for prompt in changed]).update(priority=priority)
        waiting = _open_slots(changed)
        waiting.filter(kind=Kind.DEMONSTRATE).update(priority=priority)
        for slate, order in Slate.objects.filter(prompt__in=changed).values_list("pk", "order"):
            waiting.filter(slate=slate).update(priority=slates.slot_priority(order, priority))
        _note(by, project, "set_priority", changed, priority=priority)
    return len(changed)


def _locked(by: User, project: Project, ids: Ids) -> "QuerySet[Prompt]":
    """The prompts, locked in one order: two operators at once wait for each other, and so does a shard taken in."""
    require_role(user=by, project=project, roles=[Role.OPERATOR])
    return Prompt.objects.select_for_update().filter(project=project, public_id__in=ids).order_by("pk")


def _open_slots(prompts: Sequence[Prompt]) -> "QuerySet[Assignment]":
    return Assignment.objects.filter(prompt__in=prompts, state=AssignmentState.OPEN)


def _note(by: User, project: Project, verb: str, prompts: Sequence[Prompt], **facts: Any) -> None:
    named = [prompt.pk for prompt in prompts]
    journal.record(project=project, actor=by, verb=verb, subject=project, prompts=named, **facts)
