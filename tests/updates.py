"""Refuse the one kind of conditional update that Django writes unsafely."""

import re
from typing import Any

# What Django makes of an update through a join: every condition moves into a subquery on the table itself.
# PostgreSQL does not ask that subquery again after it has waited for another's commit, so two win one race.
UNCHECKED = re.compile(
    r'(?:UPDATE|DELETE FROM) ("\w+") .*?WHERE \1\."\w+" IN \(SELECT U0\."\w+" FROM \1 U0 .*\)$', re.DOTALL
)


class UpdateOverJoin(AssertionError):
    """A conditional update whose conditions PostgreSQL does not check again after a wait."""


def refuse_updates_over_joins(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """A wrapper for Django's connections."""
    if UNCHECKED.match(sql):
        raise UpdateOverJoin(sql)
    return execute(sql, params, many, context)
