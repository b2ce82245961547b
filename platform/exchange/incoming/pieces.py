"""Parts that the formats have in common: texts, turns, answers."""

from typing import Any

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.models import Messages
from annotations.texts import LONGEST, BadMessages, checked_messages, storable
from exchange.incoming.items import BadRow, Row

# Of tags.
MOST_WORDS, LONGEST_WORD = 100, 200
ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
}


def text(row: Row, key: str) -> str:
    """A text that is there. Raises BadRow."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(_("needs a text: %(key)s") % {"key": key})
    return answer(value)


def answer(value: Any) -> str:
    """What a policy or a person wrote: it may be empty where a policy said nothing. Raises BadRow."""
    if not isinstance(value, str):
        raise BadRow(_("an answer is no text"))
    if len(value) > LONGEST:
        raise BadRow(_("A message is longer than %(most)d characters.") % {"most": LONGEST})
    return storable(value)


def conversation(value: Any, *, last: str) -> Messages:
    """A message list whose roles may have other names, or a text that is one user turn. Raises BadRow."""
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list):
        raise BadRow(_("needs a list of messages"))
    try:
        return checked_messages([_turn(each) for each in value], last=last)
    except BadMessages as error:
        raise BadRow(str(error)) from error


def _turn(value: Any) -> Any:
    """A turn as ours: `role` and `content`, or ShareGPT's `from` and `value`; what else it has is left out."""
    if not isinstance(value, dict):
        return value
    role, content = value.get("role", value.get("from")), value.get("content", value.get("value"))
    return {"role": ROLES.get(role, role) if isinstance(role, str) else role, "content": content}


def one_answer(value: Any) -> str:
    """The answer that one assistant turn holds, or a plain text. Raises BadRow."""
    if isinstance(value, str):
        return text({"answer": value}, "answer")
    turns = conversation(value, last="assistant")
    if len(turns) != 1:
        raise BadRow(_("an answer must be one turn of the assistant"))
    return turns[0]["content"]


def pair(messages: Messages, better: str, worse: str, *, tie: bool = False, tags: list[str] | None = None) -> Brought:
    """One judgement of two. Their order in the file tells which is better: by their texts' order it tells nothing."""
    if better == worse:
        raise BadRow(_("both answers are the same text"))
    texts = sorted([better, worse])
    tiers = [[0, 1]] if tie else [[texts.index(better)], [texts.index(worse)]]
    return Brought(messages=messages, texts=texts, judgements=[tiers], tags=tags or [])


def parted(chosen: Messages, rejected: Messages) -> tuple[Messages, str, str]:
    """What two conversations have in common, and their last turns. Raises BadRow where they part earlier."""
    if chosen[:-1] != rejected[:-1] or len(chosen) < 2:
        raise BadRow(_("the two conversations part before their last answer"))
    return chosen[:-1], chosen[-1]["content"], rejected[-1]["content"]


def ranked(messages: Messages, texts: list[str], scores: list[float], *, tags: list[str] | None = None) -> Brought:
    """A ranking from scores, more is better; equal scores tie. Raises BadRow for one text or more than nine."""
    if not 2 <= len(texts) <= 9:
        raise BadRow(_("a ranking has two to nine answers, not %(count)d") % {"count": len(texts)})
    order = sorted(set(scores), reverse=True)
    tiers = [[at for at, score in enumerate(scores) if score == level] for level in order]
    return Brought(messages=messages, texts=texts, judgements=[tiers], tags=tags or [])


def words(row: Row, key: str) -> list[str]:
    """A list of words; none where the row says nothing. Raises BadRow."""
    value = row.get(key) or []
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list) or len(value) > MOST_WORDS or not all(isinstance(each, str) for each in value):
        raise BadRow(_("%(key)s must be a list of words") % {"key": key})
    if any(len(each) > LONGEST_WORD for each in value):
        raise BadRow(_("%(key)s must be a list of words") % {"key": key})
    return value
