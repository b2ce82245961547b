"""What a round would need: time told by earlier rounds, disk by their artifacts, memory by the policy's size."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Policy
from rounds import store as places
from rounds.machine import State
from rounds.models import Artifact, Beat, Round, Stage
from rounds.queries.estimates import Estimate, estimate, stages_ahead, why_no_room
from rounds.services import rounds, taking_in
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop
from tests.rounds.test_memory import SMOLLM2, write_model

TINY: dict[str, Any] = {"preset": "tiny", "algorithm": "ppo", "sft": None, "budget": None}
SECONDS = {"reward": 100.0, "ppo": 300.0, "evaluate": 50.0}
CONFIGS: dict[str, dict[str, int]] = {"reward": {"epochs": 2}, "ppo": {"updates": 10}, "evaluate": {"prompts": 0}}


def told(project: Project, **choices: Any) -> Estimate:
    found = estimate(project, TINY | choices)
    assert found is not None
    return found


def through(project: Project, *, slower: float = 1.0) -> Round:
    """A round that came through to its review and was rejected there; its manifests say how long each stage took."""
    round = loop.freeze(loop.start(project, sft=False))
    while round.state != State.REVIEW:
        stage = loop.live_stage(round)
        facts = {"seconds": slower * SECONDS[stage.kind], "config": CONFIGS[stage.kind]}
        taking_in.take_in_stage(loop.finish(stage, None, **facts).pk)
        round = loop.again(round)
    rounds.reject(by=None, round_id=round.pk)
    return round


def seconds(found: Estimate) -> dict[str, float | None]:
    return {stage.kind: stage.seconds for stage in found.stages}


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many bytes the disk has left."""
    left, usage = {"bytes": 10**12}, shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=left["bytes"]))
    return left


@pytest.fixture
def heavy(ranked: Project, base: Policy, store: Path) -> int:
    """The deployed policy has SmolLM2's size; its weights take so many bytes."""
    Policy.objects.filter(pk=base.pk).update(path="policies/heavy")
    write_model(store / "policies/heavy", SMOLLM2)
    return 4 * 134_515_008


def test_before_the_first_round_nothing_is_known_of_time(ranked: Project) -> None:
    found = told(ranked)
    assert seconds(found) == {"reward": None, "ppo": None, "evaluate": None}
    assert (found.seconds, found.rounds) == (None, [])


def test_time_is_what_each_stage_computed_before(ranked: Project) -> None:
    number = through(ranked).number
    found = told(ranked)
    assert seconds(found) == SECONDS
    assert (found.seconds, found.rounds, found.scaled) == (450.0, [number], False)


def test_of_several_rounds_the_one_in_the_middle_counts_and_old_ones_do_not(ranked: Project) -> None:
    for slower in (9.0, 1.0, 3.0, 2.0):
        through(ranked, slower=slower)
    found = told(ranked)
    assert seconds(found)["ppo"] == 2 * SECONDS["ppo"]
    assert found.rounds == [2, 3, 4]


def test_another_preset_tells_nothing(ranked: Project) -> None:
    through(ranked)
    assert told(ranked, preset="small").rounds == []


def test_time_grows_with_what_it_grows_with_and_with_nothing_else(ranked: Project, base: Policy, alice: User) -> None:
    """Twice the rankings and the prompts: the reward model and the evaluation; PPO makes as many updates as before."""
    through(ranked)
    before = ranked.snapshots.latest("created_at").counts
    for _ in range(before["rankings"]):
        make.make_ranking(alice, make.make_slate(ranked, policy=base))
    found = told(ranked)
    prompts = ranked.prompts.count() / before["prompts"]
    assert seconds(found) == {"reward": 200.0, "ppo": 300.0, "evaluate": pytest.approx(50.0 * prompts)}
    assert found.scaled


def test_a_budget_of_half_the_updates_takes_half_the_time(ranked: Project) -> None:
    through(ranked)
    assert seconds(told(ranked, budget=5))["ppo"] == 150.0


def test_a_manifest_that_says_nothing_leaves_the_time_between_beginning_and_end(ranked: Project) -> None:
    round = through(ranked)
    stage = round.stages.get(kind="ppo")
    Artifact.objects.filter(stage=stage).update(path="artifacts/gone")
    Stage.objects.filter(pk=stage.pk).update(ended_at=stage.started_at + timedelta(minutes=7))
    assert seconds(told(ranked))["ppo"] == 420.0


