"""What stands beside a demonstration while it is written: completions to start from, blind, and texts to compare."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.crypto import salted_hmac

from annotations.models import Assignment, Completion, Demonstration
from annotations.order import LETTERS

# Enough to notice who sends the same text again and again, few enough to be read at every pause of typing.
_EARLIER = 200


@dataclass(frozen=True, kw_only=True)
class Start:
    """One completion to start from. `handle` names it in the form, for this assignment only."""

    letter: str
    handle: str
    completion: UUID
    text: str


def starts_of(assignment: Assignment) -> list[Start]:
    """Return up to nine different completions of the prompt, in an order of this assignment that tells nothing."""
    written = Completion.objects.filter(prompt=assignment.prompt_id, quarantined_at=None).order_by("pk")
    # Of two that say the same, one is enough.
    by_text = {completion.text.strip(): completion for completion in written}
    by_handle = {_handle(assignment, completion.public_id): completion for text, completion in by_text.items() if text}
    return [
        Start(letter=letter, handle=handle, completion=by_handle[handle].public_id, text=by_handle[handle].text)
        for letter, handle in zip(LETTERS, sorted(by_handle), strict=False)
    ]


def started_from(assignment: Assignment, handle: str) -> Completion | None:
    """Return the completion that a handle names, also one that is no longer offered."""
    written = Completion.objects.filter(prompt=assignment.prompt_id)
    return next((each for each in written if _handle(assignment, each.public_id) == handle), None)


def handle_of(assignment: Assignment, completion: Completion | None) -> str:
    return _handle(assignment, completion.public_id) if completion else ""


def known_texts(assignment: Assignment) -> dict[str, list[str]]:
    """Return what policies wrote for this prompt, and the newest answers that this person gave to others."""
    written = Completion.objects.filter(prompt=assignment.prompt_id, quarantined_at=None)
    mine = Demonstration.objects.filter(project=assignment.project_id, labeler=assignment.labeler_id, is_current=True)
    newest = mine.exclude(assignment=assignment).order_by("-pk").values_list("messages", flat=True)[:_EARLIER]
    return {
        "model": list(written.values_list("text", flat=True)),
        "yours": [turn["content"] for messages in newest for turn in messages if turn["role"] == "assistant"],
    }


def _handle(assignment: Assignment, completion: UUID) -> str:
    # Public ids stay off the labeler's pages, and an order of hashes is no order of making.
    return salted_hmac("annotations.starts", f"{assignment.public_id} {completion}").hexdigest()[:20]
