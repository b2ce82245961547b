"""Sends a file piece by piece, and from where a download broke off (RFC 9110, section 14)."""

import os
import re
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase

from accounts.models import Project, User
from exchange.queries import ready_export
from exchange.services import exports
from exchange.services.exports import ExportRefused
from rounds import store
from rounds.sending import Piecemeal

_RANGE = re.compile(r"bytes=(?=\d|-\d)(\d{0,18})-(\d{0,18})")


class PieceByPiece(Piecemeal, FileResponse):
    """A file, read while it is sent."""

    block_size = 256 * 1024


class Window:
    """The part of an open file that is sent."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        self.file, self.left = file, length
        file.seek(first)

    def read(self, size: int = -1) -> bytes:
        piece = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(piece)
        return piece

    def close(self) -> None:
        self.file.close()


def send_file_of(request: HttpRequest, *, by: User, project: Project, export_id: UUID, file: str) -> HttpResponseBase:
    """Send one file of an export, and write down who took it. Raises Http404."""
    export = ready_export(project, export_id)
    # Only what the row names is ever opened: nothing that a person sends becomes a path.
    told = export.facts["files"].get(file)
    if told is None:
        raise Http404
    assert export.ready_at is not None, "a ready export has a time"
    saved_as = f"{project.slug}-{export.format}-{export.ready_at:%Y%m%d-%H%M%S}-{file.replace('/', '-')}"
    try:
        answer = send(request, store.full_path(export.path) / file, saved_as=saved_as, digest=told["sha256"])
        exports.note_download(by=by, export=export, file=file)
    except (OSError, ExportRefused) as error:
        raise Http404 from error
    return answer


def send(request: HttpRequest, path: Path, *, saved_as: str, digest: str) -> HttpResponseBase:
    """Answer with the file, or with the one range of it that is asked for. Raises OSError.

    The digest is the file's ETag: whoever asks for the rest of another file gets all of this one (If-Range).
    """
    file = path.open("rb")
    size = os.fstat(file.fileno()).st_size
    etag = f'"{digest}"'
    same = request.headers.get("If-Range", etag) == etag
    asked = _RANGE.fullmatch(request.headers.get("Range", "")) if same else None
    first, last = _bounds(asked[1], asked[2], size) if asked else (0, size - 1)
    if asked and first > last:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    window = Window(file, first, last + 1 - first)
    answer = PieceByPiece(window, as_attachment=True, filename=saved_as, content_type="application/octet-stream")
    for name, value in {"Accept-Ranges": "bytes", "ETag": etag, "Content-Length": str(window.left)}.items():
        answer.headers[name] = value
    if asked:
        answer.status_code = 206
        answer.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return answer


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte of what is asked; without a first one, so many from the end."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
