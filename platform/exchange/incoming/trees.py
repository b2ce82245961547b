"""Open-Assistant's message trees: every turn of a person that has answers becomes an item."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.models import Messages
from exchange.incoming.items import DEEPEST, BadRow, Row
from exchange.incoming.pieces import answer, conversation

_ROLES = {"prompter": "user", "assistant": "assistant", "system": "system"}


def tree(row: Row) -> Iterator[Brought]:
    """Ranks among the answers to one turn are a ranking; the first that a person wrote is a demonstration."""
    root = row["prompt"]
    if not isinstance(root, dict):
        raise BadRow(_("needs an object: %(key)s") % {"key": "prompt"})
    _check_ids(root)
    found = list(_below(root, []))
    if not found:
        raise BadRow(_("nobody asks anything in this tree"))
    yield from found


def _check_ids(root: Row) -> None:
    """Raises BadRow where a message stands twice, or names another parent than the one above it."""
    seen: set[str] = set()
    waiting = [(root, None)]
    while waiting:
        message, above = waiting.pop()
        ident, parent = message.get("message_id"), message.get("parent_id")
        if ident is not None and str(ident) in seen:
            raise BadRow(_("a message stands twice in the tree"))
        if parent is not None and parent != above:
            raise BadRow(_("a message names another parent than the one above it"))
        seen.add(str(ident))
        waiting += [(reply, ident) for reply in _replies(message)]


def _replies(message: Row) -> list[Row]:
    found = message.get("replies") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadRow(_("needs a list: %(key)s") % {"key": "replies"})
    return found


def _below(message: Row, before: Messages) -> Iterator[Brought]:
    if message.get("deleted") or len(before) > DEEPEST:
        return
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise BadRow(_("A message's role is prompter or assistant."))
    so_far = [*before, {"role": role, "content": answer(message.get("text"))}]
    replies = [one for one in _replies(message) if not one.get("deleted")]
    if role == "user":
        yield from _said(conversation(so_far, last="user"), [one for one in replies if one.get("role") == "assistant"])
    for reply in replies:
        yield from _below(reply, so_far)


def _said(messages: Messages, replies: list[Row]) -> Iterator[Brought]:
    if not replies:
        yield Brought(messages=messages, tags=["oasst"])
        return
    texts = [answer(one.get("text")) for one in replies]
    ranks = [one.get("rank") for one in replies]
    if not all(rank is None or type(rank) is int for rank in ranks):
        raise BadRow(_("a rank is no whole number"))
    placed = [rank for rank in ranks if rank is not None]
    order = [[at for at, rank in enumerate(ranks) if rank == level] for level in sorted(set(placed))]
    judgements = [order] if 1 < len(placed) <= 9 else []
    written = [text for text, one in zip(texts, replies, strict=True) if not one.get("synthetic")]
    yield Brought(
        messages=messages,
        texts=texts if judgements else [],
        judgements=judgements,
        answers=[text for text in written[:1] if text.strip()],
        tags=["oasst"],
    )
