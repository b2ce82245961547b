"""The seam: directories whose manifest is written last. Standard library only; the web may import this.

A directory exists under its name only when it is complete: it is written as `NAME.partial`, every file is
synced, `manifest.json` comes last, then one rename. Its identity is the digest of its manifest, and the
manifest holds the digest of every other file. `docs/seam.md` describes each format field by field.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMAT = 1
NAME = "manifest.json"
# What a stage needs only while it works: resume points and the signs of life. Never part of an artifact.
WORKING = frozenset({"checkpoint", "heartbeat"})


class ManifestError(Exception):
    """A directory is not what its manifest says, or has none."""


class InUse(ManifestError):
    """Another process is writing this directory."""


def partial(directory: Path) -> Path:
    """Where `directory` grows before it is complete."""
    return directory.with_name(directory.name + ".partial")


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(directory: Path) -> str:
    """The identity of a complete directory: the sha256 of its manifest. Raises ManifestError without one."""
    path = directory / NAME
    if not path.is_file():
        raise ManifestError(f"{directory} has no {NAME}: it is not a finished directory")
    return file_digest(path)


def read(directory: Path, *, kind: str) -> dict[str, Any]:
    """Return the manifest after checking the kind, the format and every file's digest.

    Raises ManifestError naming the first file that is missing, added or changed.
    """
    facts = peek(directory, kind=kind)
    _check(directory, {name for name in _files(directory) if name != NAME}, facts["files"])
    return facts


def peek(directory: Path, *, kind: str) -> dict[str, Any]:
    """Return the manifest after checking only its format and kind: for lists, never before a use."""
    path = directory / NAME
    if not path.is_file():
        raise ManifestError(f"{directory} has no {NAME}: it is not a finished directory")
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(f"{path} is not JSON: {error}") from error
    if facts.get("format") != FORMAT:
        raise ManifestError(f"{path} has format {facts.get('format')!r}; this version reads {FORMAT}")
    if facts.get("kind") != kind:
        raise ManifestError(f"{directory} is a {facts.get('kind')!r}, where a {kind!r} is needed")
    return facts


@contextmanager
def lock(directory: Path) -> Iterator[Path]:
    """Hold the `.partial` twin of `directory` and yield it. Raises InUse if a live process holds it.

    The folder itself is locked, so nothing has to be cleaned up, and the kernel drops the lock with its holder:
    a killed writer never blocks its successor.
    """
    twin = partial(directory)
    twin.mkdir(parents=True, exist_ok=True)
    handle = os.open(twin, os.O_RDONLY)
    try:
        _hold(handle, twin)
        yield twin
    finally:
        os.close(handle)


def _hold(handle: int, twin: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUse(f"{twin} is being written by another process") from error
    # Between the opening and the lock, the last holder may have published the folder under its final name.
    if not twin.is_dir() or twin.stat().st_ino != os.fstat(handle).st_ino:
        raise InUse(f"{twin} has just been finished by another process")


def publish(directory: Path, *, kind: str, facts: Mapping[str, Any]) -> str:
    """Seal the `.partial` twin: sync all, write the manifest, drop working files, rename. Return the digest."""
    twin = partial(directory)
    if directory.exists():
        raise ManifestError(f"{directory} exists and a finished directory is never overwritten")
    files = {name: _synced_digest(twin / name) for name in sorted(_lasting(twin))}
    body = {"format": FORMAT, "kind": kind, **facts, "files": files}
    _write_synced(twin / NAME, json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False))
    for folder in _folders(twin):
        _sync_folder(folder)
    return _name(twin, directory)


def finish(directory: Path, *, kind: str) -> bool:
    """End a publication that was cut off after its manifest was written; return whether there was one.

    The manifest comes before the resume point goes, so a writer killed in between never has to begin anew.
    """
    twin = partial(directory)
    try:
        _check(twin, _lasting(twin), peek(twin, kind=kind)["files"])
    except ManifestError:
        return False
    _name(twin, directory)
    return True


@contextmanager
def writing(directory: Path, *, kind: str, **facts: Any) -> Iterator[Path]:
    """Yield an empty `.partial` twin to fill; publish it on a clean exit, leave nothing named on a failure."""
    with lock(directory) as twin:
        for left_over in twin.iterdir():
            _remove(left_over)
        yield twin
        publish(directory, kind=kind, facts=facts)


def _check(directory: Path, found: set[str], listed: Mapping[str, str]) -> None:
    for name in sorted(found ^ listed.keys()):
        raise ManifestError(f"{directory / name} is {'missing' if name in listed else 'not in the manifest'}")
    for name, expected in listed.items():
        if file_digest(directory / name) != expected:
            raise ManifestError(f"{directory / name} does not have the digest that its manifest names")


def _name(twin: Path, directory: Path) -> str:
    for name in WORKING:
        _remove(twin / name)
    _sync_folder(twin)
    twin.rename(directory)
    _sync_folder(directory.parent)
    return digest(directory)


def _lasting(twin: Path) -> set[str]:
    return {name for name in _files(twin) if name != NAME and name.split("/")[0] not in WORKING}


def _files(directory: Path) -> Iterator[str]:
    for path in directory.rglob("*"):
        if path.is_symlink():
            raise ManifestError(f"{path} is a link; links are not allowed in a manifest directory")
        if path.is_file():
            yield path.relative_to(directory).as_posix()


def _folders(directory: Path) -> list[Path]:
    return [directory, *(path for path in directory.rglob("*") if path.is_dir())]


def _synced_digest(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
