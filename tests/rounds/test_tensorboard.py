"""The curves as TensorBoard's event files: read back, they say what was measured, at its step and its time."""

import struct
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Project, User
from rounds import tensorboard
from rounds.child import out_of
from rounds.machine import State
from rounds.models import Round, Stage
from rounds.queries.tensorboard import archive_of
from tests import make
from tests.rounds import loop, signs
from trainer import manifest

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def measured(ranked: Project) -> Round:
    """A round whose PPO has measured something; its reward model's artifact holds no curve."""
    found = loop.work_until(loop.start(ranked), State.PPO)
    signs.measure(loop.live_stage(found), signs.ppo_rows(3, of=9))
    Stage.objects.filter(round=found).update(started_at=BEGAN)
    return found


def records(content: bytes) -> Iterator[bytes]:
    """The messages of a file; every checksum must hold."""
    stream = BytesIO(content)
    while length := stream.read(8):
        assert struct.unpack("<I", stream.read(4))[0] == tensorboard.masked_crc(length)
        data = stream.read(struct.unpack("<Q", length)[0])
        assert struct.unpack("<I", stream.read(4))[0] == tensorboard.masked_crc(data)
        yield data


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field, read as protobuf's encoding guide says."""
    stream = BytesIO(message)
    while stream.tell() < len(message):
        number, kind = divmod(whole(stream), 8)
        if kind == 0:
            yield number, whole(stream)
        elif kind == 2:
            yield number, stream.read(whole(stream))
        else:
            size, form = {1: (8, "<d"), 5: (4, "<f")}[kind]
            yield number, struct.unpack(form, stream.read(size))[0]


def whole(stream: BytesIO) -> int:
    value = shift = 0
    while True:
        (byte,) = stream.read(1)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def scalars(message: bytes) -> tuple[float, int, dict[str, float]]:
    """Wall time, step and figures of one event."""
    found = dict(fields(message))
    values = [dict(fields(value)) for number, value in fields(found[5]) if number == 1]
    return found[1], found[2], {value[1].decode(): value[2] for value in values}


def content_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_the_checksum_is_that_of_the_standard() -> None:
    assert tensorboard.crc32c(b"123456789") == 0xE3069283
    assert tensorboard.crc32c(bytes(32)) == 0x8A9136AA


@given(st.integers(0, 2**63 - 1))
def test_a_whole_number_is_read_back(value: int) -> None:
    assert whole(BytesIO(tensorboard.varint(value))) == value


def test_what_was_measured_is_read_back_with_its_step_its_time_and_its_name(measured: Round) -> None:
    files = content_of(archive_of(measured, "turtles-round-1"))
    (path,) = [name for name in files if "/ppo/" in name]
    assert path.startswith(f"turtles-round-1/ppo/events.out.tfevents.{int(BEGAN.timestamp())}.")
    first, *events = records(files[path])
    assert dict(fields(first))[3] == b"brain.Event:2"
    read = [scalars(event) for event in events]
    assert [step for _time, step, _values in read] == [1, 2, 3]
    assert [time - BEGAN.timestamp() for time, _step, _values in read] == [4.0, 8.0, 12.0]
    assert set(read[0][2]) == {"objective/scores", "objective/kl", "length"}
    assert [values["objective/kl"] for *_place, values in read] == pytest.approx([0.02, 0.04, 0.06])


def test_every_row_goes_in_however_long_the_file_and_a_half_one_does_not(measured: Round) -> None:
    stage = loop.live_stage(measured)
    signs.measure(stage, signs.ppo_rows(2000, of=9000, first=4))
    with (stage_folder(stage) / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9000, "objective/kl"')
    (content,) = [content for name, content in content_of(archive_of(measured, "x")).items() if "/ppo/" in name]
    assert len(list(records(content))) == 1 + 2003


def stage_folder(stage: Stage) -> Path:
    return manifest.partial(out_of(stage))


def test_the_files_are_taken_from_the_page(measured: Round, rita: User) -> None:
    answer = make.client_of(rita).get("/p/turtles/rounds/1/tensorboard/")
    assert answer["Content-Disposition"] == 'attachment; filename="turtles-round-1.tar"'
    assert [name.split("/")[:2] for name in content_of(answer.content)] == [["turtles-round-1", "ppo"]]


def test_the_console_writes_the_same_files_and_again_over_themselves(measured: Round, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    said = StringIO()
    for _ in range(2):
        call_command("curves", project="turtles", number=1, out=out, stdout=said)
    written = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert written == content_of(archive_of(measured, "turtles-round-1"))
    assert all(str(out / name) in said.getvalue() for name in written)


def test_the_console_says_what_there_is_not(ranked: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no round 7"):
        call_command("curves", project="turtles", number=7, out=tmp_path)
    loop.start(ranked)
    with pytest.raises(CommandError, match="measured anything"):
        call_command("curves", project="turtles", number=1, out=tmp_path)
