"""The live stream: each point once and in order, every move, nothing again after a break, and an end."""

import uuid
from typing import Any

import pytest

from accounts.models import Project, User
from rounds.child import out_of
from rounds.machine import State
from rounds.models import Round
from rounds.services import rounds, stages
from rounds.views.watching import Position, Watch, mark_of
from tests.rounds import loop, signs
from trainer import manifest


@pytest.fixture
def improving(ranked: Project) -> Round:
    return loop.work_until(loop.start(ranked), State.PPO)


def told(watch: Watch) -> dict[str, Any]:
    return {event.name: event.data for event in watch.news()}


def steps(watch: Watch) -> list[int]:
    return [row["step"] for event in watch.news() if event.name == "points" for row in event.data["rows"]]


def mark(found: Round) -> str:
    return mark_of(loop.again(found), loop.live_stage(found))


def seen(found: Round, step: int = 0, *, operates: bool = False) -> Watch:
    return Watch(found.pk, Position(mark(found), step), operates=operates)


def test_points_are_told_once_and_in_order(improving: Round) -> None:
    watch = seen(improving)
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(3, of=9))
    assert steps(watch) == [1, 2, 3]
    assert steps(watch) == []
    signs.measure(stage, signs.ppo_rows(2, of=9, first=4))
    assert steps(watch) == [4, 5]


def test_who_comes_back_is_told_only_what_they_missed(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(9))
    assert steps(seen(improving, step=6)) == [7, 8, 9]


def test_the_id_of_each_event_is_where_to_go_on_from(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(9))
    last = seen(improving).news()[-1]
    assert str(last.position) == f"{mark(improving)}.9"
    assert steps(Watch(improving.pk, Position.read(str(last.position)))) == []


@pytest.mark.parametrize("foreign", ["", "x", "ppo.", ".-3", "ppo.99999999999999", "ppo-well-waiting.1e3", "\x00.1.1"])
def test_an_id_that_is_not_ours_begins_from_the_start(improving: Round, foreign: str) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(2))
    watch = Watch(improving.pk, Position.read(foreign))
    names = [event.name for event in watch.news()]
    assert names[:2] == ["state", "points"]


def test_a_move_of_the_round_is_told_with_the_points_of_its_new_stage(improving: Round) -> None:
    watch = seen(improving)
    watch.news()
    found = loop.work(improving)
    signs.measure(loop.live_stage(found), [{"step": 1, "of": 2, "seconds": 1.0}])
    news = told(watch)
    assert news["state"]["state"] == State.EVALUATING
    assert news["points"]["kind"] == "evaluate"


def test_a_failure_is_told_with_its_reason_and_a_retry_too(improving: Round, olga: User) -> None:
    watch = seen(improving)
    watch.news()
    loop.fail(loop.live_stage(improving))
    assert told(watch)["state"] == {"state": State.PPO, "failure": "It failed."}
    rounds.retry(by=olga, round_id=improving.pk)
    assert told(watch)["state"] == {"state": State.PPO, "failure": ""}


def test_steps_that_are_measured_again_after_a_crash_are_told_again(improving: Round) -> None:
    stage = loop.live_stage(improving)
    watch = seen(improving)
    signs.measure(stage, signs.ppo_rows(5, of=9))
    watch.news()
    path = events_file(improving)
    path.write_text("")
    signs.measure(stage, signs.ppo_rows(2, of=9, first=4))
    assert steps(watch) == [4, 5]


def test_a_return_to_the_checkpoint_is_marked_so_that_the_curve_is_drawn_anew(improving: Round) -> None:
    stage = loop.live_stage(improving)
    watch = seen(improving)
    signs.measure(stage, signs.ppo_rows(5, of=9))
    assert told(watch)["points"]["again"] is False
    events_file(improving).write_text("")
    signs.measure(stage, signs.ppo_rows(2, of=9, first=4))
    assert told(watch)["points"]["again"] is True


def test_a_stage_that_was_ordered_anew_is_told_from_its_first_step(improving: Round, olga: User) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(9))
    known = seen(improving).news()[-1].position
    assert known.step == 9
    loop.fail(loop.live_stage(improving))
    rounds.retry(by=olga, round_id=improving.pk, preset="small")
    signs.measure(loop.live_stage(improving), signs.ppo_rows(3, of=9))
    assert steps(Watch(improving.pk, known)) == [1, 2, 3]


def write_log(found: Round, text: str) -> None:
    out_of(loop.live_stage(found)).with_suffix(".log").write_text(text, encoding="utf-8")


def test_the_end_of_the_log_is_told_as_it_grows_to_who_operates(improving: Round) -> None:
    watch = seen(improving, operates=True)
    signs.measure(loop.live_stage(improving), signs.ppo_rows(1, of=9))
    assert told(watch)["log"] == []
    write_log(improving, "step 1\n")
    assert told(watch)["log"] == ["step 1"]
    assert "log" not in told(watch)
    write_log(improving, "step 1\nstep 2\n")
    assert told(watch)["log"] == ["step 1", "step 2"]


def test_a_reviewer_is_told_nothing_of_the_log(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(1, of=9))
    write_log(improving, "a path of this machine\n")
    assert told(seen(improving)).get("log") is None


def test_a_step_with_new_samples_is_told_once(improving: Round) -> None:
    watch = seen(improving)
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(2, of=9))
    signs.write_sample(stage, [{"step": 0, "prompt": str(uuid.uuid4()), "text": "y", "reward": 1.0}])
    assert told(watch)["samples"] == 0
    assert "samples" not in told(watch)
    signs.write_sample(
        stage, [{"step": step, "prompt": str(uuid.uuid4()), "text": "y", "reward": 1.0} for step in (0, 2)]
    )
    assert told(watch)["samples"] == 2


def test_the_machine_is_told_with_what_the_trainer_takes_of_it(improving: Round) -> None:
    watch = seen(improving)
    assert told(watch).get("machine") is None
    stages.say_alive(name="supervisor:main", facts=signs.LOAD | {"stage": str(loop.live_stage(improving).pk)})
    machine = told(watch)["machine"]
    assert machine["supervisor"] == "main"
    assert [line["key"] for line in machine["lines"]] == LINES
    assert {line["key"]: line["share"] for line in machine["lines"]}["memory"] == 0.25


LINES = ["load", "memory", "disk", "threads", "child_cpu", "child_memory"]


def test_who_comes_back_is_told_again_how_things_stand(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(5, of=20))
    assert told(seen(improving, 5))["progress"]["doing"] == "step 5 of 20"


def events_file(found: Round) -> Any:
    return manifest.partial(out_of(loop.live_stage(found))) / "metrics.jsonl"


def test_the_end_of_the_round_is_the_last_thing_told(improving: Round, olga: User) -> None:
    watch = seen(improving)
    rounds.cancel(by=olga, round_id=improving.pk)
    assert [event.name for event in watch.news()][-1] == "end"
    assert watch.ended


def test_progress_is_told_when_it_changes(improving: Round) -> None:
    watch = seen(improving)
    signs.measure(loop.live_stage(improving), signs.ppo_rows(5, of=20))
    assert told(watch)["progress"]["doing"] == "step 5 of 20"
    assert told(watch).get("progress", {"doing": "step 5 of 20"})["doing"] == "step 5 of 20"
