"""Freezing: one consistent read becomes a directory, a snapshot that pins it and the first stage, or nothing."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now

from accounts.models import Project, User
from annotations.models import Policy, Prompt, Ranking
from annotations.services.slates import quarantine
from rounds import store as places
from rounds.machine import StageKind, StageState, State
from rounds.models import Round, Snapshot
from rounds.services import freezing, rounds
from tests import make
from tests.rounds import loop
from trainer import manifest


def rows(snapshot: Snapshot | None, name: str) -> list[dict[str, Any]]:
    assert snapshot is not None
    return list(places.read_rows(f"{snapshot.path}/{name}.jsonl"))


def datasets() -> list[Path]:
    return sorted((Path(settings.STORE) / "datasets").glob("*"))


def test_the_directory_holds_what_people_said_and_the_snapshot_pins_it(ranked: Project, base: Policy) -> None:
    round = loop.freeze(loop.start(ranked))
    snapshot, ranking = round.snapshot, Ranking.objects.get()
    assert snapshot is not None
    facts = manifest.read(places.full_path(snapshot.path), kind="dataset")
    assert manifest.digest(places.full_path(snapshot.path)) == snapshot.digest
    assert (facts["project"], facts["round"]) == ("turtles", 1)
    assert facts["policies"] == {str(base.public_id): base.digest}
    assert facts["counts"] == snapshot.counts == {"rankings": 1, "demonstrations": 0, "prompts": 1}
    assert [row["id"] for row in rows(snapshot, "rankings")] == [str(ranking.public_id)]
    assert list(snapshot.rankings.all()) == [ranking]


def test_without_demonstrations_the_reward_model_comes_first(ranked: Project, base: Policy) -> None:
    round = loop.freeze(loop.start(ranked))
    stage = loop.live_stage(round)
    assert (round.state, stage.kind, stage.preset, stage.seed) == (State.REWARD, StageKind.REWARD, "tiny", 1)
    assert round.snapshot is not None
    assert stage.inputs == {
        "dataset": {"path": round.snapshot.path, "digest": round.snapshot.digest},
        "init": {"path": base.path, "digest": base.digest},
    }


def test_new_demonstrations_are_imitated_first(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    round = loop.freeze(loop.start(ranked))
    assert (round.state, loop.live_stage(round).kind) == (State.SFT, StageKind.SFT)


def test_demonstrations_that_a_done_round_has_seen_are_not_new(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    loop.whole_turn(ranked)
    assert loop.freeze(loop.start(ranked)).state == State.REWARD


def test_demonstrations_of_a_cancelled_round_are_still_new(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    rounds.cancel(by=None, round_id=loop.freeze(loop.start(ranked)).pk)
    assert loop.freeze(loop.start(ranked)).state == State.SFT


def test_imitation_runs_again_when_it_is_asked_for(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    loop.whole_turn(ranked)
    assert loop.freeze(loop.start(ranked, sft=True)).state == State.SFT


def test_imitation_is_left_out_when_nobody_wants_it(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    assert loop.freeze(loop.start(ranked, sft=False)).state == State.REWARD


def test_the_improved_policy_starts_from_its_own_imitation(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    round = loop.work_until(loop.start(ranked), State.PPO)
    assert round.sft_policy is not None
    sft = {"path": round.sft_policy.path, "digest": round.sft_policy.digest}
    inputs = loop.live_stage(round).inputs
    assert (inputs["init"], inputs["reference"]) == (sft, sft)
    assert round.stages.get(kind=StageKind.REWARD).inputs["init"] == sft


def test_without_imitation_the_reference_is_the_last_imitation(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    first = loop.whole_turn(ranked)
    second = loop.start(ranked)
    assert (second.init_policy, second.reference_policy) == (first.candidate, first.sft_policy)
    inputs = loop.live_stage(loop.work_until(second, State.PPO)).inputs
    assert first.sft_policy is not None
    assert first.candidate is not None
    assert inputs["reference"]["digest"] == first.sft_policy.digest
    assert inputs["init"]["digest"] == first.candidate.digest


def test_answers_about_quarantined_completions_do_not_cross(ranked: Project, alice: User) -> None:
    bad = make.make_slate(ranked, policy=make.make_policy(ranked, "bad"))
    make.make_ranking(alice, bad)
    quarantine(policy=Policy.objects.get(name="bad"))
    snapshot = loop.freeze(loop.start(ranked)).snapshot
    assert len(rows(snapshot, "rankings")) == 1
    assert snapshot is not None
    assert not snapshot.rankings.filter(slate=bad).exists()


def test_freezing_twice_adds_nothing(ranked: Project) -> None:
    round = loop.freeze(loop.start(ranked))
    loop.freeze(round)
    assert (Snapshot.objects.count(), round.stages.count(), len(datasets())) == (1, 1, 1)


def test_a_round_that_another_worker_holds_is_left_alone(ranked: Project) -> None:
    round = loop.start(ranked)
    assert rounds.claim(round_id=round.pk, state=State.EXPORTING, owner="other", seconds=60) == 1
    assert loop.freeze(round).state == State.EXPORTING
    assert datasets() == []


def test_a_worker_killed_before_its_commit_leaves_a_round_that_goes_on(
    ranked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    round = loop.start(ranked)
    with monkeypatch.context() as killed:
        killed.setattr(freezing, "_go_on", killed_here)
        with pytest.raises(KeyboardInterrupt):
            loop.freeze(round)
    assert (loop.again(round).state, len(datasets())) == (State.EXPORTING, 1)
    Round.objects.filter(pk=round.pk).update(lease_until=Now())
    done = loop.freeze(round)
    assert done.snapshot is not None
    assert (done.state, datasets()) == (State.REWARD, [places.full_path(done.snapshot.path)])


def killed_here(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_round_cancelled_while_it_is_frozen_leaves_no_directory(
    ranked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    round = loop.start(ranked)
    write = places.write_dataset

    def cancelled_meanwhile(*given: Any) -> str:
        digest = write(*given)
        rounds.cancel(by=None, round_id=round.pk)
        return digest

    monkeypatch.setattr(places, "write_dataset", cancelled_meanwhile)
    assert loop.freeze(round).state == State.CANCELLED
    assert (datasets(), Snapshot.objects.count()) == ([], 0)


def test_a_full_disk_stops_the_round_and_leaves_nothing(ranked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    round = loop.start(ranked)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", disk_full)
        stopped = loop.freeze(round)
    assert (stopped.state, stopped.failure_kind) == (State.EXPORTING, "no_space")
    assert "Make room" in stopped.failure
    assert (datasets(), Snapshot.objects.count(), stopped.lease_owner) == ([], 0, "")
    rounds.retry(by=None, round_id=round.pk)
    assert loop.freeze(round).state == State.REWARD


def disk_full(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_too_little_room_is_noticed_before_anything_is_written(
    ranked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    round = loop.start(ranked)
    monkeypatch.setattr(places, "MINIMUM_FREE", 2**70)
    assert loop.freeze(round).failure_kind == "no_space"


def test_retired_prompts_are_asked_no_more(ranked: Project) -> None:
    Prompt.objects.update(retired_at=Now())
    assert rows(loop.freeze(loop.start(ranked)).snapshot, "prompts") == []


def test_no_name_crosses(ranked: Project, alice: User) -> None:
    snapshot = loop.freeze(loop.start(ranked)).snapshot
    assert rows(snapshot, "rankings")[0]["labeler"] == alice.pseudonym
    assert "alice" not in json.dumps(rows(snapshot, "rankings"))


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_freezes(ranked: Project) -> None:
    round = loop.start(ranked)
    loop.at_once(lambda: loop.freeze(round), times=6)
    assert loop.again(round).state == State.REWARD
    assert (Snapshot.objects.count(), round.stages.filter(state=StageState.WAITING).count()) == (1, 1)
    assert len(datasets()) == 1


@pytest.mark.django_db(transaction=True)
def test_people_write_while_a_snapshot_is_read(ranked: Project, alice: User) -> None:
    """The read sees the moment it began; the answer given meanwhile is in the next snapshot."""
    waiting = make.make_slate(ranked, policy=make.make_policy(ranked))
    with freezing.one_read():
        before = Ranking.objects.count()
        ends = loop.at_once(lambda: make.make_ranking(alice, waiting), times=1)
        assert isinstance(ends[0], Ranking), ends
        assert Ranking.objects.count() == before
    assert Ranking.objects.count() == before + 1
