"""Bring prompts in: a whole file or nothing, each text once, and its split chosen by the text alone."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.models import Assignment, Kind, Messages, Prompt, Split
from annotations.services.texts import checked_messages

_LONGEST_LINE = 64_000
_TEXT_KEYS = ("messages", "text", "question")


class PromptFileError(ValueError):
    """A prompt file cannot be read; the text names the line and the reason, and nothing was imported."""


@dataclass(frozen=True, kw_only=True)
class PromptRow:
    """One prompt to be added. `messages` ends with a user turn."""

    messages: Messages
    tags: list[str] = field(default_factory=list)
    priority: int = 0


def read_prompt_file(path: Path) -> list[PromptRow]:
    """Read prompts from JSONL rows with `messages`, `text` or `question`, or from the lines of a `.txt` file.

    Rows may have `tags` and `priority`; what else they have is left out. Raises `PromptFileError`, `OSError`.
    """
    read = _plain if path.suffix == ".txt" else _parsed
    rows = []
    for number, line in _lines(path):
        try:
            rows.append(read(line))
        except ValueError as error:
            raise PromptFileError(
                _("%(file)s, line %(line)d: %(reason)s") % {"file": path.name, "line": number, "reason": error}
            ) from error
    if not rows:
        raise PromptFileError(_("%(file)s holds no prompts.") % {"file": path.name})
    return rows


def add_prompts(*, by: User | None, project: Project, rows: Iterable[PromptRow]) -> int:
    """Add the prompts that the project does not have yet, with their slots for demonstrations; return how many.

    Raises `BadMessages` for a message list that does not end with a user turn, and adds nothing then.
    """
    prompts = [new_prompt(project, row) for row in rows]
    with transaction.atomic():
        if by:
            require_role(user=by, project=project, roles=[Role.OPERATOR])
        Prompt.objects.bulk_create(prompts, ignore_conflicts=True, batch_size=500)
        # A duplicate kept the row that was there, with that row's public id: only new rows have ours.
        added = Prompt.objects.in_bulk([prompt.public_id for prompt in prompts], field_name="public_id")
        Assignment.objects.bulk_create(
            _wanted(project, sorted(added.values(), key=lambda prompt: prompt.pk)), batch_size=500
        )
        journal.record(project=project, actor=by, verb="add_prompts", subject=project, added=len(added))
    return len(added)


def new_prompt(project: Project, row: PromptRow) -> Prompt:
    """The unsaved prompt of a row, with its digest and its split. Raises `BadMessages`."""
    messages = checked_messages(row.messages, last="user")
    canonical = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    share = int(hashlib.sha256((project.slug + canonical).encode()).hexdigest(), 16) % 1000
    return Prompt(
        project=project,
        messages=messages,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        split=Split.EVAL if share < project.eval_share else Split.TRAIN,
        tags=row.tags,
        priority=row.priority,
    )


def _wanted(project: Project, prompts: Iterable[Prompt]) -> Iterator[Assignment]:
    # Nothing may ever be fitted to an eval prompt, so nobody is asked to demonstrate one.
    for prompt in prompts:
        for slot in range(project.demonstrations_wanted if prompt.split == Split.TRAIN else 0):
            yield Assignment(project=project, kind=Kind.DEMONSTRATE, prompt=prompt, slot=slot, priority=prompt.priority)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise PromptFileError(
                _("%(file)s, line %(line)d: not UTF-8 text") % {"file": path.name, "line": number}
            ) from error
        if line:
            yield number, line


def _plain(line: str) -> PromptRow:
    return PromptRow(messages=checked_messages([{"role": "user", "content": line}], last="user"))


def _parsed(line: str) -> PromptRow:
    if len(line) > _LONGEST_LINE:
        raise ValueError(_("longer than %(most)d characters") % {"most": _LONGEST_LINE})
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(_("not JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(row, dict):
        raise ValueError(_("not a JSON object"))
    return _row(row)


def _row(row: dict[str, Any]) -> PromptRow:
    named = [key for key in _TEXT_KEYS if key in row]
    if len(named) != 1:
        raise ValueError(_("needs exactly one of: %(keys)s") % {"keys": ", ".join(_TEXT_KEYS)})
    said = row[named[0]]
    messages = said if named == ["messages"] else [{"role": "user", "content": said}]
    tags, priority = row.get("tags", []), row.get("priority", 0)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(_("tags must be a list of words"))
    if type(priority) is not int or abs(priority) > 1_000_000:
        raise ValueError(_("priority must be a whole number"))
    return PromptRow(messages=checked_messages(messages, last="user"), tags=tags, priority=priority)


def _refuse_constant(name: str) -> None:
    raise ValueError(_("%(name)s is no JSON") % {"name": name})
