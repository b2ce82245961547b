"""Inserts rows that are alike past the ORM, which takes longer for a row than everything else that an import does."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model


def fill(
    template: Model, changing: Sequence[str], rows: Iterable[Sequence[Any]], *, ignore_conflicts: bool = False
) -> int:
    """Insert rows that are `template` but for the columns `changing`, and return how many were new.

    The values are as the database takes them: UUIDs are text, and JSON is text.
    """
    known = {field.attname: field for field in template._meta.local_concrete_fields}
    same = [field for name, field in known.items() if name not in changing and not field.primary_key]
    values = [field.get_db_prep_save(field.pre_save(template, add=True), connection) for field in same]
    quoted = [connection.ops.quote_name(str(field.column)) for field in (*(known[name] for name in changing), *same)]
    insert = f"INSERT INTO {connection.ops.quote_name(template._meta.db_table)} ({', '.join(quoted)})"
    marks = f"VALUES ({', '.join(['%s'] * len(quoted))})"
    refused = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    with connection.cursor() as cursor:
        cursor.executemany(f"{insert} {marks}{refused}", [[*row, *values] for row in rows])
        # Of no rows at all, it is -1 or 0.
        return max(int(cursor.rowcount), 0)
