"""A failure stops a round where it is; retry lets it go on, cancel ends it, and both happen once."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from rounds.machine import BY_TRAINER, MOVES, StageKind, StageState, State
from rounds.models import Round, Stage
from rounds.services import retention, rounds, sampling, stages
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.services.stages import LeaseLost
from tests.rounds import loop

OPEN_STATES = [State.EXPORTING, State.REWARD, State.PPO, State.EVALUATING, State.REVIEW]


def stopped(project: Project, kind: str = "diverged") -> Round:
    round = loop.work_until(loop.start(project), State.PPO)
    loop.fail(loop.live_stage(round), kind)
    return loop.again(round)


def test_a_retry_lets_the_same_stage_go_on(ranked: Project, olga: User) -> None:
    round = stopped(ranked)
    stage = Stage.objects.get(state=StageState.FAILED)
    Stage.objects.filter(pk=stage.pk).update(attempts=3)
    rounds.retry(by=olga, round_id=round.pk)
    again, stage = loop.again(round), loop.live_stage(round)
    assert (again.state, again.failure, again.failure_kind) == (State.PPO, "", "")
    assert (stage.kind, stage.attempts, stage.failure) == (StageKind.PPO, 0, "")
    assert JournalEntry.objects.get(verb="retry").actor == olga


def test_a_stopped_stage_is_not_claimed_and_a_retried_one_is(ranked: Project) -> None:
    round = stopped(ranked)
    assert stages.claim_stage(owner="main", seconds=90) is None
    rounds.retry(by=None, round_id=round.pk)
    assert stages.claim_stage(owner="main", seconds=90) is not None


def test_another_preset_is_another_stage_in_another_directory(ranked: Project, olga: User) -> None:
    round = stopped(ranked)
    old = Stage.objects.get(state=StageState.FAILED)
    rounds.retry(by=olga, round_id=round.pk, preset="small")
    old.refresh_from_db()
    new = loop.live_stage(round)
    assert (old.state, new.preset, new.inputs) == (StageState.CANCELLED, "small", old.inputs)
    assert new.public_id != old.public_id
    after = loop.work(round)
    assert after.candidate is not None
    assert (after.candidate.name, loop.live_stage(after).preset) == ("r1-ppo-2", "small")


def test_an_unknown_preset_changes_nothing(ranked: Project, olga: User) -> None:
    round = stopped(ranked)
    with pytest.raises(RoundRefused, match="huge"):
        rounds.retry(by=olga, round_id=round.pk, preset="huge")
    assert loop.again(round).failure == "It failed."


def test_a_round_that_nothing_stopped_is_not_retried(ranked: Project, olga: User) -> None:
    round = loop.freeze(loop.start(ranked))
    with pytest.raises(RoundRefused, match="Nothing stopped"):
        rounds.retry(by=olga, round_id=round.pk)


@pytest.mark.parametrize("state", OPEN_STATES)
def test_a_round_is_cancelled_from_wherever_it_is(ranked: Project, olga: User, state: State) -> None:
    round = loop.start(ranked)
    round = round if state == State.EXPORTING else loop.work_until(round, state)
    rounds.cancel(by=olga, round_id=round.pk)
    after = loop.again(round)
    assert (after.state, after.ended_at is not None) == (State.CANCELLED, True)
    live = [StageState.WAITING, StageState.FINISHED, StageState.FAILED]
    assert not after.stages.filter(state__in=live).exists()
    assert loop.start(ranked).number == 2


def test_a_stopped_round_can_be_cancelled(ranked: Project, olga: User) -> None:
    round = stopped(ranked)
    rounds.cancel(by=olga, round_id=round.pk)
    assert loop.again(round).state == State.CANCELLED


def test_the_supervisor_of_a_cancelled_round_loses_its_lease(ranked: Project, olga: User) -> None:
    round = loop.freeze(loop.start(ranked))
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    rounds.cancel(by=olga, round_id=round.pk)
    with pytest.raises(LeaseLost):
        stages.extend_lease(claim=claim, seconds=90)


def test_an_ended_round_is_not_cancelled_again(ranked: Project, olga: User) -> None:
    round = loop.start(ranked)
    rounds.cancel(by=olga, round_id=round.pk)
    with pytest.raises(RoundRefused, match="has ended"):
        rounds.cancel(by=olga, round_id=round.pk)


def test_a_done_round_stays_done(ranked: Project, olga: User) -> None:
    round = loop.whole_turn(ranked)
    with pytest.raises(RoundRefused, match="has ended"):
        rounds.cancel(by=olga, round_id=round.pk)
    assert loop.again(round).state == State.DONE


@pytest.mark.parametrize("person", ["alice", "rita", "erik", "mallory"])
def test_only_operators_retry_and_cancel(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    round = stopped(ranked)
    for act in (rounds.retry, rounds.cancel):
        with pytest.raises(NotAllowed):
            act(by=request.getfixturevalue(person), round_id=round.pk)
    assert loop.again(round).failure == "It failed."


def test_a_late_worker_cannot_move_a_round_that_its_successor_holds(ranked: Project) -> None:
    round = loop.start(ranked)
    late = rounds.claim(round_id=round.pk, state=State.EXPORTING, owner="late", seconds=-1)
    rounds.claim(round_id=round.pk, state=State.EXPORTING, owner="successor", seconds=60)
    with pytest.raises(RoundMoved):
        rounds.move(round_id=round.pk, old=State.EXPORTING, new=State.REWARD, fence=late)


@pytest.mark.parametrize("state", sorted(BY_TRAINER))
def test_a_stopped_round_moves_nowhere_but_out(ranked: Project, state: State) -> None:
    round = loop.start(ranked)
    Round.objects.filter(pk=round.pk).update(state=state, failure="It failed.")
    for new in (new for new in MOVES[state] if new != State.CANCELLED):
        with pytest.raises(RoundMoved):
            rounds.move(round_id=round.pk, old=state, new=new)


@pytest.mark.django_db(transaction=True)
def test_two_retries_at_once_order_one_stage(ranked: Project) -> None:
    round = stopped(ranked)
    ends = loop.at_once(lambda: rounds.retry(by=None, round_id=round.pk, preset="small"), times=4)
    assert ends.count(None) == 1
    assert round.stages.filter(kind=StageKind.PPO).exclude(state=StageState.CANCELLED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_one_wins(ranked: Project) -> None:
    round = loop.start(ranked)
    claim: dict[str, Any] = {"round_id": round.pk, "state": State.EXPORTING, "owner": "w", "seconds": 60}
    assert sorted(loop.at_once(lambda: rounds.claim(**claim), times=8), key=str) == [1] + [None] * 7


def console(verb: str, *words: str) -> Any:
    out = StringIO()
    call_command("round", verb, "--project", "turtles", "--json", *words, stdout=out)
    return json.loads(out.getvalue())


def test_the_console_starts_watches_and_ends_rounds(ranked: Project, olga: User) -> None:
    assert console("start", "--preset", "tiny", "--by", "olga")["round"]["state"] == State.EXPORTING
    round = loop.work_until(Round.objects.get(), State.REVIEW)
    told = console("status")
    assert [stage["kind"] for stage in told["round"]["stages"]] == ["reward", "ppo", "evaluate"]
    assert told["deployed"]["policy"] == "base"
    assert console("reject", "--note", "No.")["round"]["state"] == State.REJECTED
    assert Round.objects.get(pk=round.pk).created_by == olga


def test_the_console_says_why_it_refuses(ranked: Project, alice: User) -> None:
    console("start", "--preset", "tiny")
    with pytest.raises(CommandError, match="open already"):
        console("start", "--preset", "tiny")
    with pytest.raises(CommandError, match="role"):
        console("cancel", "--by", "alice")
    with pytest.raises(CommandError, match="nobody named"):
        console("cancel", "--by", "nemo")
    with pytest.raises(CommandError, match="no round 7"):
        console("cancel", "--number", "7")


def test_the_console_sees_to_a_failed_sampling_order(ranked: Project) -> None:
    with pytest.raises(CommandError, match="No sampling order"):
        console("retry-sampling")
    sampling.keep_stock(ranked)
    loop.fail(loop.sample_stage(ranked))
    assert console("retry-sampling")["sampling"][0]["state"] == StageState.WAITING
    assert console("cancel-sampling")["sampling"] == []


def test_the_console_speaks_in_words_too(ranked: Project) -> None:
    out = StringIO()
    call_command("round", "start", "--project", "turtles", "--preset", "tiny", stdout=out)
    assert "deployed: base" in out.getvalue()
    assert "round 1: exporting" in out.getvalue()


def test_what_a_cancelled_stage_left_behind_is_cleared(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    directory = loop.write_artifact(loop.live_stage(round))
    rounds.cancel(by=None, round_id=round.pk)
    retention.collect(now=timezone.now())
    assert not directory.exists()
    assert list((Path(settings.STORE) / "artifacts").glob("*.partial")) == []
    kept = Stage.objects.get(kind=StageKind.REWARD).artifacts.get()
    assert (Path(settings.STORE) / kept.path / "weights").exists()


def test_old_weights_of_a_cancelled_round_shrink_to_their_manifest(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.cancel(by=None, round_id=round.pk)
    soon, late = timezone.now() + timedelta(days=6), timezone.now() + timedelta(days=8)
    artifact = Stage.objects.get(kind=StageKind.PPO).artifacts.get()
    weights = Path(settings.STORE) / artifact.path / "weights"
    retention.collect(now=soon)
    assert weights.exists()
    retention.collect(now=late)
    retention.collect(now=late)
    artifact.refresh_from_db()
    assert artifact.collected_at == late
    assert [path.name for path in weights.parent.iterdir()] == ["manifest.json"]


def test_the_weights_of_a_deployed_policy_are_never_collected(ranked: Project) -> None:
    loop.whole_turn(ranked)
    retention.collect(now=timezone.now() + timedelta(days=365))
    artifact = Stage.objects.get(kind=StageKind.PPO).artifacts.get()
    assert (Path(settings.STORE) / artifact.path / "weights").exists()
