"""Write an export: one consistent read of the database becomes a directory with a manifest, a row at a time."""

import json
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from django.utils import timezone

from annotations.choices import Split
from annotations.ranked import Author
from exchange import formats, sources
from exchange.card import Sheet, card
from exchange.files import Shards
from exchange.formats import Shape
from exchange.memory import seldom_collected
from exchange.models import Export, ExportState, Facts
from exchange.services import exports
from exchange.services.exports import ExportMoved
from exchange.sources import Passing
from exchange.wanted import Wanted
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


@dataclass
class Passed:
    """What went by while the files were written. `rows` are by the file's place in the directory."""

    of: int
    sources: int = 0
    told: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    policies: set[Author] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    guidelines: set[int] = field(default_factory=set)

    def note(self, passing: Passing) -> None:
        self.sources += 1
        self.policies.update(passing.authors)
        self.people.update(passing.people)
        self.guidelines.update(passing.guidelines)

    def sheet(self, export: Export) -> Sheet:
        policies = sorted({policy.name for policy in self.policies})
        agreement = sources.agreement(export.project, Wanted.of(export.options))
        return Sheet(len(self.people), sorted(self.guidelines), policies, export.options, agreement)

    def counts(self) -> dict[str, int]:
        """Rows in each split, over all tables."""
        found: Counter[str] = Counter(dict.fromkeys(Split.values, 0))
        for name, rows in self.rows.items():
            found[formats.split_of(name)] += rows
        return dict(found)


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
        with one_read(), seldom_collected():
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
        read_at = timezone.now().isoformat()
        for part, shape in formats.parts_of(export.format).items():
            _write_part(export, shape, folder, part, passed)
        words = card(export.format, export.project.slug, passed.rows, passed.sheet(export))
        (folder / "README.md").write_text(words, encoding="utf-8")
        digest = manifest.publish(directory, kind=KIND, facts=_facts(export, passed))
    return digest, {"read_at": read_at, "files": _files(directory, passed)}


def _write_part(export: Export, shape: Shape, folder: Path, part: str, passed: Passed) -> None:
    """Write one table's splits, and tell in `heartbeat` how far the whole is."""
    wanted, kind = Wanted.of(export.options), formats.kind_of(export.format)
    place = folder / part
    place.mkdir(exist_ok=True)
    with ExitStack() as opened:
        splits = {split: opened.enter_context(Shards(place, split, kind, shape.columns)) for split in Split.values}
        for passing in sources.passing(export.project, shape.source, wanted):
            write = splits[passing.split].write
            for row in shape.rows(passing.thing, wanted):
                write(row)
            passed.note(passing)
            _tell(folder, passed)
    for shards in splits.values():
        passed.rows |= {f"{part}/{name}".lstrip("/"): rows for name, rows in shards.rows.items()}


def _tell(folder: Path, passed: Passed) -> None:
    now = time.monotonic()
    if now - passed.told > SIGN_EVERY:
        passed.told = now
        (folder / "heartbeat").write_text(json.dumps({"step": passed.sources, "of": passed.of}))


def _sources(export: Export) -> int:
    """How many rankings, demonstrations or prompts the export goes through."""
    wanted = Wanted.of(export.options)
    shapes = formats.parts_of(export.format).values()
    return sum(sources.count(export.project, shape.source, wanted) for shape in shapes)


def _facts(export: Export, passed: Passed) -> Facts:
    """What the manifest tells beside the digests of the files: nothing that two equal exports would differ in."""
    policies = sorted(passed.policies)
    shapes = formats.parts_of(export.format)
    return {
        "contents": export.format,
        "options": export.options,
        "project": export.project.slug,
        "counts": passed.counts(),
        "rows": passed.rows,
        "sources": passed.sources,
        "policies": {policy.id: {"name": policy.name, "digest": policy.digest} for policy in policies},
        "features": shapes[""].columns if "" in shapes else {part: shape.columns for part, shape in shapes.items()},
        "software": {"tutelage": version("tutelage")},
    }


def _files(directory: Path, passed: Passed) -> Facts:
    digests = manifest.peek(directory, kind=KIND)["files"]
    digests[manifest.NAME] = manifest.digest(directory)
    return {
        name: {"rows": passed.rows.get(name), "bytes": (directory / name).stat().st_size, "sha256": digest}
        for name, digest in digests.items()
    }
