"""The end of the log is shown as text: what would steer a screen, hide or turn a text never reaches a page."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rounds import trainer_log
from rounds.child import out_of
from rounds.models import Stage
from rounds.trainer_log import end_of_log, shown


@pytest.fixture
def stage(store: Path) -> Stage:
    (store / "artifacts").mkdir(parents=True)
    return Stage(kind="ppo")


def write(stage: Stage, content: bytes) -> None:
    out_of(stage).with_suffix(".log").write_bytes(content)


def test_a_stage_that_printed_nothing_has_no_log(stage: Stage) -> None:
    assert end_of_log(stage) == []
    write(stage, b"")
    assert end_of_log(stage) == []


def test_the_last_lines_are_shown_oldest_first_and_empty_ones_left_out(stage: Stage) -> None:
    write(stage, b"".join(b"line %d\n\n" % number for number in range(80)) + b"half")
    lines = end_of_log(stage)
    assert lines == [*(f"line {number}" for number in range(80 - trainer_log.LINES + 1, 80)), "half"]


def test_a_log_of_any_length_is_read_from_its_end(stage: Stage) -> None:
    write(stage, b"x" * 10 * trainer_log.MOST_BYTES + b"\nthe end\n")
    assert end_of_log(stage) == ["the end"]


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("done\r", "done"),
        ("a\tb", "a    b"),
        ("a\x00b\x07c\x9bd", "abcd"),
        ("turned \u202erevo\u202c", "turned revo"),
        ("hidden\u200b\u2066\ufeff", "hidden"),
        ("<b>not bold</b>", "<b>not bold</b>"),
    ],
)
def test_a_line_is_shown_as_it_stood_at_last_without_what_steers(printed: str, seen: str) -> None:
    assert shown(printed) == seen


@given(st.binary(max_size=500))
def test_whatever_was_printed_becomes_plain_text(content: bytes) -> None:
    line = shown(content.decode("utf-8", errors="replace"))
    assert line.replace("\n", "").isprintable() or not set(line) & set(map(chr, [*range(32), 127, *range(128, 160)]))


def test_a_line_without_end_is_cut(stage: Stage) -> None:
    write(stage, b"y" * 5000)
    (line,) = end_of_log(stage)
    assert len(line) == trainer_log.LONGEST_LINE + 1
