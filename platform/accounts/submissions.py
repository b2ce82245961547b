"""Submission keys: what was sent twice is done once, and both senders get the same answer."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import UUIDField

from accounts.models import Submission, User
from accounts.prepared import Given, PreparedInsert, PreparedUpdate


class KeyReused(Exception):
    """A submission key came again with another body. Views answer 409."""


_KEY = Given("key", UUIDField())
_CLAIM = PreparedInsert(Submission)
_ANSWERED = PreparedUpdate(
    lambda: Submission.objects.filter(user=Given("user"), key=_KEY, body_digest=Given("digest"), result=""),
    result=Given("result"),
)


def _digest(body: Any) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def answer_once(*, user: User, key: UUID, body: Any) -> str | None:
    """Return what this key was answered with, or None the first time; then `remember` in the same transaction.

    The row is claimed before the work: a parallel copy waits for the first, and a failed first leaves nothing.
    Raises `KeyReused` if the key was used for another body.
    """
    assert transaction.get_connection().in_atomic_block, "a key is answered in the transaction of its work"
    claim = Submission(user=user, key=key, body_digest=_digest(body), result="")
    try:
        with transaction.atomic():
            _CLAIM([claim])
    except IntegrityError:
        found = Submission.objects.get(user=user, key=key)
        if found.body_digest != claim.body_digest:
            raise KeyReused(f"submission key {key} was used for something else") from None
        return found.result or None
    return None


def remember(*, user: User, key: UUID, body: Any, result: str) -> None:
    """Keep `result` as the answer to this key, for ever."""
    kept = _ANSWERED(user=user.pk, key=key, digest=_digest(body), result=result)
    assert kept == 1, "answer_once must come first, in the same transaction"
