"""How the interpreter and SQLite look after their memory while a worker goes through a million rows."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

ROWS_APART = 50_000
PAGES_KB = 16_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let it look for objects that hold each other less often: rows do not, and a tenth of the time went there."""
    before = gc.get_threshold()
    gc.set_threshold(ROWS_APART, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def pages_at_hand() -> Iterator[None]:
    """Let SQLite hold every page that a batch changes: of its usual 2 MB they spill, to be read and written again.

    Only where batches are written: each thread that serves pages has a connection of its own.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        [before] = cursor.fetchone()
        cursor.execute(f"PRAGMA cache_size = -{PAGES_KB}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {before}")
