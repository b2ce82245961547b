"""Bring prompts in: a whole file or nothing, each text once, and its split chosen by the text alone."""

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import Kind, Split
from annotations.filling import fill
from annotations.lines import LinesError, json_object, rows_of
from annotations.models import Assignment, Messages, Prompt, public_id
from annotations.texts import checked_messages

MOST_PRIORITY = 1_000_000
_TEXT_KEYS = ("messages", "text", "question")
_BATCH = 500


class PromptFileError(LinesError):
    """A prompt file cannot be read; the text names the line and the reason, and nothing was imported."""


@dataclass(frozen=True, kw_only=True)
class PromptRow:
    """One prompt to be added. `messages` ends with a user turn."""

    messages: Messages
    tags: list[str] = field(default_factory=list)
    priority: int = 0
    # The tag "sensitive" says the same.
    sensitive: bool = False

    def is_sensitive(self) -> bool:
        return self.sensitive or "sensitive" in (tag.strip().lower() for tag in self.tags)


def read_prompt_file(path: Path) -> list[PromptRow]:
    """Read prompts from JSONL rows with `messages`, `text` or `question`, or from the lines of a `.txt` file.

    Rows may have `tags`, `priority` and `sensitive`; what else they have is left out.
    Raises `PromptFileError`, `OSError`.
    """
    return read_prompts(path.read_bytes(), name=path.name, plain=path.suffix == ".txt")


def read_prompts(raw: bytes, *, name: str, plain: bool) -> list[PromptRow]:
    """Read what such a file holds: plain lines, or JSONL. Raises `PromptFileError`, which names `name` and the line."""
    rows = rows_of(raw, name=name, read=_plain if plain else _parsed, error=PromptFileError)
    if not rows:
        raise PromptFileError(_("%(file)s holds no prompts.") % {"file": name})
    return rows


def add_prompts(*, by: User | None, project: Project, rows: Iterable[PromptRow]) -> int:
    """Add the prompts that the project does not have yet, with their slots for demonstrations; return how many.

    A prompt that was there becomes sensitive if its row says so now, with all work on it; never the other way.
    Raises `BadMessages` for a message list that does not end with a user turn, and adds nothing then.
    """
    prompts = [new_prompt(project, row) for row in rows]
    with transaction.atomic():
        if by:
            require_role(user=by, project=project, roles=[Role.OPERATOR])
        Prompt.objects.bulk_create(prompts, ignore_conflicts=True, batch_size=_BATCH)
        # A duplicate kept the row that was there, with that row's public id: only new rows have ours.
        added = Prompt.objects.in_bulk([prompt.public_id for prompt in prompts], field_name="public_id")
        _open(project, sorted(added.values(), key=lambda prompt: prompt.pk), taken=())
        marked = _mark_sensitive(project, [prompt.digest for prompt in prompts if prompt.sensitive])
        journal.record(project=project, actor=by, verb="add_prompts", subject=project, added=len(added), marked=marked)
    return len(added)


def new_prompt(project: Project, row: PromptRow) -> Prompt:
    """The unsaved prompt of a row. Raises `BadMessages`."""
    return Prompt(project=project, **asked(project, row))


def asked(project: Project, row: PromptRow) -> dict[str, Any]:
    """What a row says of its prompt, with the digest and the split of its messages. Raises `BadMessages`."""
    messages = checked_messages(row.messages, last="user")
    canonical = orjson.dumps(messages, option=orjson.OPT_SORT_KEYS)
    share = int(hashlib.sha256(project.slug.encode() + canonical).hexdigest(), 16) % 1000
    return {
        "messages": messages,
        "digest": hashlib.sha256(canonical).hexdigest(),
        "split": str(Split.EVAL if share < project.eval_share else Split.TRAIN),
        "tags": row.tags,
        "priority": row.priority,
        "sensitive": row.is_sensitive(),
    }


def _mark_sensitive(project: Project, digests: Sequence[str]) -> int:
    """Mark the prompts that were added before without the mark, and the work on them; return how many."""
    marked = 0
    for start in range(0, len(digests), _BATCH):
        some = digests[start : start + _BATCH]
        unmarked = Prompt.objects.filter(project=project, digest__in=some, sensitive=False)
        found = list(unmarked.values_list("pk", flat=True))
        marked += Prompt.objects.filter(pk__in=found).update(sensitive=True)
        Assignment.objects.filter(prompt__in=found).update(sensitive=True)
    return marked


class ToDemonstrate(Protocol):
    """What a slot needs to know of its prompt."""

    @property
    def pk(self) -> int: ...
    @property
    def split(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def sensitive(self) -> bool: ...


def open_demonstrations(project: Project, prompts: Sequence[ToDemonstrate]) -> int:
    """Open the slots for demonstrations that these prompts lack of what the project wants; return how many."""
    there = Assignment.objects.filter(kind=Kind.DEMONSTRATE, prompt__in=[prompt.pk for prompt in prompts])
    taken = set(there.exclude(slot=None).values_list("prompt", "slot"))
    return _open(project, prompts, taken)


def _open(project: Project, prompts: Iterable[ToDemonstrate], taken: Container[tuple[int, int | None]]) -> int:
    slots = [
        (public_id().hex, prompt.pk, slot, prompt.priority, prompt.sensitive)
        for prompt in prompts
        for slot in _wanted(project, prompt)
        if (prompt.pk, slot) not in taken
    ]
    alike = Assignment(project=project, kind=Kind.DEMONSTRATE)
    return fill(alike, ("public_id", "prompt_id", "slot", "priority", "sensitive"), slots)


def _wanted(project: Project, prompt: ToDemonstrate) -> range:
    # Nothing may ever be fitted to an eval prompt, so nobody is asked to demonstrate one.
    return range(project.demonstrations_wanted if prompt.split == Split.TRAIN else 0)


def _plain(line: str) -> PromptRow:
    return PromptRow(messages=checked_messages([{"role": "user", "content": line}], last="user"))


def _parsed(line: str) -> PromptRow:
    return _row(json_object(line))


def _row(row: dict[str, Any]) -> PromptRow:
    named = [key for key in _TEXT_KEYS if key in row]
    if len(named) != 1:
        raise ValueError(_("needs exactly one of: %(keys)s") % {"keys": ", ".join(_TEXT_KEYS)})
    said = row[named[0]]
    messages = said if named == ["messages"] else [{"role": "user", "content": said}]
    tags, priority, sensitive = row.get("tags", []), row.get("priority", 0), row.get("sensitive", False)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(_("tags must be a list of words"))
    if type(priority) is not int or abs(priority) > MOST_PRIORITY:
        raise ValueError(_("priority must be a whole number"))
    if not isinstance(sensitive, bool):
        raise ValueError(_("sensitive must be true or false"))
    checked = checked_messages(messages, last="user")
    return PromptRow(messages=checked, tags=tags, priority=priority, sensitive=sensitive)
