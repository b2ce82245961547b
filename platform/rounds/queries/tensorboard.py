"""Which event files a round has: one folder a stage, as TensorBoard shows them."""

import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from rounds import curves, tensorboard
from rounds.machine import StageState
from rounds.models import Round, Stage


def stages_with_curves(found: Round) -> list[Stage]:
    """The live stages of a round that have measured something, oldest first."""
    live = found.stages.exclude(state=StageState.CANCELLED).order_by("created_at")
    return [stage for stage in live if next(curves.every_row(stage), None) is not None]


def file_name(stage: Stage) -> str:
    """Where a stage's file lies among those of its round. It has the same name however often it is written."""
    return f"{stage.kind}/events.out.tfevents.{int(_began(stage))}.{stage.public_id}"


def records_of(stage: Stage) -> Iterator[bytes]:
    """The bytes of a stage's file, in pieces."""
    return tensorboard.event_file(curves.every_row(stage), began=_began(stage))


def write_files(found: Round, folder: Path) -> list[Path]:
    """Write the files of a round below a folder, each whole or not at all; return where they lie."""
    written = []
    for stage in stages_with_curves(found):
        path = folder / file_name(stage)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}")
        with fresh.open("wb") as file:
            file.writelines(records_of(stage))
        fresh.replace(path)
        written.append(path)
    return written


def archive_of(found: Round, folder: str) -> bytes:
    """All files of a round as one tar archive: a few hundred bytes for each step of each stage."""
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for stage in stages_with_curves(found):
            content = b"".join(records_of(stage))
            member = tarfile.TarInfo(f"{folder}/{file_name(stage)}")
            member.size, member.mtime = len(content), _began(stage)
            tar.addfile(member, BytesIO(content))
    return archive.getvalue()


def _began(stage: Stage) -> float:
    return (stage.started_at or stage.created_at).timestamp()
