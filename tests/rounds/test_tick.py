"""The tick finds all work in the rows alone: messages may be lost, repeated or shuffled, and the end is the same."""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from celery.signals import heartbeat_sent

from accounts.models import Project, User
from annotations.models import Completion, SamplingOrder
from annotations.queries.waiting import stock
from rounds import tasks
from rounds.machine import StageKind, StageState, State
from rounds.models import Beat, Deployment, Round, Stage
from rounds.queries.board import Health, health
from rounds.services import rounds, sampling
from tests import make
from tests.rounds import loop
from tutelage.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def worker() -> Iterator[None]:
    """Messages are worked on at once, as an idle worker would."""
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def quiet(ranked: Project) -> Project:
    """A project whose stock is never filled up, so that only rounds make work."""
    Project.objects.update(stock_target=0)
    ranked.refresh_from_db()
    return ranked


def tick_until(round: Round, state: State) -> Round:
    """Let supervisor and tick take turns until the round stands in `state`."""
    for _ in range(12):
        tasks.tick()
        if loop.again(round).state == state:
            return loop.again(round)
        for stage in Stage.objects.filter(round=round, state=StageState.WAITING):
            loop.finish(stage)
    raise AssertionError(f"the round stays in {loop.again(round).state}")


def test_the_worker_says_that_it_lives(quiet: Project) -> None:
    tasks.tick()
    first = Beat.objects.get(name="worker").at
    tasks.tick()
    assert Beat.objects.get(name="worker").at > first


def test_a_worker_that_nobody_ticks_says_that_it_lives_and_that_nobody_ticks(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_said_at", -float(tasks.SIGN_SECONDS) - time.monotonic())
    heartbeat_sent.send(sender=None)
    assert health() == Health(worker=True, supervisor=False, beat=False)
    first = Beat.objects.get(name="worker").at
    heartbeat_sent.send(sender=None)
    assert Beat.objects.get(name="worker").at == first
    tasks.tick()
    assert health().beat


def test_a_whole_round_needs_no_message_but_the_tick(quiet: Project, bob: User) -> None:
    loop.demonstrate(bob, quiet)
    round = tick_until(loop.start(quiet), State.REVIEW)
    rounds.approve(by=None, round_id=round.pk)
    done = tick_until(round, State.DONE)
    assert Deployment.objects.get(retired_at=None).policy == done.candidate


def test_a_round_approved_by_rule_needs_no_person(quiet: Project) -> None:
    round = tick_until(loop.start(quiet, approve="rule"), State.DONE)
    assert Deployment.objects.get(retired_at=None).policy == round.candidate


def test_a_shard_is_taken_in_while_its_order_is_at_work(quiet: Project) -> None:
    order = sampled(quiet)
    stage = Stage.objects.get(sampling_order=order)
    Stage.objects.filter(pk=stage.pk).update(started_at=order.created_at)
    loop.write_shard(stage, 0)
    tasks.tick()
    assert Completion.objects.filter(order=order).exists()


def sampled(project: Project) -> SamplingOrder:
    policy = Deployment.objects.get(retired_at=None).policy
    prompts = [make.make_prompt(project)]
    return sampling.order_completions(
        project=project, policy=policy, prompts=prompts, per_prompt=2, preset="tiny", seed=3
    )


def test_the_stock_is_filled_up(ranked: Project) -> None:
    Project.objects.update(stock_target=3)
    tasks.tick()
    loop.finish_orders(ranked)
    assert stock(ranked) >= 1
    assert Stage.objects.filter(kind=StageKind.SAMPLE).exists()


def test_a_stopped_round_is_left_to_people(quiet: Project) -> None:
    round = loop.start(quiet)
    rounds.stop(round_id=round.pk, state=State.EXPORTING, kind="no_space", message="No space.")
    tasks.tick()
    assert loop.again(round).state == State.EXPORTING
    assert Stage.objects.filter(round=round).count() == 0


@pytest.mark.parametrize("seed", range(3))
def test_repeated_and_shuffled_messages_end_the_same(quiet: Project, seed: int) -> None:
    round = loop.start(quiet, approve="rule")
    dice = random.Random(seed)
    for _ in range(8):
        for stage in Stage.objects.filter(round=round, state=StageState.WAITING):
            loop.finish(stage)
        stages = list(Stage.objects.filter(round=round).values_list("pk", flat=True))
        bells: list[Callable[[], None]] = [partial(tasks.freeze, round.pk), partial(tasks.deploy, round.pk), tasks.tick]
        bells += [partial(tasks.take_in, pk) for pk in stages]
        for bell in dice.choices(bells, k=12):
            bell()
    tasks.tick()
    after = loop.again(round)
    assert after.state == State.DONE
    assert [stage.kind for stage in after.stages.order_by("pk")] == ["reward", "ppo", "evaluate"]
    assert Deployment.objects.filter(project=quiet).count() == 2
