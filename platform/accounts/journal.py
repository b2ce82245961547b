"""The one way to write the journal: in the transaction of the change that it tells of."""

from typing import Any

from django.db import models, transaction

from accounts.models import JournalEntry, Project, User
from accounts.prepared import PreparedInsert


def record(
    *,
    project: Project | None,
    actor: User | None,
    verb: str,
    subject: models.Model,
    old: str = "",
    new: str = "",
    **facts: Any,
) -> None:
    """Write that `actor` (None: the machine) did `verb` to `subject`. Never pass a person's words as a fact."""
    assert transaction.get_connection().in_atomic_block, "a journal row belongs to the transaction of its change"
    entry = JournalEntry(
        project=project,
        actor=actor,
        pseudonym=actor.pseudonym if actor else "",
        verb=verb,
        subject=subject._meta.model_name or "",
        subject_id=str(subject.pk),
        old=old,
        new=new,
        facts=facts,
    )
    _WRITE([entry])


_WRITE = PreparedInsert(JournalEntry)
