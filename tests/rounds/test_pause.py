"""An operator lets a round wait: nothing of it is claimed, nothing finished is done again, and nobody is alarmed."""

import signal
import threading
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from rounds import tasks
from rounds.child import Child, started
from rounds.machine import StageState, State
from rounds.models import Artifact, Round, Stage
from rounds.services import freezing, pausing, rounds, stages, taking_in
from rounds.services.rounds import RoundRefused
from rounds.services.stages import LeaseLost
from rounds.supervisor import Supervisor
from tests import make
from tests.rounds import loop
from tests.rounds.test_supervisor import trainer as trainer  # the fixture


def paused(project: Project, state: State) -> Round:
    round = loop.start(project)
    round = round if state == State.EXPORTING else loop.work_until(round, state)
    pausing.pause(by=None, round_id=round.pk)
    return loop.again(round)


def test_a_paused_round_stays_where_it_is_until_it_goes_on(ranked: Project, olga: User) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    pausing.pause(by=olga, round_id=round.pk)
    found = loop.again(round)
    assert (found.state, found.failure_kind) == (State.PPO, "paused")
    assert stages.claim_stage(owner="main", seconds=90) is None
    pausing.resume(by=olga, round_id=round.pk)
    assert stages.claim_stage(owner="main", seconds=90) is not None
    verbs = JournalEntry.objects.filter(subject="round").order_by("pk").values_list("verb", "actor__username")
    assert list(verbs)[-2:] == [("pause", "olga"), ("resume", "olga")]


def test_the_supervisor_loses_its_lease_and_nobody_gets_it(ranked: Project, olga: User) -> None:
    round = loop.freeze(loop.start(ranked))
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    pausing.pause(by=olga, round_id=round.pk)
    for act in (lambda: stages.extend_lease(claim=claim, seconds=90), lambda: stages.finished(claim=claim)):
        with pytest.raises(LeaseLost):
            act()
    assert stages.claim_stage(owner="other", seconds=90) is None


@pytest.mark.parametrize("state", [State.EXPORTING, State.DEPLOYING])
def test_a_worker_leaves_a_paused_round_alone(ranked: Project, state: State) -> None:
    round = loop.start(ranked)
    if state == State.DEPLOYING:
        round = loop.work_until(round, State.REVIEW)
        rounds.approve(by=None, round_id=round.pk)
    pausing.pause(by=None, round_id=round.pk)
    assert (loop.freeze if state == State.EXPORTING else loop.deploy)(round).state == state
    pausing.resume(by=None, round_id=round.pk)
    assert (loop.freeze if state == State.EXPORTING else loop.deploy)(round).state != state


