"""Submission keys: what was sent twice is done once, and both senders get the same answer."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Submission, User


class KeyReused(Exception):
    """A submission key came again with another body. Views answer 409."""


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
            claim.save(force_insert=True)
    except IntegrityError:
        found = Submission.objects.get(user=user, key=key)
        if found.body_digest != claim.body_digest:
            raise KeyReused(f"submission key {key} was used for something else") from None
        return found.result or None
    return None


def remember(*, user: User, key: UUID, body: Any, result: str) -> None:
    """Keep `result` as the answer to this key, for ever."""
    kept = Submission.objects.filter(user=user, key=key, body_digest=_digest(body), result="").update(result=result)
    assert kept == 1, "answer_once must come first, in the same transaction"
