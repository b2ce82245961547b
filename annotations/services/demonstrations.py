"""Take in demonstrations: once per submission key, late ones kept, revisions beside what they revise."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from rapidfuzz.distance import Levenshtein

from accounts.consents import consent_given
from accounts.models import User
from accounts.submissions import answer_once, remember
from annotations.choices import Kind
from annotations.correction import Correction, tidied
from annotations.models import Assignment, Completion, Demonstration, Messages
from annotations.services.revisions import next_revision, still_given
from annotations.services.work import take_answer, yours
from annotations.texts import LONGEST, BadMessages, checked_messages, storable


def submit_demonstration(
    *,
    by: User,
    assignment_id: UUID,
    messages: Messages,
    origin: UUID | None = None,
    making: dict[str, Any] | None = None,
    base: int | None = None,
    key: UUID,
) -> Demonstration:
    """Keep a demonstration: the first of its assignment, or a new revision of it.

    The messages answer the prompt's user turn, so they begin and end with the assistant. `origin` is the completion
    of the same prompt that the first of them was written from. `base` is the newest
    revision that the page knew. Raises `NotYours`, `BadMessages`, `KeyReused`, `Stale`.
    """
    if origin is not None:
        foresee_edits(origin, checked_messages(messages, last="assistant")[0]["content"])
    with transaction.atomic():
        body = {"assignment": str(assignment_id), "messages": messages} | ({"origin": str(origin)} if origin else {})
        if answered := answer_once(user=by, key=key, body=body):
            before = Demonstration.objects.get(public_id=answered)
            still_given(before)
            return before
        assignment = yours(by, assignment_id)
        answering = _answering(assignment, messages)
        start, revision = _origin(assignment, origin), next_revision(assignment, base=base)
        demonstration = _make(by, assignment, revision, answering, start, making or {})
        take_answer(assignment, verb="demonstrate")
        remember(user=by, key=key, body=body, result=str(demonstration.public_id))
        return demonstration


def foresee_edits(completion: UUID | None, text: str) -> None:
    """Count the edits before the transaction that keeps their number: all who write wait for its end.

    Of two texts of the greatest length it takes two seconds. A completion never changes, so the number holds.
    """
    if completion is None or len(text) > LONGEST:
        return
    for origin in Completion.objects.filter(public_id=completion).values_list("text", flat=True):
        _edits(origin, storable(text))


@lru_cache(maxsize=32)
def _edits(origin: str, text: str) -> int:
    return Levenshtein.distance(origin, text)


def keep_correction(
    *, by: User, assignment: Assignment, correction: Correction, making: dict[str, Any]
) -> Demonstration | None:
    """Keep how a ranked completion should have been, inside the transaction that keeps the ranking.

    What is empty or as it was written is no correction: then the earlier one, if any, ends. Raises `BadMessages`.
    """
    assert transaction.get_connection().in_atomic_block, "a correction is kept with its ranking or not at all"
    text = tidied(correction.text)
    if text and correction.completion is None:
        raise BadMessages(_("Place an answer first; then correct it."))
    origin = _origin(assignment, correction.completion) if text else None
    if origin is None or text == tidied(origin.text):
        assignment.demonstrations.filter(is_current=True).update(is_current=False)
        return None
    messages = checked_messages([{"role": "assistant", "content": text}], last="assistant")
    same = assignment.demonstrations.filter(is_current=True, origin=origin, messages=messages).first()
    return same or _make(by, assignment, _after_the_last(assignment), messages, origin, making)


def _after_the_last(assignment: Assignment) -> int:
    """Make room for one more correction of an assignment that `yours` locked, and return its revision."""
    # The newest may be no longer current: withdrawn, or emptied.
    newest = assignment.demonstrations.order_by("-revision").first()
    assignment.demonstrations.filter(is_current=True).update(is_current=False)
    return newest.revision + 1 if newest else 1


def _answering(assignment: Assignment, messages: Messages) -> Messages:
    if assignment.kind != Kind.DEMONSTRATE:
        raise BadMessages(_("There is nothing to demonstrate here."))
    checked = checked_messages(messages, last="assistant")
    if checked[0]["role"] != "assistant":
        raise BadMessages(_("The first message must be the assistant's answer."))
    return checked


def _origin(assignment: Assignment, completion: UUID | None) -> Completion | None:
    if completion is None:
        return None
    of_it = Completion.objects.filter(prompt=assignment.prompt_id, public_id=completion)
    if assignment.slate_id:
        of_it = of_it.filter(slates=assignment.slate_id)
    if found := of_it.first():
        return found
    raise BadMessages(_("The answer that you started from belongs to another question."))


def _make(
    by: User,
    assignment: Assignment,
    revision: int,
    messages: Messages,
    origin: Completion | None,
    making: dict[str, Any],
) -> Demonstration:
    return Demonstration.objects.create(
        project_id=assignment.project_id,
        assignment=assignment,
        prompt_id=assignment.prompt_id,
        labeler=by,
        messages=messages,
        origin=origin,
        edit_distance=_edits(origin.text, messages[0]["content"]) if origin else None,
        revision=revision,
        guideline=assignment.project.guidelines.order_by("-version").first(),
        consent=consent_given(user=by, project=assignment.project),
        making=making,
    )
