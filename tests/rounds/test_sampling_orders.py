"""Sampling orders: placed whole, delivered in shards that people see as they appear, and kept ahead of the labelers."""

from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Completion, Policy, Prompt, SamplingOrder, Slate
from annotations.queries.waiting import stock
from rounds import store as places
from rounds.machine import StageKind, StageState
from rounds.models import Artifact, Deployment, Stage
from rounds.services import sampling, taking_in
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop
from trainer import manifest


@pytest.fixture
def ordered(project: Project, base: Policy) -> SamplingOrder:
    """An order of two prompts, waiting for a supervisor."""
    prompts = [make.make_prompt(project), make.make_prompt(project)]
    return sampling.order_completions(
        project=project, policy=base, prompts=prompts, per_prompt=3, preset="tiny", seed=5
    )


def stage_of(order: SamplingOrder) -> Stage:
    return Stage.objects.get(sampling_order=order)


def half(order: SamplingOrder, which: int) -> list[loop.Facts]:
    """The rows of one of the order's two prompts."""
    prompt = str(order.prompts.order_by("pk")[which].public_id)
    return [row for row in make.shard_rows(order) if row["prompt"] == prompt]


def test_an_order_is_a_stage_whose_prompts_lie_in_the_store(ordered: SamplingOrder, base: Policy) -> None:
    stage = stage_of(ordered)
    prompts = stage.inputs["prompts"]
    assert (stage.kind, stage.seed, stage.state) == (StageKind.SAMPLE, 5, StageState.WAITING)
    assert stage.inputs["policy"] == {"path": base.path, "digest": base.digest}
    assert manifest.file_digest(places.full_path(prompts["path"])) == prompts["digest"]
    rows = list(places.read_rows(prompts["path"]))
    assert [row["id"] for row in rows] == [str(prompt.public_id) for prompt in ordered.prompts.order_by("pk")]
    assert rows[0].keys() == {"id", "split", "messages"}


def test_a_shard_is_on_the_table_before_its_order_is_done(ordered: SamplingOrder, project: Project) -> None:
    loop.write_shard(stage_of(ordered), 0, half(ordered, 0))
    taking_in.take_in_shards(stage_of(ordered).pk)
    assert (Completion.objects.count(), Slate.objects.count(), stock(project)) == (3, 1, 1)
    assert stage_of(ordered).state == StageState.WAITING


def test_a_shard_is_taken_in_once(ordered: SamplingOrder) -> None:
    loop.write_shard(stage_of(ordered), 0, half(ordered, 0))
    for _ in range(2):
        taking_in.take_in_shards(stage_of(ordered).pk)
    assert (Completion.objects.count(), Artifact.objects.count()) == (3, 1)


def test_shards_are_taken_in_whatever_their_order(ordered: SamplingOrder) -> None:
    for number in (1, 0):
        loop.write_shard(stage_of(ordered), number, half(ordered, number))
        taking_in.take_in_shards(stage_of(ordered).pk)
    assert (Completion.objects.count(), Slate.objects.count()) == (6, 2)


def test_a_finished_order_takes_in_what_is_missing_and_ends(ordered: SamplingOrder) -> None:
    for number in (0, 1):
        loop.write_shard(stage_of(ordered), number, half(ordered, number))
    stage = loop.finish_sampling(stage_of(ordered))
    taking_in.take_in_stage(stage.pk)
    taking_in.take_in_stage(stage.pk)
    ordered.refresh_from_db()
    assert ordered.finished_at is not None
    assert (stage_of(ordered).state, Completion.objects.count()) == (StageState.TAKEN_IN, 6)
    assert Artifact.objects.filter(stage=stage).count() == 3


def test_a_shard_half_written_is_not_seen(ordered: SamplingOrder) -> None:
    place = loop.write_shard(stage_of(ordered), 0)
    place.rename(manifest.partial(place))
    taking_in.take_in_shards(stage_of(ordered).pk)
    assert not Completion.objects.exists()


def test_a_damaged_shard_stops_the_order_and_nothing_of_it_is_lent(ordered: SamplingOrder) -> None:
    place = loop.write_shard(stage_of(ordered), 0)
    (place / "completions.jsonl").write_text("{}\n")
    taking_in.take_in_shards(stage_of(ordered).pk)
    stage = stage_of(ordered)
    assert (stage.state, stage.failure_kind) == (StageState.FAILED, "artifact")
    assert "completions.jsonl" in stage.failure
    assert not Completion.objects.exists()


def test_completions_that_nobody_ordered_stop_the_order(ordered: SamplingOrder, project: Project) -> None:
    other = make.make_order(project)
    loop.write_shard(stage_of(ordered), 0, make.shard_rows(other))
    taking_in.take_in_shards(stage_of(ordered).pk)
    assert stage_of(ordered).state == StageState.FAILED
    assert not Completion.objects.exists()


