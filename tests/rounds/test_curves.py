"""Curves: what a stage measured is read while it is being written, whatever state the file is in."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Project
from rounds import curves
from rounds.child import out_of
from rounds.curves import Tail
from rounds.machine import State
from rounds.models import Stage
from tests.rounds import loop, signs
from trainer import manifest


@pytest.fixture
def ppo(ranked: Project) -> Stage:
    return loop.live_stage(loop.work_until(loop.start(ranked), State.PPO))


def append(stage: Stage, text: str) -> None:
    folder = manifest.partial(out_of(stage))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(text)


def steps(rows: list[curves.Row]) -> list[float]:
    return [row["step"] for row in rows]


def test_a_stage_that_has_not_begun_has_no_rows(ppo: Stage) -> None:
    assert curves.rows_of(ppo) == []
    assert curves.progress_of(ppo) is None


def test_a_half_written_line_waits_until_it_is_whole(ppo: Stage) -> None:
    tail = Tail(out_of(ppo))
    append(ppo, '{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    assert steps(tail.rows()) == [1]
    assert tail.rows() == []
    append(ppo, 'ss": 0.4}\n')
    assert tail.rows() == [{"step": 2, "loss": 0.4}]


def test_only_what_was_added_is_read_again(ppo: Stage) -> None:
    tail = Tail(out_of(ppo))
    signs.measure(ppo, signs.ppo_rows(3, of=9))
    assert steps(tail.rows()) == [1, 2, 3]
    signs.measure(ppo, signs.ppo_rows(2, of=9, first=4))
    assert steps(tail.rows()) == [4, 5]


def test_after_a_return_to_the_checkpoint_the_file_is_read_from_its_start(ppo: Stage) -> None:
    tail = Tail(out_of(ppo))
    signs.measure(ppo, signs.ppo_rows(5, of=9))
    tail.rows()
    path = manifest.partial(out_of(ppo)) / "metrics.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert steps(tail.rows()) == [1, 2]


def test_the_curve_goes_on_when_the_directory_becomes_the_artifact(ppo: Stage) -> None:
    signs.measure(ppo, signs.ppo_rows(3))
    tail = Tail(out_of(ppo))
    tail.rows()
    manifest.partial(out_of(ppo)).rename(out_of(ppo))
    assert tail.rows() == []
    assert steps(curves.rows_of(ppo)) == [1, 2, 3]


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", '"step"', '{"loss": 1}', '{"step": "3"}', '{"step": true}', '{"step": 1.5}', "\x00{"],
)
def test_a_line_that_is_no_measurement_is_passed_over(line: str) -> None:
    good = json.dumps({"step": 4, "loss": 0.1}).encode()
    assert steps(curves.parsed([line.encode(), good])) == [4]


def test_what_is_no_finite_number_never_reaches_a_page() -> None:
    line = b'{"step": 1, "a": NaN, "b": Infinity, "c": "<script>", "d": 0.5, "e": null}'
    assert curves.parsed([line]) == [{"step": 1, "d": 0.5}]


def test_a_file_of_any_length_is_read_from_its_end(ppo: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MOST_BYTES", 100)
    append(ppo, "".join(json.dumps({"step": step}) + "\n" for step in range(500)))
    rows = curves.rows_of(ppo)
    assert 1 <= len(rows) <= 100 // len('{"step": 0}')
    assert rows[-1] == {"step": 499}


@given(st.integers(0, 5000), st.integers(1, 400))
def test_thinned_rows_are_few_in_order_and_keep_the_newest(count: int, most: int) -> None:
    rows: list[curves.Row] = [{"step": step} for step in range(count)]
    kept = curves.thinned(rows, most)
    assert len(kept) <= most
    assert kept[-1:] == rows[-1:]
    assert steps(kept) == sorted(steps(kept))


def test_the_time_left_follows_the_pace_of_the_newer_half() -> None:
    slow = [{"step": step, "of": 20, "seconds": 100.0 * step} for step in range(1, 6)]
    fast = [{"step": step, "of": 20, "seconds": 500.0 + 2 * (step - 5)} for step in range(6, 11)]
    assert curves.seconds_left(slow + fast) == pytest.approx(20.0)


def test_the_time_left_of_one_step_cannot_be_told() -> None:
    assert curves.seconds_left([{"step": 1, "of": 9, "seconds": 4.0}]) is None


def test_progress_is_what_the_heartbeat_says(ppo: Stage) -> None:
    signs.measure(ppo, signs.ppo_rows(5, of=20), doing="sampling")
    told = curves.progress_of(ppo)
    assert told is not None
    assert (told.step, told.of, told.doing, told.share) == (5, 20, "sampling", 0.25)


def test_a_torn_heartbeat_is_no_progress(ppo: Stage, tmp_path: Path) -> None:
    signs.measure(ppo, [])
    (manifest.partial(out_of(ppo)) / "heartbeat").write_text('{"step": 3')
    assert curves.progress_of(ppo) is None
