"""Taking in: what a trainer wrote is verified, noted once, and the next order placed in the same transaction."""

from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import JournalEntry, Project, User
from rounds.machine import StageKind, StageState, State
from rounds.models import Artifact, RewardModel, Round, Stage
from rounds.services import rounds, taking_in
from tests.rounds import loop
from trainer import manifest


def in_state(project: Project, state: State) -> Round:
    return loop.work_until(loop.start(project), state)


def test_stages_follow_each_other_to_the_review(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    round = in_state(ranked, State.REVIEW)
    kinds = [stage.kind for stage in round.stages.order_by("pk")]
    assert kinds == [StageKind.SFT, StageKind.REWARD, StageKind.PPO, StageKind.EVALUATE]
    assert set(round.stages.values_list("state", flat=True)) == {StageState.TAKEN_IN}
    assert round.sft_policy is not None
    assert round.candidate is not None
    assert (round.sft_policy.name, round.candidate.name) == ("r1-sft", "r1-ppo")
    assert round.candidate.parent == round.sft_policy


def test_the_evaluation_gets_every_policy_that_it_compares(ranked: Project, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    round = in_state(ranked, State.EVALUATING)
    inputs = loop.digests(loop.live_stage(round))
    assert round.snapshot is not None
    assert round.sft_policy is not None
    assert round.candidate is not None
    assert inputs == {
        "dataset": round.snapshot.digest,
        "before": round.init_policy.digest,
        "sft": round.sft_policy.digest,
        "reference": round.sft_policy.digest,
        "after": round.candidate.digest,
        "reward": round.reward_model.digest,
    }


def test_a_reward_model_is_kept_with_its_report(ranked: Project) -> None:
    round = in_state(ranked, State.PPO)
    assert RewardModel.objects.get(round=round).report == loop.GOOD_REWARD
    assert Artifact.objects.get(stage__kind=StageKind.REWARD).kind == "reward_model"


def test_every_move_is_in_the_journal(ranked: Project) -> None:
    round = in_state(ranked, State.REVIEW)
    entries = JournalEntry.objects.filter(subject="round", subject_id=round.pk).exclude(new="").order_by("pk")
    chain = list(entries.values_list("old", "new"))
    assert chain[0] == ("", State.EXPORTING)
    assert [new for _, new in chain[:-1]] == [old for old, _ in chain[1:]]
    assert chain[-1][1] == State.REVIEW


def test_taking_in_twice_adds_nothing(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    stage = loop.finish(loop.live_stage(round))
    taking_in.take_in_stage(stage.pk)
    taking_in.take_in_stage(stage.pk)
    assert (loop.again(round).state, Artifact.objects.filter(stage=stage).count()) == (State.PPO, 1)
    assert round.stages.count() == 2


def test_a_stage_at_work_is_not_taken_in(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    loop.write_artifact(loop.live_stage(round))
    taking_in.take_in_stage(loop.live_stage(round).pk)
    assert loop.again(round).state == State.REWARD


def test_a_message_about_a_stage_that_does_not_exist_does_nothing(project: Project) -> None:
    taking_in.take_in_stage(4711)


def test_the_artifact_of_a_cancelled_round_is_not_taken_in(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    stage = loop.finish(loop.live_stage(round))
    rounds.cancel(by=None, round_id=round.pk)
    taking_in.take_in_stage(stage.pk)
    assert loop.again(round).state == State.CANCELLED
    assert not Artifact.objects.filter(stage__round=round).exists()


def damage(directory: Path) -> None:
    (directory / "weights").write_bytes(b"flipped")


def add(directory: Path) -> None:
    (directory / "extra").write_bytes(b"")


def lose(directory: Path) -> None:
    (directory / "weights").unlink()


@pytest.mark.parametrize(("fault", "named"), [(damage, "weights"), (add, "extra"), (lose, "weights")])
def test_a_damaged_artifact_stops_the_round_and_names_the_file(ranked: Project, fault: object, named: str) -> None:
    round = in_state(ranked, State.PPO)
    stage = loop.finish(loop.live_stage(round))
    assert callable(fault)
    fault(Path(settings.STORE) / "artifacts" / str(stage.public_id))
    taking_in.take_in_stage(stage.pk)
    stopped, stage = loop.again(round), Stage.objects.get(pk=stage.pk)
    assert (stopped.state, stopped.failure_kind, stopped.candidate) == (State.PPO, "artifact", None)
    assert named in stopped.failure
    assert (stage.state, stage.failure) == (StageState.FAILED, stopped.failure)


@pytest.mark.parametrize(
    "facts", [{"seed": 77}, {"stage": "sft"}, {"inputs": {"init": "0" * 64}}], ids=["seed", "stage", "inputs"]
)
def test_an_artifact_of_another_order_is_refused(ranked: Project, facts: dict[str, object]) -> None:
    round = in_state(ranked, State.PPO)
    taking_in.take_in_stage(loop.finish(loop.live_stage(round), **facts).pk)
    stopped = loop.again(round)
    assert stopped.failure_kind == "artifact"
    assert next(iter(facts)) in stopped.failure


def test_a_report_that_lacks_its_figures_is_refused(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    stopped = loop.work(round, {"accuracy": {"value": 0.9}})
    assert (stopped.failure_kind, stopped.gates) == ("artifact", {})
    assert not RewardModel.objects.exists()


def test_a_stage_refused_for_its_directory_is_tried_again_in_another(ranked: Project) -> None:
    round = in_state(ranked, State.PPO)
    stage = loop.finish(loop.live_stage(round))
    damage(Path(settings.STORE) / "artifacts" / str(stage.public_id))
    taking_in.take_in_stage(stage.pk)
    rounds.retry(by=None, round_id=round.pk)
    assert loop.live_stage(round).public_id != stage.public_id
    assert loop.work(round).state == State.EVALUATING


def test_a_policy_that_is_taken_in_points_at_what_lies_in_the_store(ranked: Project) -> None:
    policy = in_state(ranked, State.EVALUATING).candidate
    assert policy is not None
    directory = Path(settings.STORE) / policy.path
    assert manifest.read(directory, kind="policy")
    assert manifest.digest(directory) == policy.digest


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_takes_a_stage_in(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    stage = loop.finish(loop.live_stage(round))
    ends = loop.at_once(lambda: taking_in.take_in_stage(stage.pk), times=6)
    assert ends == [None] * 6
    assert (loop.again(round).state, round.stages.count()) == (State.PPO, 2)
    assert Artifact.objects.filter(stage=stage).count() == 1


@pytest.mark.django_db(transaction=True)
def test_taking_in_and_cancelling_at_once_leave_one_truth(ranked: Project) -> None:
    round = in_state(ranked, State.REWARD)
    stage = loop.finish(loop.live_stage(round))
    acts = [lambda: taking_in.take_in_stage(stage.pk), lambda: rounds.cancel(by=None, round_id=round.pk)]
    loop.at_once(lambda: acts.pop()(), times=2)
    after = loop.again(round)
    live = after.stages.filter(state__in=[StageState.WAITING, StageState.FINISHED]).count()
    assert (after.state, live) in [(State.PPO, 1), (State.CANCELLED, 0)]
