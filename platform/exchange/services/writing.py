"""Write an export: one consistent read of the database becomes a directory with a manifest, a row at a time."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from django.utils import timezone

from accounts.models import Project
from annotations import records
from annotations.choices import Split
from annotations.records import Author, Record
from exchange import formats
from exchange.card import card
from exchange.models import Export, ExportState, Facts, Format
from exchange.services import exports
from exchange.services.exports import ExportMoved
from rounds import store
from rounds.services.freezing import one_read
from rounds.store import StoreFull
from trainer import manifest

KIND = "export"
LEASE_SECONDS = 60
ROWS_A_SECOND = 1000
# No task of a worker lives longer (CELERY_TASK_TIME_LIMIT), so no lease needs to.
LONGEST_LEASE = 330
SIGN_EVERY = 1.0

# Split and row of each line, in the order of writing.
Lines = Iterator[tuple[str, Record]]

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


@dataclass
class Passed:
    """What went by while the files were written."""

    of: int
    sources: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    policies: set[Author] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        return {split: self.rows[split] for split in Split.values}


def write(*, export_id: int, owner: str) -> None:
    """Write the export and name its directory. Does nothing where another worker has it or nothing is due."""
    export = Export.objects.select_related("project").filter(pk=export_id, state=ExportState.WAITING).first()
    if export is None:
        return
    seconds = min(LEASE_SECONDS + _sources(export) // ROWS_A_SECOND, LONGEST_LEASE)
    fence = exports.claim(export_id=export_id, owner=owner, seconds=seconds)
    if fence is None:
        return
    try:
        _write_claimed(export, fence, owner)
    except ExportMoved:
        # Deleted, or the lease ran out and a successor writes its own: nobody will ever name this directory.
        store.remove(export.place(fence))


def _write_claimed(export: Export, fence: int, owner: str) -> None:
    if export.attempts >= exports.MOST_ATTEMPTS:
        message = f"{export.attempts} workers in a row ended in the middle of it"
        return exports.stop(export_id=export.pk, owner=owner, kind="crashed", message=message)
    exports.clear(export, through=fence - 1)
    path = export.place(fence)
    try:
        with one_read():
            digest, facts = _write(export, path)
    except StoreFull as error:
        return exports.stop(export_id=export.pk, owner=owner, kind="no_space", message=f"no space in {error}")
    except FileNotFoundError as error:
        raise ExportMoved(f"export {export.pk} was cleared while it was written") from error
    return exports.finish(export_id=export.pk, fence=fence, path=path, digest=digest, facts=facts)


def _write(export: Export, path: str) -> tuple[str, Facts]:
    directory = store.full_path(path)
    passed = Passed(of=_sources(export))
    with store.nothing_half_done(directory), manifest.lock(directory) as folder:
        # The first query, above, has fixed the moment that all others see.
        snapshot_at = timezone.now().isoformat()
        _write_splits(folder, _lines(export, passed), passed)
        words = card(export.format, export.project.slug, passed.counts())
        (folder / "README.md").write_text(words, encoding="utf-8")
        digest = manifest.publish(directory, kind=KIND, facts=_facts(export, passed, snapshot_at))
    return digest, {"snapshot_at": snapshot_at, "files": _files(directory, passed)}


def _write_splits(folder: Path, lines: Lines, passed: Passed) -> None:
    """Write `train.jsonl` and `eval.jsonl`, and tell in `heartbeat` how far it is."""
    with ExitStack() as opened:
        files = {
            split: opened.enter_context((folder / f"{split}.jsonl").open("w", encoding="utf-8"))
            for split in Split.values
        }
        told = 0.0
        for split, row in lines:
            files[split].write(_encode(row) + "\n")
            passed.rows[split] += 1
            if time.monotonic() - told > SIGN_EVERY:
                told = time.monotonic()
                (folder / "heartbeat").write_text(json.dumps({"step": passed.sources, "of": passed.of}))


def _lines(export: Export, passed: Passed) -> Lines:
    if export.format in formats.DEMONSTRATION_ROWS:
        yield from _demonstrated(export, passed)
    else:
        yield from _ranked(export, passed)


def _demonstrated(export: Export, passed: Passed) -> Lines:
    rows_of = formats.DEMONSTRATION_ROWS[export.format]
    for demonstration in records.demonstrations_of(export.project):
        passed.sources += 1
        if demonstration.origin and export.format == Format.DEMONSTRATIONS:
            policy = demonstration.origin.policy
            passed.policies.add(Author(str(policy.public_id), policy.name, policy.digest))
        for row in rows_of(demonstration):
            yield demonstration.prompt.split, row


def _ranked(export: Export, passed: Passed) -> Lines:
    rows_of = formats.RANKING_ROWS[export.format]
    for ranking in records.rankings_of(export.project):
        passed.sources += 1
        for placed in ranking.placements:
            passed.policies.add(placed.policy)
        for row in rows_of(ranking):
            yield ranking.split, row


def _sources(export: Export) -> int:
    """How many rankings or demonstrations the export goes through."""
    project: Project = export.project
    if export.format in formats.DEMONSTRATION_ROWS:
        return records.current_demonstrations(project).count()
    return records.current_rankings(project).count()


def _facts(export: Export, passed: Passed, snapshot_at: str) -> Facts:
    """What the manifest tells beside the digests of the files."""
    return {
        "export": str(export.public_id),
        "contents": export.format,
        "project": export.project.slug,
        "snapshot_at": snapshot_at,
        "counts": passed.counts(),
        "sources": passed.sources,
        "policies": {policy.id: {"name": policy.name, "digest": policy.digest} for policy in passed.policies},
        "features": formats.FEATURES[export.format],
        "software": {"tutelage": version("tutelage")},
    }


def _files(directory: Path, passed: Passed) -> Facts:
    digests = manifest.peek(directory, kind=KIND)["files"]
    digests[manifest.NAME] = manifest.digest(directory)
    return {
        name: {"rows": passed.rows.get(Path(name).stem), "bytes": (directory / name).stat().st_size, "sha256": digest}
        for name, digest in digests.items()
    }
