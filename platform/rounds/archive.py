"""A finished directory as one tar, piece by piece: memory stays flat, and what is sent is checked while it is read.

The same directory is the same bytes each time, so a transfer that broke off goes on from any of them. The manifest
comes last, as it does on the disk: what arrived without one is no finished directory.
"""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from django.utils.text import slugify

from trainer import manifest
from trainer.manifest import ManifestError

PIECE = 256 * 1024
MODE = 0o644


def folder_name(*words: object) -> str:
    """The one folder of a tar, in letters that every disk takes."""
    return slugify(" ".join(map(str, words)))


@dataclass(frozen=True)
class Member:
    """One file of the tar, open for reading, so that it is there to its end whatever is collected meanwhile."""

    name: str
    header: bytes
    size: int
    digest: str
    file: BufferedReader

    @property
    def padding(self) -> int:
        return -self.size % tarfile.BLOCKSIZE


class Archive:
    """The tar of one finished directory."""

    def __init__(self, folder: Path, *, facts: Mapping[str, Any], digest: str, within: str, at: float) -> None:
        """`within` names the one folder of the tar, `at` is the time that its files have, in seconds.

        Raises ManifestError where a file is missing.
        """
        self.digest, self.within = digest, within
        # From which byte on it is sent.
        self.start = 0
        self._members: list[Member] = []
        try:
            for name, expected in [*sorted(facts["files"].items()), (manifest.NAME, digest)]:
                self._members.append(_member(folder / name, f"{within}/{name}", expected, at))
        except ManifestError:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Bytes of the whole tar."""
        return self._content + self._end

    @property
    def _content(self) -> int:
        return sum(len(each.header) + each.size + each.padding for each in self._members)

    @property
    def _end(self) -> int:
        # Two empty blocks end a tar, and it fills whole records.
        least = 2 * tarfile.BLOCKSIZE
        return least + -(self._content + least) % tarfile.RECORDSIZE

    def __iter__(self) -> Iterator[bytes]:
        """Yield the tar from `start` on; what lies before is read too, for the digests.

        Raises ManifestError where a file is not what the manifest says, before the manifest was sent.
        """
        passed = 0
        for piece in self._whole():
            passed += len(piece)
            if piece and passed > self.start:
                yield piece[max(0, self.start - passed + len(piece)) :]

    def _whole(self) -> Iterator[bytes]:
        for each in self._members:
            yield each.header
            yield from _checked(each)
            yield bytes(each.padding)
        yield bytes(self._end)

    def close(self) -> None:
        """Close every file; harmless when they are closed."""
        for each in self._members:
            each.file.close()


def _member(path: Path, name: str, digest: str, at: float) -> Member:
    try:
        file = path.open("rb")
    except OSError as error:
        raise ManifestError(f"{name} is missing") from error
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = path.stat().st_size, int(at), MODE
    return Member(name, info.tobuf(tarfile.PAX_FORMAT), info.size, digest, file)


def _checked(member: Member) -> Iterator[bytes]:
    """A file's bytes. The last piece leaves only if the whole has the digest that its manifest names."""
    seen, held, left = hashlib.sha256(), b"", member.size
    member.file.seek(0)
    while left and (piece := member.file.read(min(PIECE, left))):
        seen.update(piece)
        left -= len(piece)
        yield held
        held = piece
    if left or member.file.read(1) or seen.hexdigest() != member.digest:
        raise ManifestError(f"{member.name} does not have the digest that its manifest names")
    yield held
