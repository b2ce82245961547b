"""Sampling that fails: the policy is taken back where the failure lies in it, and stays where the machine is to blame.

Whatever happens, Alice and Bob are never lent a completion of a policy that was refused.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import Project, User
from annotations.choices import AssignmentState
from annotations.models import Completion, Policy, SamplingOrder
from rounds import tasks
from rounds.child import Child, out_of
from rounds.machine import StageState
from rounds.models import Deployment, Notice, Stage
from rounds.services import condemning, deployments, sampling, stages, taking_in
from rounds.services.rounds import RoundRefused
from rounds.supervisor import Supervisor
from tests import make
from tests.rounds import loop
from tests.rounds.deployed import current, deployed, lent_policies, nobody_is_lent, order_stage, was_taken_back
from trainer import manifest


def supervised(stage: Stage, *, kind: str = "", message: str = "") -> None:
    """Let a supervisor claim the stage and find its trainer ended, with `failure.json` as the trainer writes it."""
    claim = stages.claim_stage(owner="main", seconds=60)
    assert claim is not None
    assert claim.stage_id == stage.pk
    folder = manifest.partial(out_of(stage))
    folder.mkdir(parents=True, exist_ok=True)
    if kind:
        told = {"kind": kind, "message": message, "step": 0}
        (folder / "failure.json").write_text(json.dumps(told), encoding="utf-8")
    Supervisor(name="main", threads=1)._conclude(claim, Child(stage=Stage.objects.get(pk=stage.pk), pid=0))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("diverged", "the log-probabilities of q-1 are not finite"),
        ("refused", "the tokenizer gives 512 different ids and the model beside it knows 256"),
        ("refused", "model.safetensors does not have the digest that its manifest names"),
    ],
    ids=["NaN weights", "wrong vocabulary", "hash mismatch"],
)
def test_what_the_trainer_refuses_to_sample_is_taken_back_by_the_supervisor_that_notes_it(
    prompted: Project, base: Policy, alice: User, bob: User, kind: str, message: str
) -> None:
    bad = deployed(prompted)
    supervised(order_stage(bad), kind=kind, message=message)
    assert was_taken_back(bad).retired_reason == message
    assert current(prompted).policy == base
    nobody_is_lent(bad, prompted, alice, bob)


def test_a_crash_at_the_third_shard_is_tried_three_times_and_then_the_policy_is_taken_back(
    prompted: Project, base: Policy, alice: User, bob: User
) -> None:
    bad = deployed(prompted)
    stage = order_stage(bad)
    rows = make.shard_rows(SamplingOrder.objects.get(stage=stage))
    for number in range(2):
        loop.write_shard(stage, number, rows[number * prompted.k : (number + 1) * prompted.k])
        taking_in.take_in_shards(stage.pk)
    assert Completion.objects.filter(policy=bad).exists()
    for _ in range(2):
        supervised(stage)
        assert current(prompted).policy == bad
    supervised(stage)
    was_taken_back(bad)
    assert current(prompted).policy == base
    nobody_is_lent(bad, prompted, alice, bob)


@pytest.mark.parametrize("kind", ["no_space", "out_of_memory"])
def test_what_is_the_machines_fault_takes_no_policy_back(prompted: Project, kind: str) -> None:
    good = deployed(prompted)
    supervised(order_stage(good), kind=kind, message="The machine is full.")
    tick_failures()
    assert current(prompted).policy == good
    assert order_stage(good).state == StageState.FAILED


def tick_failures() -> None:
    """What the tick does about failed sampling."""
    condemning.see_to_failures()


@pytest.mark.parametrize("kind", ["crashed", "refused"])
def test_a_policy_that_delivered_before_is_not_to_blame_for_a_crash(prompted: Project, kind: str) -> None:
    good = deployed(prompted)
    loop.finish_orders(prompted)
    prompted.assignments.filter(state=AssignmentState.OPEN).update(state=AssignmentState.CLOSED, slot=None)
    sampling.order_if_nothing_waits(prompted)
    stage = order_stage(good)
    for _ in range(3 if kind == "crashed" else 1):
        supervised(stage, kind="" if kind == "crashed" else kind, message="Something is missing.")
    assert current(prompted).policy == good
    stage = order_stage(good)
    assert (stage.state, stage.failure_kind, stage.seen_to_at is not None) == (StageState.FAILED, kind, True)


def test_so_a_broken_machine_costs_one_policy_at_most(prompted: Project) -> None:
    second = deployed(prompted)
    loop.finish_orders(prompted)
    third = deployed(prompted)
    for _ in range(3):
        supervised(order_stage(third))
    assert current(prompted).policy == second
    prompted.assignments.filter(state=AssignmentState.OPEN).update(state=AssignmentState.CLOSED, slot=None)
    sampling.order_if_nothing_waits(prompted)
    for _ in range(3):
        supervised(order_stage(second))
    assert current(prompted).policy == second
    assert Deployment.objects.filter(rolled_back=True).count() == 1


def test_files_that_changed_after_the_deployment_condemn_a_policy_however_long_it_delivered(
    prompted: Project, base: Policy, alice: User, bob: User
) -> None:
    bad = deployed(prompted)
    loop.finish_orders(prompted)
    (Path(settings.STORE) / bad.path / "weights").write_bytes(b"flipped")
    prompted.assignments.filter(state=AssignmentState.OPEN).update(state=AssignmentState.CLOSED, slot=None)
    sampling.order_if_nothing_waits(prompted)
    supervised(order_stage(bad), kind="refused", message="weights does not have the digest that its manifest names")
    was_taken_back(bad)
    assert current(prompted).policy == base
    nobody_is_lent(bad, prompted, alice, bob)


def test_an_earlier_policy_whose_files_are_gone_is_passed_over(prompted: Project, base: Policy) -> None:
    second = deployed(prompted)
    loop.finish_orders(prompted)
    third = deployed(prompted)
    (Path(settings.STORE) / second.path / "weights").unlink()
    supervised(order_stage(third), kind="diverged", message="not finite")
    assert current(prompted).policy == base


def test_where_every_earlier_policys_files_are_gone_the_failure_stands_and_says_so(
    prompted: Project, base: Policy, alice: User, olga: User
) -> None:
    bad = deployed(prompted)
    (Path(settings.STORE) / base.path / "model/model.safetensors").unlink()
    supervised(order_stage(bad), kind="diverged", message="The weights are not finite.")
    assert current(prompted).policy == bad
    assert "No earlier policy is left" in order_stage(bad).failure
    assert "No earlier policy is left" in Notice.objects.get(user=olga, kind="kept").facts["message"]
    assert lent_policies(alice, prompted) == {"base"}
    with pytest.raises(RoundRefused, match="No earlier policy"):
        deployments.roll_back(by=None, project=prompted)


def test_a_supervisor_that_died_right_after_it_noted_the_failure_is_made_up_for_by_the_tick(
    prompted: Project, base: Policy
) -> None:
    bad = deployed(prompted)
    claim = stages.claim_stage(owner="main", seconds=60)
    assert claim is not None
    stages.failed(claim=claim, kind="diverged", message="not finite")
    assert current(prompted).policy == bad
    tick_failures()
    assert current(prompted).policy == base
    was_taken_back(bad)


def test_the_tick_sees_to_failures_and_comes_every_five_seconds() -> None:
    assert "see_to_failures" in tasks.tick.run.__code__.co_names
    beat = settings.CELERY_BEAT_SCHEDULE["tick"]
    assert timedelta(seconds=beat["schedule"]) <= timedelta(seconds=5)
