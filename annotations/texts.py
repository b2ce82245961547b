"""What people and models write, made fit to be stored and refused where it is not text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from annotations.models import Messages

LONGEST = 64_000
_ROLES = frozenset({"system", "user", "assistant"})


class BadMessages(ValueError):
    """Not a message list that can be stored; the text says why."""


def storable(text: str) -> str:
    """Drop what PostgreSQL cannot hold: NUL characters, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def checked_messages(messages: Any, *, last: str) -> Messages:
    """Return the messages, storable, or raise `BadMessages`: known roles, no empty turn, `last` role at the end."""
    if not isinstance(messages, list) or not messages:
        raise BadMessages(_("The message list is empty."))
    checked = [_checked(message) for message in messages]
    if checked[-1]["role"] != last:
        raise BadMessages(_("The last message must come from: %(role)s.") % {"role": last})
    _turns([message["role"] for message in checked])
    return checked


def _checked(message: Any) -> dict[str, str]:
    if not isinstance(message, dict) or set(message) != {"role", "content"}:
        raise BadMessages(_("A message has exactly a role and a content."))
    role, content = message["role"], message["content"]
    if not isinstance(role, str) or role not in _ROLES:
        raise BadMessages(_("A message's role is system, user or assistant."))
    if not isinstance(content, str) or not content.strip():
        raise BadMessages(_("A message is empty."))
    if len(content) > LONGEST:
        raise BadMessages(_("A message is longer than %(most)d characters.") % {"most": LONGEST})
    return {"role": role, "content": storable(content)}


def _turns(roles: Sequence[str]) -> None:
    spoken = roles[1:] if roles[0] == "system" else roles
    if "system" in spoken:
        raise BadMessages(_("A system message stands only at the beginning."))
    if any(role == after for role, after in pairwise(spoken)):
        raise BadMessages(_("The turns of user and assistant must alternate."))
