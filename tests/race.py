"""Real threads that start at once, each with its own connection to the database."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def race(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do every act in a thread of its own, all released at one moment; return the results, raise the first error."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait()
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
