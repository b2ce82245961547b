"""What a reviewer decides about work that too many people skipped: it is asked again, or not any more."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Prompt, Slate
from annotations.services import asking, slates
from annotations.services.prompts import open_demonstrations
from annotations.services.work import close_open


class DecidedBefore(ValueError):
    """It waits for no decision any more; nothing was changed."""


def decide(*, by: User, project: Project, kind: str, about: UUID, again: bool) -> None:
    """Ask a slate (`kind` rank) or a prompt to answer again, or not any more: then its prompt retires, by an operator.

    Raises `NotAllowed`, `DecidedBefore`.
    """
    if again and kind == Kind.RANK:
        ask_again(by=by, project=project, slate_id=about)
    elif again:
        ask_for_answer_again(by=by, project=project, prompt_id=about)
    elif kind == Kind.RANK:
        retire(by=by, project=project, slate_id=about)
    else:
        asking.retire(by=by, project=project, ids=[about])


def ask_again(*, by: User, project: Project, slate_id: UUID) -> None:
    """Lend a slate that waits for a reviewer to people again. Raises `NotAllowed`, `DecidedBefore`."""
    with transaction.atomic():
        slate = _waiting(by, project, slate_id)
        # Locked before its slots are opened: who retires the prompt meanwhile finds them.
        prompt = Prompt.objects.select_for_update().get(pk=slate.prompt_id)
        waits = Slate.objects.filter(pk=slate.pk, in_review_at__isnull=False, retired_at=None)
        if prompt.retired_at or not waits.update(in_review_at=None):
            raise DecidedBefore(_("Somebody decided about this before."))
        opened = slates.reopen(prompt)
        journal.record(project=project, actor=by, verb="ask_again", subject=slate, slots=opened)


def retire(*, by: User, project: Project, slate_id: UUID) -> None:
    """Lend a slate that waits for a reviewer to nobody any more. Raises `NotAllowed`, `DecidedBefore`."""
    with transaction.atomic():
        slate = _waiting(by, project, slate_id)
        waits = Slate.objects.filter(pk=slate.pk, in_review_at__isnull=False, retired_at=None)
        if not waits.update(retired_at=Now()):
            raise DecidedBefore(_("Somebody decided about this before."))
        close_open([slate.pk])
        journal.record(project=project, actor=by, verb="retire_slate", subject=slate)


def ask_for_answer_again(*, by: User, project: Project, prompt_id: UUID) -> None:
    """Open the slots to write that people skipped until none was left. Raises `NotAllowed`, `DecidedBefore`."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.REVIEWER])
        prompt = Prompt.objects.select_for_update().filter(project=project, public_id=prompt_id).first()
        if prompt is None or prompt.retired_at or not _was_skipped(prompt):
            raise DecidedBefore(_("Somebody decided about this before."))
        opened = open_demonstrations(project, [prompt])
        if not opened:
            raise DecidedBefore(_("Somebody decided about this before."))
        journal.record(project=project, actor=by, verb="ask_again", subject=prompt, slots=opened)


def _was_skipped(prompt: Prompt) -> bool:
    rows = Assignment.objects.filter(prompt=prompt, kind=Kind.DEMONSTRATE, state=AssignmentState.SKIPPED)
    return rows.exists()


def _waiting(by: User, project: Project, slate_id: UUID) -> Slate:
    require_role(user=by, project=project, roles=[Role.REVIEWER])
    found = Slate.objects.filter(project=project, public_id=slate_id).first()
    if found is None:
        raise DecidedBefore(_("There is no such question in this project."))
    return found