def test_shards_that_the_end_does_not_name_stop_the_order(ordered: SamplingOrder) -> None:
    loop.write_shard(stage_of(ordered), 0, half(ordered, 0))
    stage = loop.finish_sampling(stage_of(ordered))
    loop.write_shard(stage, 1, half(ordered, 1))
    taking_in.take_in_stage(stage.pk)
    assert "shards.json" in stage_of(ordered).failure


def test_a_failed_order_is_tried_again_or_ended_by_an_operator(ordered: SamplingOrder, olga: User, alice: User) -> None:
    loop.fail(stage_of(ordered))
    for act in (sampling.retry_order, sampling.cancel_order):
        with pytest.raises(NotAllowed):
            act(by=alice, order=ordered)
    sampling.retry_order(by=olga, order=ordered)
    assert stage_of(ordered).state == StageState.WAITING
    with pytest.raises(RoundRefused, match="has not failed"):
        sampling.retry_order(by=olga, order=ordered)
    sampling.cancel_order(by=olga, order=ordered)
    with pytest.raises(RoundRefused, match="has ended"):
        sampling.cancel_order(by=olga, order=ordered)


def stocked(project: Project, base: Policy, *, prompts: int, target: int) -> Project:
    for _ in range(prompts):
        make.make_prompt(project)
    Project.objects.filter(pk=project.pk).update(stock_target=target)
    project.refresh_from_db()
    return project


def test_a_low_stock_is_filled_up(project: Project, base: Policy) -> None:
    order = sampling.keep_stock(stocked(project, base, prompts=6, target=4))
    assert order is not None
    assert (order.policy, order.prompts.count(), order.preset) == (base, 4, "tiny")


def test_one_order_stands_at_a_time(project: Project, base: Policy) -> None:
    stocked(project, base, prompts=6, target=4)
    sampling.keep_stock(project)
    assert sampling.keep_stock(project) is None


def test_a_full_stock_is_left_alone(project: Project, base: Policy) -> None:
    stocked(project, base, prompts=6, target=4)
    sampling.keep_stock(project)
    loop.finish_orders(project)
    assert stock(project) == 4
    assert sampling.keep_stock(project) is None


def test_what_this_policy_has_not_answered_comes_first(project: Project, base: Policy) -> None:
    stocked(project, base, prompts=6, target=4)
    first = sampling.keep_stock(project)
    loop.finish_orders(project)
    Assignment.objects.update(state="closed", slot=None)
    second = sampling.keep_stock(project)
    assert first is not None
    assert second is not None
    untouched = Prompt.objects.exclude(pk__in=first.prompts.values("pk"))
    assert set(untouched) < set(second.prompts.all())
    assert first.seed != second.seed


def test_more_of_the_same_policy_retires_nothing(project: Project, base: Policy) -> None:
    stocked(project, base, prompts=2, target=2)
    sampling.keep_stock(project)
    loop.finish_orders(project)
    Project.objects.update(stock_target=4)
    project.refresh_from_db()
    sampling.keep_stock(project)
    loop.finish_orders(project)
    assert not Slate.objects.filter(retired_at__isnull=False).exists()
    assert stock(project) == 4


def test_a_project_that_keeps_no_stock_has_each_policy_answer_every_prompt_once(project: Project, base: Policy) -> None:
    order = sampling.keep_stock(stocked(project, base, prompts=2, target=0))
    assert order is not None
    assert order.prompts.count() == 2
    loop.finish_orders(project)
    Assignment.objects.update(state="closed", slot=None)
    assert sampling.keep_stock(project) is None


def test_without_a_policy_or_without_prompts_nothing_is_ordered(project: Project, store: Path) -> None:
    make.make_prompt(project)
    assert sampling.keep_stock(project) is None
    Deployment.objects.create(project=project, policy=make.make_policy(project), preset="tiny")
    Prompt.objects.update(retired_at="2026-11-22T00:00Z")
    assert sampling.keep_stock(project) is None


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_place_one_order(project: Project, base: Policy) -> None:
    stocked(project, base, prompts=6, target=4)
    loop.at_once(lambda: sampling.keep_stock(project), times=6)
    assert SamplingOrder.objects.count() == 1
    assert len(list((Path(settings.STORE) / "orders").iterdir())) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_take_a_shard_in_once(ordered: SamplingOrder) -> None:
    loop.write_shard(stage_of(ordered), 0)
    ends = loop.at_once(lambda: taking_in.take_in_shards(stage_of(ordered).pk), times=6)
    assert ends == [None] * 6
    assert (Completion.objects.count(), Slate.objects.count(), Artifact.objects.count()) == (6, 2, 1)
    assert stage_of(ordered).state == StageState.WAITING
