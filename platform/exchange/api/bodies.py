"""A request's body as a file on disk, however long it is."""

from tempfile import TemporaryFile
from typing import IO

from exchange.api.problems import Problem
from exchange.api.security import Asked
from exchange.services.imports import LARGEST_FILE
from rounds.store import PIECE

# The media type of a body that is nothing but a file.
BYTES = "application/octet-stream"


def body_file(request: Asked) -> IO[bytes]:
    """The whole body, from its beginning. Raises `Problem` for one that is longer than any file may be."""
    kept: IO[bytes] | None = getattr(request, "body_file", None)
    if kept is None:
        kept = TemporaryFile()  # noqa: SIM115  # it is read as long as the request is
        request.body_file = kept  # type: ignore[attr-defined]
        while piece := request.read(PIECE):
            kept.write(piece)
            if kept.tell() > LARGEST_FILE:
                raise Problem("too-large", f"A file may have {LARGEST_FILE} bytes.")
    kept.seek(0)
    return kept
