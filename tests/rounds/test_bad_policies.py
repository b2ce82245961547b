"""Broken policies: each is stopped before it is deployed, or taken back by the call that notes the failure.

Whatever happens, Alice and Bob are never lent a completion of a policy that was refused.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import JournalEntry, Project, User
from annotations.models import Completion, Policy, SamplingOrder
from annotations.services.work import lend_work
from rounds.machine import StageState, State
from rounds.models import Deployment, Notice, Round, Stage
from rounds.queries.deployed import canary_deployment
from rounds.services import condemning, deployments, rounds, sampling, taking_in
from tests import make
from tests.rounds import loop
from tests.rounds.deployed import current, deployed, lent_policies, nobody_is_lent, order_stage, was_taken_back
from trainer import manifest

BOARD = "/p/turtles/rounds/"
Rows = list[loop.Facts]


def said(stage: Stage, text: Callable[[int], str], *, finished: bool = True) -> Rows:
    """A shard that answers each of the order's prompts so; `text` takes the completion's number."""
    order = SamplingOrder.objects.get(stage=stage)
    rows = make.shard_rows(order)
    return [row | {"text": text(n), "finished": finished, "tokens": 48} for n, row in enumerate(rows)]


def gibberish(n: int) -> str:
    return "".join(chr(0x400 + (31 * n + 97 * place) % 0x2000) for place in range(120))


BAD_TEXTS: dict[str, tuple[Callable[[int], str], bool, str]] = {
    "empty output": (lambda n: " ", True, "Empty answers"),
    "endless": (lambda n: f"On beach {n}, and then beach {n + 1}, and", False, "without an end"),
    "repeats": (lambda n: f"Turtle {n} " + "lays its eggs on the beach " * 20, True, "Repetition"),
    "one answer to everything": (lambda n: "I cannot answer that.", True, "One answer"),
    "special tokens": (lambda n: f"Beach {n}.<|im_end|>\n<|im_start|>user\nWhy?", True, "Control tokens"),
    "gibberish": (gibberish, True, "no language"),
    "broken bytes": (lambda n: f"{n}\ufffd\ufffd of \ufffd", True, "no language"),
}


@pytest.mark.parametrize("kind", BAD_TEXTS)
@pytest.mark.parametrize("share", [100, 99], ids=["current", "canary"])
def test_bad_texts_are_never_lent_and_the_call_that_reads_them_takes_their_policy_back(
    prompted: Project, base: Policy, alice: User, bob: User, olga: User, kind: str, share: int
) -> None:
    bad, (text, finished, word) = deployed(prompted, share), BAD_TEXTS[kind]
    stage = order_stage(bad)
    loop.write_shard(stage, 0, said(stage, text, finished=finished))
    taking_in.take_in_shards(stage.pk)
    assert word in was_taken_back(bad).retired_reason
    assert (current(prompted).policy, canary_deployment(prompted)) == (base, None)
    assert not Completion.objects.filter(policy=bad).exists()
    assert Stage.objects.get(pk=stage.pk).state == StageState.CANCELLED
    assert JournalEntry.objects.get(verb__in=["roll_back", "withdraw"]).facts["why"] == "health"
    told = Notice.objects.get(user=olga, kind="rolled_back" if share == 100 else "withdrawn")
    assert word in told.facts["message"]
    nobody_is_lent(bad, prompted, alice, bob)


def test_a_policy_that_goes_bad_later_has_what_it_wrote_before_quarantined(
    prompted: Project, base: Policy, alice: User, bob: User
) -> None:
    bad = deployed(prompted)
    stage = order_stage(bad)
    rows = make.shard_rows(SamplingOrder.objects.get(stage=stage))
    half = len(rows) // 2 // prompted.k * prompted.k
    loop.write_shard(stage, 0, rows[:half])
    taking_in.take_in_shards(stage.pk)
    held = lend_work(to=bob, project=prompted, kind="rank")
    assert held is not None
    assert held.slate is not None
    assert held.slate.order.policy == bad, "so far nothing was wrong"
    loop.write_shard(stage, 1, [row | {"text": ""} for row in rows[half:]])
    taking_in.take_in_shards(stage.pk)
    assert current(prompted).policy == base
    nobody_is_lent(bad, prompted, alice, bob)


def test_good_texts_are_taken_in_whatever_the_evaluation_showed(prompted: Project) -> None:
    good = deployed(prompted)
    stage = order_stage(good)
    loop.write_shard(stage, 0)
    taking_in.take_in_shards(stage.pk)
    assert current(prompted).policy == good
    assert Completion.objects.filter(policy=good, quarantined_at=None).exists()


def test_a_sign_flipped_reward_is_stopped_at_the_gate(prompted: Project, base: Policy, alice: User, bob: User) -> None:
    round = loop.work_until(loop.start(prompted, approve="rule"), State.EVALUATING)
    loses = {"after_over_before": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 100}}
    worse = loop.HABITS | {"reward_mean": -2.0}
    policies = {"before": loop.HABITS, "sft": loop.HABITS, "after": worse}
    stopped = loop.work(round, loop.GOOD_EVALUATION | {"win_rate": loses, "policies": policies})
    assert (stopped.failure_kind, stopped.gates["win_rate"]["verdict"]) == ("gate", "refused")
    assert current(prompted).policy == base
    assert stopped.candidate is not None
    nobody_is_lent(stopped.candidate, prompted, alice, bob)


@pytest.mark.parametrize("wrong", ["seed", "inputs"])
def test_a_previous_runs_weights_are_refused(prompted: Project, wrong: str) -> None:
    round = loop.work_until(loop.start(prompted), State.PPO)
    facts = {"seed": {"seed": 77}, "inputs": {"inputs": {"init": "0" * 64}}}[wrong]
    taking_in.take_in_stage(loop.finish(loop.live_stage(round), **facts).pk)
    assert (loop.again(round).failure_kind, loop.again(round).candidate) == ("artifact", None)


def test_a_shard_that_another_policy_wrote_is_refused_and_nobody_sees_it(
    prompted: Project, base: Policy, alice: User, bob: User
) -> None:
    policy = deployed(prompted)
    stage = order_stage(policy)
    inputs = loop.digests(stage) | {"policy": base.digest}
    place = settings.STORE / "artifacts" / f"{stage.public_id}.shards" / "0000"
    facts = {"stage": "sample", "seed": stage.seed, "metrics": {}, "inputs": inputs}
    with manifest.writing(place, kind="completions", **facts) as folder:
        lines = [json.dumps(row) + "\n" for row in make.shard_rows(SamplingOrder.objects.get(stage=stage))]
        (folder / "completions.jsonl").write_text("".join(lines), encoding="utf-8")
    taking_in.take_in_shards(stage.pk)
    assert order_stage(policy).state == StageState.FAILED
    nobody_is_lent(policy, prompted, alice, bob)


def test_a_candidate_whose_files_changed_is_not_deployed(prompted: Project, base: Policy) -> None:
    round = loop.work_until(loop.start(prompted), State.REVIEW)
    rounds.approve(by=None, round_id=round.pk)
    assert round.candidate is not None
    (Path(settings.STORE) / round.candidate.path / "weights").write_bytes(b"flipped")
    assert loop.deploy(round).failure_kind == "artifact"
    assert current(prompted).policy == base


def test_a_policy_that_was_taken_back_is_never_deployed_again(prompted: Project, base: Policy) -> None:
    bad = deployed(prompted)
    deployments.roll_back(by=None, project=prompted)
    round = loop.work_until(loop.start(prompted), State.REVIEW)
    Round.objects.filter(pk=round.pk).update(candidate=bad)
    rounds.approve(by=None, round_id=round.pk)
    stopped = loop.deploy(round)
    assert (stopped.state, stopped.failure_kind) == (State.DEPLOYING, "taken_back")
    assert "never deployed again" in stopped.failure
    assert current(prompted).policy == base


def test_with_no_earlier_policy_people_go_on_and_an_operator_reads_why(
    prompted: Project, base: Policy, alice: User, bob: User, olga: User
) -> None:
    order = sampling.order_completions(
        project=prompted, policy=base, prompts=prompted.prompts.all()[:4], per_prompt=4, preset="tiny", seed=9
    )
    stage = Stage.objects.get(sampling_order=order)
    loop.write_shard(stage, 0, said(stage, lambda n: ""))
    taking_in.take_in_shards(stage.pk)
    stood = Stage.objects.get(pk=stage.pk)
    assert (stood.state, current(prompted).policy) == (StageState.FAILED, base)
    page = make.client_of(olga).get(BOARD).content.decode()
    assert "No earlier policy is left to go back to, so people go on with what waits already." in page
    assert "Empty answers: 100% of 16" in page
    assert lent_policies(alice, prompted) == {"base"}, "what waited before is still there"
    assert not Completion.objects.filter(order=order).exists()
    condemning.see_to_failures()
    assert Stage.objects.get(pk=stage.pk).failure == stood.failure


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_read_one_bad_shard_take_its_policy_back_once(prompted: Project, base: Policy) -> None:
    bad = deployed(prompted)
    stage = order_stage(bad)
    loop.write_shard(stage, 0, said(stage, lambda n: ""))
    ends = loop.at_once(lambda: taking_in.take_in_shards(stage.pk), times=4)
    assert ends == [None] * 4
    assert current(prompted).policy == base
    assert Deployment.objects.filter(rolled_back=True).count() == 1
    assert Deployment.objects.filter(project=prompted, retired_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_comes_while_its_policy_is_taken_back_is_never_lent(
    prompted: Project, base: Policy, alice: User, bob: User
) -> None:
    bad = deployed(prompted)
    stage = order_stage(bad)
    loop.write_shard(stage, 0)
    acts: list[Callable[[], object]] = [
        lambda: taking_in.take_in_shards(stage.pk),
        lambda: deployments.roll_back(by=None, project=prompted),
    ]
    loop.at_once(lambda: acts.pop()(), times=2)
    assert current(prompted).policy == base
    nobody_is_lent(bad, prompted, alice, bob)
