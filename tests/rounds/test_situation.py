"""Where a round stands, in one line that is true of every stage: who is waited for, what is done, how long it takes."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import JournalEntry, Project, User
from rounds.machine import StageState, State
from rounds.models import Round, Stage
from rounds.queries.expectation import NOTHING, Expectation, expectation_of
from rounds.queries.pipeline import running_stage
from rounds.queries.situation import situation_of
from rounds.services import pausing, rounds
from tests.rounds import loop, signs


@pytest.fixture
def improving(ranked: Project) -> Round:
    return loop.work_until(loop.start(ranked), State.PPO)


def headline(found: Round, expected: Expectation = NOTHING) -> str:
    found = loop.again(found)
    return str(situation_of(found, running_stage(found), expected)["headline"])


def hold(stage: Stage) -> None:
    Stage.objects.filter(pk=stage.pk).update(lease_owner="main")


def test_a_stage_that_nobody_holds_waits_for_a_supervisor(improving: Round) -> None:
    assert headline(improving) == "PPO waits for a supervisor"
    hold(loop.live_stage(improving))
    assert headline(improving) == "PPO is starting"


def test_a_stage_that_is_done_waits_for_a_worker(improving: Round) -> None:
    Stage.objects.filter(pk=loop.live_stage(improving).pk).update(state=StageState.FINISHED)
    assert headline(improving) == "PPO is done and waits for a worker"


def test_the_time_left_is_told_at_the_stages_own_pace(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(10, of=85))
    assert headline(improving, Expectation(here=9999.0)) == "About 5 min left in PPO"


def test_what_has_no_pace_takes_the_share_that_is_left_of_what_it_took_last_time(improving: Round) -> None:
    found = loop.work(improving)
    stage = loop.live_stage(found)
    assert stage.kind == "evaluate"
    hold(stage)
    signs.measure(stage, [], doing="sampling 4f0a")
    assert headline(found) == "Evaluating: the time left is not known yet"
    assert headline(found, Expectation(here=600.0)) == "About 10 min left in Evaluating"
    assert situation_of(found, stage)["activity"] == "writing answers"


def test_freezing_takes_as_long_as_last_time(ranked: Project) -> None:
    loop.whole_turn(ranked)
    found = loop.start(ranked)
    assert headline(found, Expectation(here=4.0)) == "About 4 s left in Exporting"
    assert headline(found, expectation_of(found)).startswith("About ")


def test_behind_the_last_step_no_time_is_promised(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(10), doing="saving")
    assert headline(improving) == "PPO: all steps are done"
    assert situation_of(improving, loop.live_stage(improving))["activity"] == "saving"


def test_a_pause_is_no_failure_and_a_failure_is_told(improving: Round) -> None:
    pausing.pause(by=None, round_id=improving.pk)
    assert headline(improving) == "PPO is paused"
    pausing.resume(by=None, round_id=improving.pk)
    loop.fail(loop.live_stage(improving))
    assert headline(improving) == "PPO stopped"


def test_an_ended_round_says_how_it_ended(improving: Round, olga: User) -> None:
    found = loop.work_until(improving, State.REVIEW)
    assert headline(found) == "Waits for a person to look"
    rounds.reject(by=None, round_id=found.pk, note="No.")
    assert headline(found) == "Rejected"


def test_a_person_is_told_when_to_look_where_the_stages_ahead_are_known(
    improving: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 22, 21, 40, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(10, of=160))
    assert situation_of(improving, stage, Expectation(ahead=1200.0))["until"] == "review at about 22:10"
    assert situation_of(improving, stage, NOTHING)["until"] == ""


def test_what_lies_ahead_is_what_the_last_round_took_up_to_its_review(ranked: Project) -> None:
    done = loop.whole_turn(ranked)
    moves = JournalEntry.objects.filter(subject="round", subject_id=str(done.pk)).exclude(new="").order_by("id")
    for number, entry in enumerate(moves):
        JournalEntry.objects.filter(pk=entry.pk).update(at=done.created_at + timedelta(minutes=10 * number))
    found = loop.work_until(loop.start(ranked), State.REWARD)
    expected = expectation_of(found)
    assert expected.here == 600.0
    assert expected.ahead == 1200.0
