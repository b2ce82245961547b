"""Idempotency keys: a request that is sent again under its key is answered as the first time, and done once.

The rules are those of draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from ninja import Schema
from ninja.responses import Status

from exchange.api.bodies import BYTES, body_file
from exchange.api.problems import Problem
from exchange.api.security import Asked
from exchange.models import KeptAnswer
from rounds.store import PIECE

HEADER = "Idempotency-Key"
# The draft's value is a string in quotes; what stands between them, or all of it where there are none.
_KEY = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,253})"|([\x21\x23-\x7e]{1,255})')
# Who claimed a key and said nothing for so long is taken for dead.
DEAD = timedelta(minutes=10)
_WAIT = "A request with this key is at work. Wait, then send it again."
_SHOWN = "This was done under this key, and what it showed is kept nowhere. Make a new one under a new key."

Function = Callable[..., Any]


def once(function: Function, status: int, *, secret: bool = False) -> Function:
    """Do `function` in one transaction, and under a key once. What it raises leaves nothing, the key not either.

    What a `secret` function answered is not kept: the same request again is refused.
    """

    @wraps(function)
    def run(request: Asked, **values: Any) -> Any:
        key = _key(request)
        with transaction.atomic():
            kept = _claim(request, key) if key else None
            if kept is not None and kept.status is not None:
                if secret:
                    raise Problem("refused", _SHOWN)
                return Status(kept.status, kept.body)
            result = function(request, **values)
            if kept is not None:
                _keep(kept, status, None if secret else result)
        return Status(status, result)

    return run


def once_apart(function: Function, status: int) -> Function:
    """As `once`, for verbs that write files first: no transaction is open meanwhile, and the key is claimed before."""

    @wraps(function)
    def run(request: Asked, **values: Any) -> Any:
        key = _key(request)
        kept = _claim(request, key) if key else None
        if kept is not None and kept.status is not None:
            return Status(kept.status, kept.body)
        try:
            result = function(request, **values)
        except BaseException:
            if kept is not None:
                KeptAnswer.objects.filter(pk=kept.pk, status=None).delete()
            raise
        if kept is not None:
            _keep(kept, status, result)
        return Status(status, result)

    return run


def _key(request: Asked) -> str:
    said = request.headers.get(HEADER)
    if said is None:
        return ""
    found = _KEY.fullmatch(said.strip())
    if found is None:
        raise Problem("unreadable", f"{HEADER} is a text of 1 to 255 plain characters.")
    return found[1] or found[2]


def _claim(request: Asked, key: str) -> KeptAnswer:
    """This key's row: a new one for who comes first, else the one that holds the answer."""
    mine = KeptAnswer(token=request.auth, key=key, fingerprint=_fingerprint(request))
    try:
        with transaction.atomic():
            mine.save(force_insert=True)
        return mine
    except IntegrityError:
        found = KeptAnswer.objects.get(token=request.auth, key=key)
    except OperationalError:
        # The first is at it for longer than a lock is waited for.
        raise Problem("at-work", _WAIT) from None
    if found.fingerprint != mine.fingerprint:
        raise Problem("other-request", "Use a new key for a new request.")
    if found.status is None and not _taken_over(found):
        raise Problem("at-work", _WAIT)
    return found


def _taken_over(found: KeptAnswer) -> bool:
    now = timezone.now()
    dead = KeptAnswer.objects.filter(pk=found.pk, status=None, at__lt=now - DEAD)
    return dead.update(at=now) == 1


def _keep(kept: KeptAnswer, status: int, result: Schema | None) -> None:
    body = None if result is None else result.model_dump(mode="json")
    KeptAnswer.objects.filter(pk=kept.pk, status=None).update(status=status, body=body)


def _fingerprint(request: Asked) -> str:
    told = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    for piece in _pieces(request):
        told.update(piece)
    return told.hexdigest()


def _pieces(request: Asked) -> Iterator[bytes]:
    """What is sent. The same files have another boundary between them each time."""
    if request.content_type == BYTES and not hasattr(request, "_body"):
        file = body_file(request)
        while piece := file.read(PIECE):
            yield piece
        return
    if request.content_type != "multipart/form-data":
        yield request.body
        return
    for name, values in sorted(request.POST.lists()):
        yield f"{name}={values}\n".encode()
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            yield f"{name}:{file.name}:{file.size}\n".encode()
            yield from file.chunks()
            file.seek(0)
