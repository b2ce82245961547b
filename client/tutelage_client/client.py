"""The client: one method for each thing that programs do most; `get`, `post` and `pages` for everything else."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, TypeVar

from tutelage_client.answers import (
    Added,
    Export,
    Facts,
    Import,
    Place,
    Project,
    Prompt,
    Round,
    RoundLine,
    read,
)
from tutelage_client.problems import Damaged, Stopped
from tutelage_client.wire import NEW_KEY, Wire

T = TypeVar("T")
# What a body may hold, with room to spare; the server takes so many prompts at once.
_MOST_CHARACTERS, _MOST_PROMPTS = 200_000, 1000


class Client:
    """Acts for the owner of `token` on the server at `base_url`; use it in one thread.

    A change is sent with an idempotency key of its own, so it is done once, however often it has to be sent. Every
    method raises Problem.
    """

    def __init__(
        self, base_url: str, token: str, *, tries: int = 5, patience: float = 120.0, timeout: float = 60.0
    ) -> None:
        self._wire = Wire(base_url, token, tries=tries, patience=patience, timeout=timeout)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def get(self, path: str, **query: Any) -> Any:
        """GET an address below /api/v1, as JSON."""
        return self._wire.send("GET", path, params={name: each for name, each in query.items() if each is not None})

    def post(self, path: str, body: Any = None, *, key: str | None = NEW_KEY, method: str = "POST") -> Any:
        """Send a change. With a `key` of your own, the same change again within 24 hours is done once."""
        return self._wire.send(method, path, key=key, json=body)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every item of a list, page by page."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def projects(self) -> Iterator[Place]:
        """Those that the token's owner is a member of."""
        return self._all(Place, "/projects")

    def project(self, slug: str) -> Project:
        return read(Project, self.get(f"/projects/{slug}"))

    def prompts(self, slug: str, **filters: Any) -> Iterator[Prompt]:
        """By `state` (asked, retired, all), `tag` and `text`."""
        return self._all(Prompt, f"/projects/{slug}/prompts", **filters)

    def add_prompts(self, slug: str, prompts: Iterable[str | Facts]) -> Added:
        """Add prompts: texts, or objects with `messages` and perhaps `tags`, `priority` and `sensitive`."""
        added = known = 0
        for batch in _batches(prompts):
            told = read(Added, self.post(f"/projects/{slug}/prompts", {"prompts": batch}))
            added, known = added + told.added, known + told.known
        return Added(added, known)

    def imports(self, slug: str) -> Iterator[Import]:
        """Newest first."""
        return self._all(Import, f"/projects/{slug}/imports")

    def bring(self, slug: str, file: Path, **how: Any) -> Import:
        """Bring a file: as a set of this `name`, in this `format`, and `asked` or not. Nothing is written yet."""
        query = {"file": file.name, **how}
        return read(Import, self._wire.send("POST", f"/projects/{slug}/imports/raw", body=file, params=query))

    def get_import(self, slug: str, import_id: str) -> Import:
        """With the first lines that are bad and the first items."""
        return read(Import, self.get(f"/projects/{slug}/imports/{import_id}"))

    def read_import_as(
        self, slug: str, import_id: str, *, format: str | None = None, columns: dict[str, str] | None = None
    ) -> Import:
        """Read the file again: `columns` says which of its columns is what the format calls so."""
        return self._act(slug, import_id, "read-as", {"format": format, "columns": columns or {}})

    def write_import(self, slug: str, import_id: str, *, without_bad: bool = False) -> Import:
        """Let it be written. Raises Refused where lines are bad and are not given up."""
        return self._act(slug, import_id, "write", {"without_bad": without_bad})

    def retry_import(self, slug: str, import_id: str) -> Import:
        return self._act(slug, import_id, "retry")

    def drop_import(self, slug: str, import_id: str) -> Import:
        """End one that is not in view yet."""
        return self._act(slug, import_id, "drop")

    def wait_for_import(self, slug: str, import_id: str, *, timeout: float = 600.0, every: float = 1.0) -> Import:
        """Wait until it is read, or written. Raises Stopped, TimeoutError."""
        return _wait(lambda: self.get_import(slug, import_id), _rests, timeout, every)

    def import_file(self, slug: str, file: Path, *, without_bad: bool = False, **how: Any) -> Import:
        """Bring a file and let it be written, and wait for both. Raises Stopped, TimeoutError."""
        brought = self.wait_for_import(slug, self.bring(slug, file, **how).id)
        self.write_import(slug, brought.id, without_bad=without_bad)
        return self.wait_for_import(slug, brought.id)

    def count(self, slug: str, format: str = "rankings", **options: Any) -> int:
        """How many rankings, demonstrations or prompts such an export would go through now."""
        found: int = self.get(f"/projects/{slug}/exports/sources", format=format, **options)["sources"]
        return found

    def wait_for_rankings(
        self, slug: str, count: int, *, timeout: float = 86_400.0, every: float = 10.0, **options: Any
    ) -> int:
        """Wait until so many rankings would be exported; returns how many there are. Raises TimeoutError."""
        return _wait(lambda: self.count(slug, **options), lambda found: found >= count, timeout, every)

    def exports(self, slug: str) -> Iterator[Export]:
        """Newest first."""
        return self._all(Export, f"/projects/{slug}/exports")

    def order_export(self, slug: str, format: str, **options: Any) -> Export:
        return read(Export, self.post(f"/projects/{slug}/exports", {"format": format, "options": options}))

    def get_export(self, slug: str, export_id: str) -> Export:
        return read(Export, self.get(f"/projects/{slug}/exports/{export_id}"))

    def retry_export(self, slug: str, export_id: str) -> Export:
        return read(Export, self.post(f"/projects/{slug}/exports/{export_id}/retry"))

    def delete_export(self, slug: str, export_id: str) -> None:
        self.post(f"/projects/{slug}/exports/{export_id}", method="DELETE")

    def wait_for_export(self, slug: str, export_id: str, *, timeout: float = 3600.0, every: float = 1.0) -> Export:
        """Wait until its files are there. Raises Stopped, TimeoutError."""
        return _wait(lambda: self.get_export(slug, export_id), _rests, timeout, every)

    def download_export(self, slug: str, export: Export, folder: Path) -> None:
        """Bring the files of a ready export into `folder`, checked by their sha256; what is there stays.

        A call after one that broke off goes on where that ended. Raises Damaged.
        """
        for file in export.files:
            place = PurePosixPath(file.name)
            if place.is_absolute() or ".." in place.parts:
                raise Damaged(f"{file.name} would lie outside the folder.")
            path = f"/projects/{slug}/exports/{export.id}/files/{file.name}"
            self._wire.download(path, folder / place, sha256=file.sha256)

    def export(self, slug: str, format: str, folder: Path, **options: Any) -> Export:
        """Order an export, wait for it, and bring its files. Raises Stopped, TimeoutError."""
        ready = self.wait_for_export(slug, self.order_export(slug, format, **options).id)
        self.download_export(slug, ready, folder)
        return ready

    def rounds(self, slug: str) -> Iterator[RoundLine]:
        """Newest first."""
        return self._all(RoundLine, f"/projects/{slug}/rounds")

    def get_round(self, slug: str, number: int) -> Round:
        return read(Round, self.get(f"/projects/{slug}/rounds/{number}"))

    def start_round(self, slug: str, **choices: Any) -> Round:
        """Begin one with a `preset`, `algorithm`, `init`, `budget`, `sft` or `seed`. Raises Refused with the reason."""
        return read(Round, self.post(f"/projects/{slug}/rounds", choices))

    def wait_for_round(self, slug: str, number: int, *, timeout: float = 86_400.0, every: float = 10.0) -> Round:
        """Wait until a person is asked about its candidate, or it has ended. Raises Stopped, TimeoutError."""
        return _wait(lambda: self.get_round(slug, number), _decided, timeout, every)

    def retry_round(self, slug: str, number: int, *, preset: str | None = None) -> Round:
        """Let a stopped round go on, perhaps with another preset."""
        return self._tell(slug, number, "retry", preset=preset)

    def cancel_round(self, slug: str, number: int) -> Round:
        return self._tell(slug, number, "cancel")

    def approve_round(self, slug: str, number: int, *, note: str = "", share: int = 100) -> Round:
        """Deploy its candidate, to so many of a hundred. Raises Refused without a note where a gate did not pass."""
        return self._tell(slug, number, "approve", note=note, share=share)

    def reject_round(self, slug: str, number: int, *, note: str = "") -> Round:
        return self._tell(slug, number, "reject", note=note)

    def _tell(self, slug: str, number: int, verb: str, **told: Any) -> Round:
        return read(Round, self.post(f"/projects/{slug}/rounds/{number}/{verb}", told or None))

    def _act(self, slug: str, import_id: str, verb: str, told: Facts | None = None) -> Import:
        return read(Import, self.post(f"/projects/{slug}/imports/{import_id}/{verb}", told))

    def _all(self, kind: type[T], path: str, **query: Any) -> Iterator[T]:
        return (read(kind, each) for each in self.pages(path, **query))


def _batches(prompts: Iterable[str | Facts]) -> Iterator[list[Facts]]:
    batch, held = list[Facts](), 0
    for prompt in prompts:
        told = {"messages": [{"role": "user", "content": prompt}]} if isinstance(prompt, str) else prompt
        held += (size := len(json.dumps(told)))
        if batch and (len(batch) == _MOST_PROMPTS or held > _MOST_CHARACTERS):
            yield batch
            batch, held = [], size
        batch.append(told)
    if batch:
        yield batch


def _wait(ask: Callable[[], T], done: Callable[[T], bool], timeout: float, every: float) -> T:
    limit = time.monotonic() + timeout
    while not done(found := ask()):
        if time.monotonic() > limit:
            raise TimeoutError(f"not after {timeout:.0f} seconds")
        time.sleep(every)
    return found


def _rests(found: Import | Export) -> bool:
    if found.failure or found.state in ("dropped", "deleted"):
        raise Stopped(found.failure or f"It was {found.state}.")
    return found.state in ("ready", "done")


def _decided(found: Round) -> bool:
    if found.failure:
        raise Stopped(found.failure)
    return found.state in ("review", "done", "rejected", "cancelled")
