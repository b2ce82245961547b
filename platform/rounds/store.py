"""Directories under STORE: where each lies, and the writing of snapshots and prompt files. Rows keep relative paths."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.conf import settings

from trainer import manifest

# Below this the disk counts as full: a database on it must still be able to write.
MINIMUM_FREE = 64 * 2**20
PIECE = 2**20


class StoreFull(Exception):
    """No space is left on the disk that holds STORE."""


def full_path(relative: str) -> Path:
    store: Path = settings.STORE
    return store / relative


def dataset_path(snapshot_id: UUID) -> str:
    return f"datasets/{snapshot_id}"


def artifact_path(stage_id: UUID) -> str:
    return f"artifacts/{stage_id}"


def policy_path(name: str) -> str:
    return f"policies/{name}"


def prompts_path(order_id: UUID) -> str:
    return f"orders/{order_id}.jsonl"


def shards_path(stage_id: UUID) -> str:
    return f"{artifact_path(stage_id)}.shards"


def shards(stage_id: UUID) -> dict[int, str]:
    """Number → relative path of each shard that is complete."""
    folder = full_path(shards_path(stage_id))
    if not folder.is_dir():
        return {}
    return {int(path.name): f"{shards_path(stage_id)}/{path.name}" for path in folder.iterdir() if path.name.isdigit()}


def read_rows(relative: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file, one line in memory at a time."""
    with full_path(relative).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def read_json(relative: str) -> Any:
    return json.loads(full_path(relative).read_text(encoding="utf-8"))


def read_manifest(relative: str, *, kind: str, digest: str) -> dict[str, Any]:
    """The manifest of a finished directory, after checking that it is the one that was taken in, not the files.

    Raises ManifestError.
    """
    folder = full_path(relative)
    if manifest.digest(folder) != digest:
        raise manifest.ManifestError(f"{relative} is not the directory that was taken in: its manifest has changed")
    return manifest.peek(folder, kind=kind)


def verified_file(relative: str, name: str, *, kind: str, digest: str) -> Path:
    """One file of a finished directory, after checking its digest and the manifest's. Raises ManifestError."""
    expected = read_manifest(relative, kind=kind, digest=digest)["files"].get(name)
    path = full_path(relative) / name
    if expected is None or not path.is_file() or manifest.file_digest(path) != expected:
        raise manifest.ManifestError(f"{relative}/{name} does not have the digest that its manifest names")
    return path


def write_dataset(
    relative: str, rows: Mapping[str, Iterable[Mapping[str, Any]]], facts: Callable[[], Mapping[str, Any]]
) -> str:
    """Write one JSONL file for each name in `rows`, seal the directory and return its digest.

    `facts` is asked last, when all rows have passed by. Raises StoreFull, and then nothing is left.
    """
    directory = full_path(relative)
    with nothing_half_done(directory), manifest.lock(directory) as folder:
        for name, records in rows.items():
            write_rows(folder / f"{name}.jsonl", records)
        return manifest.publish(directory, kind="dataset", facts=facts())


def write_rows(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON line a record. Refuses NaN, which other readers of JSON refuse too."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def write_prompts(relative: str, records: Iterable[Mapping[str, Any]]) -> str:
    """Write a sampling order's prompts as one file that appears whole, and return its digest. Raises StoreFull."""
    path = full_path(relative)
    fresh = manifest.partial(path)
    with nothing_half_done(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(fresh, records)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(path)
    return manifest.file_digest(path)


def keep_file(relative: str, content: IO[bytes], *, most: int) -> int:
    """Write what somebody sends, piece by piece, and return its size; 0 where it is larger than `most`.

    Raises StoreFull.
    """
    path, size = full_path(relative), 0
    with nothing_half_done(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while (piece := content.read(PIECE)) and size <= most:
                size += file.write(piece)
            os.fsync(file.fileno())
    if size > most:
        remove(relative)
    return size if size <= most else 0


def copy_in(directory: Path, relative: str) -> None:
    """Copy a finished directory into the store, where it appears whole. Raises StoreFull."""
    goal = full_path(relative)
    with nothing_half_done(goal):
        shutil.copytree(directory, manifest.partial(goal), dirs_exist_ok=True)
        manifest.partial(goal).rename(goal)


def remove(relative: str) -> None:
    """Delete what lies there, finished or not; harmless where nothing does."""
    _remove(full_path(relative))
    remove_partial(relative)


def remove_partial(relative: str) -> None:
    """Delete what was begun there and not finished."""
    _remove(manifest.partial(full_path(relative)))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes of the files at and below `path`; what vanishes meanwhile counts nothing."""
    try:
        if not path.is_dir():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(size(Path(entry.path)) for entry in entries)
    except FileNotFoundError:
        return 0


def free() -> int:
    """Bytes that are free on the disk of the store, wherever it will begin."""
    root: Path = settings.STORE
    while not root.exists():
        root = root.parent
    return shutil.disk_usage(root).free


def leave_manifest_only(relative: str) -> None:
    """Delete every file of a finished directory but its manifest: what it was stays known."""
    directory = full_path(relative)
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        elif path != directory / manifest.NAME:
            path.unlink()


@contextmanager
def nothing_half_done(path: Path) -> Iterator[None]:
    store: Path = settings.STORE
    store.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(store).free < MINIMUM_FREE:
        raise StoreFull(str(store))
    try:
        yield
    except BaseException as error:
        remove(str(path.relative_to(store)))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(str(store)) from error
        raise
