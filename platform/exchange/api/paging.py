"""Lists in pages: by key, so that the last page costs what the first does and no row is met twice or left out."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

from exchange.api.problems import Problem

MOST_A_PAGE = 200

M = TypeVar("M", bound=Model)
Item = TypeVar("Item")
_LARGEST = 2**63 - 1


class At(Schema):
    """Which page of a list."""

    cursor: str | None = Field(None, max_length=200, description="`next` of the page before; none: the first page")
    limit: int = Field(50, ge=1, le=MOST_A_PAGE, description="how many items at most")


class Page(Schema, Generic[Item]):
    """One page of a list; `next` is the cursor of the following one, or null on the last."""

    items: list[Item]
    next: str | None = Field(examples=["WyItcGsiLCA0MV0"])


def page(
    rows: "QuerySet[M]", at: At, *, shape: Callable[[list[M]], list[Item]], newest_first: bool = True
) -> Page[Item]:
    """The page of `rows`, by primary key. Rows that are added meanwhile never move the others.

    `shape` gets the rows of the page together, so that what it asks besides is asked once.
    Raises `Problem` for a cursor that no page of such a list has given.
    """
    order = "-pk" if newest_first else "pk"
    if at.cursor is not None:
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": _read(at.cursor, order)})
    found = list(rows.order_by(order)[: at.limit + 1])
    shown = found[: at.limit]
    more = len(found) > len(shown)
    return Page(items=shape(shown), next=_written(shown[-1].pk, order) if more else None)


def _written(key: int, order: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, key]).encode()).decode().rstrip("=")


def _read(cursor: str, order: str) -> int:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        said: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        of, key = said
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise Problem("bad-cursor", "Take the cursor from `next` of the page before.") from None
    if of != order or type(key) is not int or not 0 <= key <= _LARGEST:
        raise Problem("bad-cursor", "Take the cursor from `next` of the page before.")
    return key