def test_a_freeze_that_was_paused_on_its_way_leaves_nothing_behind(
    ranked: Project, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    round = loop.start(ranked)
    write = freezing._write

    def paused_meanwhile(*given: object) -> object:
        passed = write(*given)  # type: ignore[arg-type]
        pausing.pause(by=None, round_id=round.pk)
        return passed

    monkeypatch.setattr(freezing, "_write", paused_meanwhile)
    assert loop.freeze(round).snapshot is None
    assert list((store / "datasets").iterdir()) == []


def test_what_was_finished_when_it_was_paused_waits_and_is_taken_in_once(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    stage = loop.finish(loop.live_stage(round))
    pausing.pause(by=None, round_id=round.pk)
    tasks.ring_for_due_work()
    taking_in.take_in_stage(stage.pk)
    assert not Artifact.objects.filter(stage=stage).exists()
    rounds.retry(by=None, round_id=round.pk)
    taking_in.take_in_stage(stage.pk)
    assert (loop.again(round).state, Artifact.objects.filter(stage=stage).count()) == (State.EVALUATING, 1)


def test_after_going_on_nothing_finished_is_done_again(ranked: Project) -> None:
    round = paused(ranked, State.EVALUATING)
    made = set(Artifact.objects.filter(stage__round=round).values_list("digest", flat=True))
    pausing.resume(by=None, round_id=round.pk)
    done = loop.work(round)
    after = set(Artifact.objects.filter(stage__round=round).values_list("digest", flat=True))
    assert (done.state, len(after - made), made - after) == (State.REVIEW, 1, set())
    assert done.stages.count() == 3


def test_it_may_go_on_with_another_preset(ranked: Project, olga: User) -> None:
    round = paused(ranked, State.PPO)
    rounds.retry(by=olga, round_id=round.pk, preset="small")
    assert (loop.again(round).failure, loop.live_stage(round).preset) == ("", "small")


def test_a_paused_round_can_be_cancelled(ranked: Project, olga: User) -> None:
    round = paused(ranked, State.PPO)
    rounds.cancel(by=olga, round_id=round.pk)
    assert loop.again(round).state == State.CANCELLED


def test_nothing_is_paused_that_does_not_move(ranked: Project, olga: User) -> None:
    with pytest.raises(RoundRefused, match="stands still already"):
        pausing.pause(by=olga, round_id=paused(ranked, State.PPO).pk)
    round = Round.objects.get()
    rounds.retry(by=olga, round_id=round.pk)
    with pytest.raises(RoundRefused, match="Nobody paused"):
        pausing.resume(by=olga, round_id=round.pk)
    loop.work_until(round, State.REVIEW)
    with pytest.raises(RoundRefused, match="waits for a person"):
        pausing.pause(by=olga, round_id=round.pk)
    rounds.cancel(by=olga, round_id=round.pk)
    with pytest.raises(RoundRefused, match="has ended"):
        pausing.pause(by=olga, round_id=round.pk)


@pytest.mark.parametrize("person", ["alice", "rita", "erik", "mallory"])
def test_only_operators_pause(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    round = paused(ranked, State.PPO)
    with pytest.raises(NotAllowed):
        pausing.resume(by=request.getfixturevalue(person), round_id=round.pk)
    rounds.retry(by=None, round_id=round.pk)
    with pytest.raises(NotAllowed):
        pausing.pause(by=request.getfixturevalue(person), round_id=round.pk)
    assert loop.again(round).failure == ""


def test_the_page_says_it_calmly_and_goes_on_from_there(ranked: Project, olga: User) -> None:
    loop.work_until(loop.start(ranked), State.PPO)
    client = make.client_of(olga)
    page = client.post("/p/turtles/rounds/1/pause/", follow=True).content.decode()
    assert "PPO is paused" in page
    assert "tag-bad" not in page
    assert "banner-bad" not in page
    assert "tag-bad" not in client.get("/p/turtles/rounds/").content.decode()
    page = client.post("/p/turtles/rounds/1/resume/", follow=True).content.decode()
    assert "is paused" not in page
    assert loop.again(Round.objects.get()).failure == ""


def test_a_reviewer_sees_that_it_is_paused_and_no_button(ranked: Project, rita: User) -> None:
    paused(ranked, State.PPO)
    page = make.client_of(rita).get("/p/turtles/rounds/1/").content.decode()
    assert "PPO is paused" in page
    assert "Go on" not in page


# The child


def at_work(round: Round, settings: LazySettings) -> tuple[Stage, Supervisor, threading.Thread]:
    """A supervisor in a thread of its own whose child has given its first sign."""
    stage = loop.live_stage(round)
    Stage.objects.filter(pk=stage.pk).update(preset="wait")
    supervisor = Supervisor(name="main", threads=1)
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    thread = threading.Thread(target=_run, args=(supervisor, claim))
    thread.start()
    heartbeat = settings.STORE / "artifacts" / f"{stage.public_id}.partial" / "heartbeat"
    while not heartbeat.exists():
        assert thread.is_alive()
        thread.join(0.05)
    return stage, supervisor, thread


def _run(supervisor: Supervisor, claim: stages.Claim) -> None:
    try:
        supervisor._begin(claim)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_the_running_trainer_is_asked_to_stop(
    ranked: Project, trainer: pytest.MonkeyPatch, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    stop = Child.stop

    def noted(child: Child, signal_number: int = signal.SIGTERM) -> None:
        sent.append(signal_number)
        stop(child, signal_number)

    monkeypatch.setattr(Child, "stop", noted)
    round = loop.freeze(loop.start(ranked))
    stage, _, thread = at_work(round, settings)
    pausing.pause(by=None, round_id=round.pk)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert sent[0] == signal.SIGTERM
    assert sent.index(signal.SIGKILL) > 0, "it is killed only when it is gone"
    stage.refresh_from_db()
    assert (stage.state, stage.lease_owner, stage.attempts) == (StageState.WAITING, "", 0)


@pytest.mark.django_db(transaction=True)
def test_a_trainer_that_was_paused_while_no_supervisor_looked_is_asked_by_the_next_one(
    ranked: Project, trainer: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    round = loop.freeze(loop.start(ranked))
    stage, first, thread = at_work(round, settings)
    first.stopping = True
    thread.join(timeout=60)
    pausing.pause(by=None, round_id=round.pk)
    [stray] = stages.strays()
    assert stray.pk == stage.pk
    second = Supervisor(name="main", threads=1)
    second._end_stray(stray)
    assert started(stray.child["pid"]) is None
