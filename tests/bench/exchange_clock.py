"""One export or one import, timed in a process of its own: `python -m tests.bench.exchange_clock export FORMAT`."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from accounts.models import Project  # noqa: E402
from annotations.models import Prompt  # noqa: E402
from exchange.models import Export, Import  # noqa: E402
from exchange.services import exports, importing, imports, writing  # noqa: E402
from tests.bench.exchange_rows import SLUG  # noqa: E402

Facts = dict[str, Any]


def export(format: str) -> Facts:
    """Order an export and write it as a worker does; its files are deleted afterwards."""
    project = Project.objects.get(slug=SLUG)
    ordered = exports.order(by=None, project=project, format=format)
    spent = timed(lambda: writing.write(export_id=ordered.pk, owner="bench"))
    done = Export.objects.get(pk=ordered.pk)
    files = done.facts["files"].values()
    rows = sum(file["rows"] or 0 for file in files)
    exports.delete(by=None, project=project, export_id=done.public_id)
    return spent | {"rows": rows, "bytes": sum(file["bytes"] for file in files), "digest": done.digest}


def bring(file: str) -> Facts:
    """Bring a file in: read it, write it, let everybody see it, open its slots."""
    project, path = Project.objects.get(slug=SLUG), Path(file)
    with path.open("rb") as content:
        row = imports.bring(by=None, project=project, name="bench", file=path.name, content=content)
    read = timed(lambda: importing.work(import_id=row.pk, owner="bench"))
    imports.write(by=None, project=project, import_id=row.public_id, without_bad=False)
    written = timed(lambda: importing.work(import_id=row.pk, owner="bench"))
    opened = timed(importing.open_slots)
    done = Import.objects.get(pk=row.pk)
    counts = {"state": done.state, "counts": done.counts, "prompts": Prompt.objects.filter(project=project).count()}
    steps = {"read": read, "write": written, "open": opened}
    return {f"{step}_{name}": value for step, spent in steps.items() for name, value in spent.items()} | counts


def timed(work: Callable[[], None]) -> Facts:
    before, began, busy = most_memory(), time.perf_counter(), time.process_time()
    work()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return {"seconds": seconds, "busy": busy, "before_mb": before, "peak_mb": most_memory()}


def most_memory() -> float:
    """The most that this process has held, in MB. Unlike getrusage's, it knows nothing of the process that began it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps({"export": export, "import": bring}[sys.argv[1]](sys.argv[2])))
