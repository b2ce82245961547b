"""Best of n trains nothing: the reward model chooses among n answers, on trial and after the deployment."""

import pytest

from accounts.models import Project, User
from annotations.models import Completion, Policy, SamplingOrder, Slate
from rounds.child import command
from rounds.machine import State
from rounds.models import Round, Stage
from rounds.queries.deployed import current_deployment
from rounds.services import deployments, rounds, sampling
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop


@pytest.fixture
def chosen(ranked: Project) -> Round:
    """A round of best of 8 whose candidate was deployed; nothing of it is written yet."""
    make.make_slate(ranked, policy=Policy.objects.get())
    return loop.whole_turn(ranked, algorithm="best_of", budget=8)


def test_after_the_reward_model_comes_the_trial(ranked: Project, base: Policy) -> None:
    round = loop.work_until(loop.start(ranked, algorithm="best_of", budget=8), State.EVALUATING)
    stage = loop.live_stage(round)
    assert round.candidate == base
    assert (stage.kind, stage.settings) == ("evaluate", {"after_best_of": 8})
    assert {stage.inputs[role]["digest"] for role in ("before", "after")} == {base.digest}


def test_without_a_budget_it_is_the_best_of_four(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked, algorithm="best_of"), State.EVALUATING)
    assert loop.live_stage(round).settings == {"after_best_of": 4}


def test_what_imitated_demonstrations_is_chosen_among(ranked: Project, alice: User) -> None:
    loop.demonstrate(alice, ranked)
    round = loop.work_until(loop.start(ranked, algorithm="best_of"), State.EVALUATING)
    assert round.sft_policy is not None
    assert round.candidate == round.sft_policy


def test_a_gate_that_was_overridden_leads_to_the_trial_too(ranked: Project, base: Policy, olga: User) -> None:
    round = loop.work_until(loop.start(ranked, algorithm="best_of"), State.REWARD)
    loop.work(round, loop.GOOD_REWARD | {"enough": False})
    rounds.override_gate(by=olga, round_id=round.pk, note="A beginning.")
    after = loop.again(round)
    assert (after.state, after.candidate) == (State.EVALUATING, base)


def test_it_is_deployed_with_the_model_that_chooses_and_no_policy_is_made(chosen: Round, base: Policy) -> None:
    current = current_deployment(chosen.project)
    assert current is not None
    assert (current.policy, current.best_of, current.reward_model) == (base, 8, chosen.reward_model)
    assert Policy.objects.count() == 1


def test_every_order_is_sampled_that_way(chosen: Round) -> None:
    project = chosen.project
    for _ in range(2):
        stage = loop.sample_stage(project)
        words = command(stage, threads=1)
        assert stage.inputs["reward"]["digest"] == chosen.reward_model.digest
        assert [words[words.index(option) + 1] for option in ("--set", "--per-prompt")] == ["best_of=8", "4"]
        assert words[words.index("--reward") + 1].endswith(chosen.reward_model.path)
        loop.finish_orders(project)
        Slate.objects.filter(project=project).update(retired_at="2026-11-22T00:00Z")
        assert sampling.keep_stock(project) is not None


def test_what_the_same_policy_wrote_without_choosing_is_retired(chosen: Round) -> None:
    old = Slate.objects.filter(project=chosen.project, retired_at=None, assignments__state="open")
    before = set(old.values_list("pk", flat=True))
    assert before
    loop.finish_orders(chosen.project)
    assert not old.filter(pk__in=before).exists()
    assert old.exists()


def test_the_second_order_of_a_way_of_sampling_retires_nothing(chosen: Round) -> None:
    project = chosen.project
    loop.finish_orders(project)
    live = Slate.objects.filter(project=project, retired_at=None)
    first = set(live.values_list("pk", flat=True))
    make.make_prompt(project)
    deployment = current_deployment(project)
    assert deployment is not None
    draft = sampling.draft_for(deployment, slates=1)
    assert draft is not None
    sampling.place_order(draft)
    loop.finish_orders(project)
    assert first < set(live.values_list("pk", flat=True))


def test_what_the_same_policy_still_owed_is_not_written(ranked: Project, base: Policy) -> None:
    round = loop.work_until(loop.start(ranked, algorithm="best_of"), State.REVIEW)
    prompts = [make.make_prompt(ranked)]
    sampling.order_completions(project=ranked, policy=base, prompts=prompts, per_prompt=4, preset="tiny", seed=9)
    rounds.approve(by=None, round_id=round.pk)
    loop.deploy(round)
    waiting = Stage.objects.filter(kind="sample", state="waiting")
    assert [stage.settings for stage in waiting] == [{"best_of": 4}]


def test_a_roll_back_returns_to_the_policy_as_it_was_and_sets_aside_what_was_chosen(
    chosen: Round, base: Policy, olga: User
) -> None:
    project = chosen.project
    loop.finish_orders(project)
    by_choice = SamplingOrder.objects.latest("pk")
    deployments.roll_back(by=olga, project=project, reason="It flatters.")
    current = current_deployment(project)
    assert current is not None
    assert (current.policy, current.best_of, current.reward_model) == (base, 1, None)
    assert not Completion.objects.filter(order=by_choice, quarantined_at=None).exists()
    assert not Completion.objects.exclude(order=by_choice).exclude(quarantined_at=None).exists()
    with pytest.raises(RoundRefused, match="No earlier policy"):
        deployments.roll_back(by=olga, project=project, reason="Again.")


def test_a_roll_back_to_one_that_chooses_lets_it_choose_again(chosen: Round, base: Policy, olga: User) -> None:
    project = chosen.project
    loop.finish_orders(project)
    make.make_ranking(make.make_person("bob", project), make.make_slate(project, policy=base))
    loop.whole_turn(project)
    deployments.roll_back(by=olga, project=project, reason="It flatters.")
    current = current_deployment(project)
    assert current is not None
    assert (current.policy, current.best_of, current.reward_model) == (base, 8, chosen.reward_model)


def test_the_next_candidate_must_beat_what_is_chosen_among(chosen: Round) -> None:
    round = loop.work_until(loop.start(chosen.project), State.EVALUATING)
    assert loop.live_stage(round).settings == {"before_best_of": 8}


def test_the_pages_say_that_nothing_was_trained(chosen: Round, olga: User) -> None:
    client = make.client_of(olga)
    page = client.get("/p/turtles/rounds/1/").content.decode()
    assert "best of 8, nothing is trained" in page
    assert "left out" in page
    assert "base, best of 8" in client.get("/p/turtles/rounds/").content.decode()


def test_a_policy_that_was_trained_is_asked_without_a_model_that_chooses(ranked: Project) -> None:
    loop.whole_turn(ranked)
    stage = loop.sample_stage(ranked)
    assert (stage.settings, "--reward" in command(stage, threads=1)) == ({}, False)