@pytest.mark.parametrize(
    ("choices", "kinds"),
    [
        ({}, ["reward", "ppo", "evaluate"]),
        ({"sft": True}, ["reward", "ppo", "evaluate"]),
        ({"algorithm": "dpo"}, ["reward", "dpo", "evaluate"]),
        ({"algorithm": "rloo"}, ["reward", "rloo", "evaluate"]),
        ({"algorithm": "best_of"}, ["reward", "evaluate"]),
    ],
)
def test_the_algorithm_says_which_stages_come(ranked: Project, choices: dict[str, Any], kinds: list[str]) -> None:
    assert stages_ahead(ranked, TINY | choices) == kinds


def test_demonstrations_that_no_kept_round_has_seen_are_imitated_unless_that_was_ruled_out(
    ranked: Project, alice: User
) -> None:
    loop.demonstrate(alice, ranked)
    assert stages_ahead(ranked, TINY)[0] == "sft"
    assert stages_ahead(ranked, TINY | {"sft": False})[0] == "reward"
    loop.whole_turn(ranked)
    assert stages_ahead(ranked, TINY)[0] == "reward"
    assert stages_ahead(ranked, TINY | {"sft": True})[0] == "sft"


def test_disk_is_what_the_last_artifacts_took_or_else_the_policys_size(ranked: Project, heavy: int) -> None:
    found = told(ranked).disk
    assert (found.seen, found.kept >= 2 * heavy) == (False, True)
    round = through(ranked)
    found = told(ranked).disk
    artifacts = Artifact.objects.filter(stage__round=round)
    assert round.snapshot is not None
    sizes = [places.size(places.full_path(each.path)) for each in (*artifacts, round.snapshot)]
    assert (found.seen, found.kept) == (True, sum(sizes))
    # Twice what PPO keeps to go on from: two nets, three numbers of each weight.
    assert found.passing == 2 * 2 * 3 * heavy


def test_a_disk_that_may_not_suffice_is_told_and_the_round_starts(
    ranked: Project, heavy: int, free: dict[str, int]
) -> None:
    free["bytes"] = 3 * heavy
    assert told(ranked).disk.short
    assert loop.start(ranked).number == 1


def test_a_disk_that_cannot_hold_the_weights_is_a_reason_not_to_start(
    ranked: Project, heavy: int, free: dict[str, int]
) -> None:
    free["bytes"] = 2 * heavy + places.MINIMUM_FREE - 1
    with pytest.raises(RoundRefused, match="The disk cannot hold this round"):
        loop.start(ranked)
    assert not Round.objects.exists()
    assert why_no_room(ranked, TINY | {"algorithm": "best_of"}) == ""
    free["bytes"] += 1
    assert loop.start(ranked).number == 1


def test_memory_is_held_against_the_machine_that_has_least(ranked: Project, heavy: int) -> None:
    assert told(ranked).memory.room is None
    for name, room in (("main", 64 * 10**9), ("attic", 4 * 10**9)):
        Beat.objects.create(name=f"supervisor:{name}", facts={"memory": room, "device": "cpu", "free": 10**12})
    found = told(ranked, preset="small").memory
    assert (found.room, found.kind, found.short, found.on_gpu) == (4 * 10**9, "reward", True, False)
    Beat.objects.filter(name="supervisor:attic").delete()
    assert not told(ranked, preset="small").memory.short


def test_a_policy_whose_files_say_nothing_leaves_memory_untold(ranked: Project) -> None:
    found = told(ranked).memory
    assert (found.most, found.short) == (None, False)


def test_what_retention_will_free_is_told_with_its_day(ranked: Project) -> None:
    assert told(ranked).freed.bytes == 0
    through(ranked)
    freed = told(ranked).freed
    assert freed.bytes > 0
    assert freed.soonest is not None
    assert timezone.now() < freed.soonest < timezone.now() + timedelta(days=8)


def test_without_a_policy_there_is_nothing_to_estimate_from(project: Project, store: Path) -> None:
    assert estimate(project, TINY) is None
    assert why_no_room(project, TINY) == ""
