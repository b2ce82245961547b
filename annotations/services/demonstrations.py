"""Take in demonstrations: once per submission key, late ones kept, revisions beside what they revise."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.consents import consent_given
from accounts.models import User
from accounts.submissions import answer_once, remember
from annotations.choices import Kind
from annotations.models import Assignment, Demonstration, Messages
from annotations.services.revisions import next_revision, still_given
from annotations.services.texts import BadMessages, checked_messages
from annotations.services.work import take_answer, yours


def submit_demonstration(
    *,
    by: User,
    assignment_id: UUID,
    messages: Messages,
    making: dict[str, Any] | None = None,
    base: int | None = None,
    key: UUID,
) -> Demonstration:
    """Keep a demonstration: the first of its assignment, or a new revision of it.

    The messages answer the prompt's user turn, so they begin and end with the assistant.
    `base` is the newest revision that the page knew. Raises `NotYours`, `BadMessages`, `KeyReused`, `Stale`.
    """
    with transaction.atomic():
        body = {"assignment": str(assignment_id), "messages": messages}
        if answered := answer_once(user=by, key=key, body=body):
            before = Demonstration.objects.get(public_id=answered)
            still_given(before)
            return before
        assignment = yours(by, assignment_id)
        answer = _answering(assignment, messages)
        demonstration = _make(by, assignment, next_revision(assignment, base=base), answer, making or {})
        take_answer(assignment, verb="demonstrate")
        remember(user=by, key=key, body=body, result=str(demonstration.public_id))
        return demonstration


def _answering(assignment: Assignment, messages: Messages) -> Messages:
    if assignment.kind != Kind.DEMONSTRATE:
        raise BadMessages(_("There is nothing to demonstrate here."))
    checked = checked_messages(messages, last="assistant")
    if checked[0]["role"] != "assistant":
        raise BadMessages(_("The first message must be the assistant's answer."))
    return checked


def _make(by: User, assignment: Assignment, revision: int, messages: Messages, making: dict[str, Any]) -> Demonstration:
    return Demonstration.objects.create(
        project_id=assignment.project_id,
        assignment=assignment,
        prompt_id=assignment.prompt_id,
        labeler=by,
        messages=messages,
        revision=revision,
        guideline=assignment.project.guidelines.order_by("-version").first(),
        consent=consent_given(user=by, project=assignment.project),
        making=making,
    )
