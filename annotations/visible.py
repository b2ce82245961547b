"""What an import has brought stays out of sight until all of it is there."""

from typing import TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


def visible(rows: "QuerySet[Row]", through: str = "imported") -> "QuerySet[Row]":
    """Those that no import brought, or one that is whole. `through` leads from a row to its imported set."""
    return rows.filter(Q(**{through: None}) | Q(**{f"{through}__visible_at__isnull": False}))
