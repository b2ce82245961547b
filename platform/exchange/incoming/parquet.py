"""Parquet, unpacked by a process of its own: a file may make that one grow or die, never the worker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from annotations.texts import storable
from exchange.incoming.items import LONGEST_LINE, LONGEST_REASON, MOST_COLUMNS, BadFile, BadRow, Numbered, Row
from exchange.incoming.strict import json_object

READER = Path(__file__).with_name("parquet_reader.py")
MOST_MEMORY = 768 * 2**20
# Otherwise Arrow's pool and the C library reserve more than they use, and the limit would count it.
SPARING = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}


def rows(path: Path) -> Iterator[Numbered]:
    """Yield every row with its number. Raises BadFile."""
    limits = [str(limit) for limit in (MOST_MEMORY, LONGEST_LINE, MOST_COLUMNS)]
    # Isolated: it sees the installed packages, and neither this one's modules nor a folder that somebody writes to.
    command = [sys.executable, "-I", str(READER), str(path), *limits]
    with subprocess.Popen(  # noqa: S603 (an argument list of our own)
        command, env=SPARING, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        try:
            yield from _numbered(reader.stdout)
            told = reader.stderr.read().decode("utf-8", "replace").strip()
            reader.wait()
        finally:
            reader.kill()
    if reader.returncode:
        raise BadFile(_sentence(told))


def _numbered(said: IO[bytes]) -> Iterator[Numbered]:
    number = 0
    while line := said.readline():
        number += 1
        try:
            yield number, _row(line)
        except BadRow as reason:
            yield number, reason


def _row(line: bytes) -> Row:
    """A row, or a word of the reader on why it is none."""
    if line.startswith(b"{"):
        return json_object(line.decode())
    if json.loads(line) == "long":
        raise BadRow(_("longer than %(most)d bytes") % {"most": LONGEST_LINE})
    raise BadRow(_("not UTF-8 text"))


def _sentence(told: str) -> str:
    """What the reader ended with, in words."""
    known = {
        "memory": _("To read it would take more than %(most)d MiB of memory.") % {"most": MOST_MEMORY // 2**20},
        "columns": _("It has more than %(most)d columns.") % {"most": MOST_COLUMNS},
        "rows": _("It claims more rows than it has bytes."),
        "unfolds": _("It unfolds to more than a hundred times its size."),
    }
    last = (told or "it cannot be read").splitlines()[-1]
    return known.get(last) or _("not Parquet: %(reason)s") % {"reason": storable(last)[:LONGEST_REASON]}
