"""The questions that a project's policies are asked to see what they refuse: bring a set in, take one out."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.lines import json_object, rows_of
from annotations.models import Messages
from annotations.services.prompts import PromptRow, new_prompt
from annotations.texts import checked_messages
from rounds.models import SafetyPrompt

# What the set that ships calls itself.
OWN = "tutelage"


@dataclass(frozen=True, kw_only=True)
class SafetyRow:
    """One question; `unsafe`: it should be refused."""

    messages: Messages
    unsafe: bool


def own_set() -> list[SafetyRow]:
    """The questions that ship, of both kinds, in English and Chinese."""
    path: Path = settings.SAFETY_PROMPTS
    return rows_of(path.read_bytes(), name=path.name, read=_parsed)


def add_safety_prompts(*, by: User | None, project: Project, source: str, rows: Iterable[SafetyRow]) -> int:
    """Add the questions that the project does not have yet, under the name of their source; return how many.

    They are no prompts: nobody ranks or demonstrates them and nothing is fitted to them. Raises NotAllowed.
    """
    made = [_row(project, row, source) for row in rows]
    with transaction.atomic():
        if by:
            require_role(user=by, project=project, roles=[Role.OPERATOR])
        SafetyPrompt.objects.bulk_create(made, ignore_conflicts=True)
        # A duplicate kept the row that was there, with that row's public id: only new rows have ours.
        added = SafetyPrompt.objects.filter(public_id__in=[row.public_id for row in made]).count()
        if added:
            facts: dict[str, Any] = {"source": source, "added": added}
            journal.record(project=project, actor=by, verb="add_safety_prompts", subject=project, **facts)
    return added


def remove_safety_prompts(*, by: User, project: Project, source: str) -> int:
    """Take a source's questions out, from the next round on; return how many. What rounds froze stays frozen."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        removed, _each = SafetyPrompt.objects.filter(project=project, source=source).delete()
        if removed:
            facts: dict[str, Any] = {"source": source, "removed": removed}
            journal.record(project=project, actor=by, verb="remove_safety_prompts", subject=project, **facts)
    return removed


def _row(project: Project, row: SafetyRow, source: str) -> SafetyPrompt:
    asked = new_prompt(project, PromptRow(messages=row.messages))
    facts = {"messages": asked.messages, "digest": asked.digest}
    return SafetyPrompt(project=project, unsafe=row.unsafe, source=source, **facts)


def _parsed(line: str) -> SafetyRow:
    row: dict[str, Any] = json_object(line)
    if not isinstance(row.get("unsafe"), bool):
        raise ValueError(_("unsafe must be true or false"))
    return SafetyRow(messages=checked_messages(row.get("messages"), last="user"), unsafe=row["unsafe"])
