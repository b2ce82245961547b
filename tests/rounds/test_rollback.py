"""Rolling back: the policy before writes again, and nobody is lent what the bad one wrote."""

from pathlib import Path

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Completion, Policy, SamplingOrder
from annotations.services.work import lend_work
from rounds.machine import StageState, State
from rounds.models import Deployment, Round, Stage
from rounds.queries.deployed import current_deployment
from rounds.services import deployments, rounds
from rounds.services.rounds import RoundRefused
from tests.rounds import loop


def roll_back(project: Project, by: User | None = None) -> Deployment:
    return deployments.roll_back(by=by, project=project, reason="It repeats itself.")


def bad_round(project: Project) -> Round:
    """A deployed round whose policy has written its completions."""
    round = loop.whole_turn(project)
    loop.finish_orders(project)
    return round


def test_the_policy_before_writes_again(ranked: Project, base: Policy, olga: User) -> None:
    bad = bad_round(ranked)
    roll_back(ranked, olga)
    current = current_deployment(ranked)
    assert current is not None
    assert current.policy == base
    taken_back = Deployment.objects.get(policy=bad.candidate)
    assert (taken_back.rolled_back, taken_back.retired_reason) == (True, "It repeats itself.")
    assert JournalEntry.objects.get(verb="roll_back").actor == olga


def test_nobody_is_lent_what_the_bad_policy_wrote(ranked: Project, bob: User) -> None:
    bad = bad_round(ranked)
    assert lend_work(to=bob, project=ranked, kind="rank") is not None
    roll_back(ranked)
    assert not Completion.objects.filter(policy=bad.candidate, quarantined_at=None).exists()


def test_what_the_bad_policy_still_owed_is_cancelled(ranked: Project) -> None:
    bad = loop.whole_turn(ranked)
    roll_back(ranked)
    stage = Stage.objects.get(sampling_order__policy=bad.candidate)
    assert stage.state == StageState.CANCELLED


def test_where_nothing_is_left_to_rank_the_good_policy_is_asked_again(ranked: Project, base: Policy) -> None:
    bad_round(ranked)
    roll_back(ranked)
    order = SamplingOrder.objects.latest("pk")
    assert order.policy == base
    seeds = SamplingOrder.objects.filter(policy=base).values_list("seed", flat=True)
    assert len(set(seeds)) == len(seeds)


def test_a_policy_that_was_taken_back_is_never_gone_back_to(ranked: Project, base: Policy, alice: User) -> None:
    bad_round(ranked)
    roll_back(ranked)
    second = bad_round(ranked)
    assert second.init_policy == base
    assert roll_back(ranked).policy == base


def test_with_nothing_before_it_a_roll_back_is_refused_and_people_go_on(ranked: Project, base: Policy) -> None:
    with pytest.raises(RoundRefused, match="No earlier policy"):
        roll_back(ranked)
    current = current_deployment(ranked)
    assert current is not None
    assert current.policy == base


def test_the_next_round_builds_on_nothing_of_the_bad_one(ranked: Project, base: Policy, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    bad_round(ranked)
    roll_back(ranked)
    round = loop.start(ranked)
    assert (round.init_policy, round.reference_policy) == (base, base)
    assert loop.freeze(round).state == State.SFT


def test_a_rule_does_not_approve_what_came_from_a_policy_taken_back(ranked: Project) -> None:
    bad_round(ranked)
    round = loop.work_until(loop.start(ranked, approve="rule"), State.EVALUATING)
    roll_back(ranked)
    assert loop.work(round).state == State.REVIEW


@pytest.mark.parametrize("person", ["alice", "rita", "mallory"])
def test_only_operators_roll_back(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    loop.whole_turn(ranked)
    with pytest.raises(NotAllowed):
        roll_back(ranked, request.getfixturevalue(person))


def test_a_roll_back_leaves_the_open_round_to_its_operator(ranked: Project, store: Path) -> None:
    bad_round(ranked)
    round = loop.freeze(loop.start(ranked))
    roll_back(ranked)
    assert loop.again(round).state == State.REWARD
    rounds.cancel(by=None, round_id=round.pk)
    assert loop.again(round).state == State.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_two_roll_backs_at_once_take_one_policy_back(ranked: Project, base: Policy) -> None:
    loop.whole_turn(ranked)
    loop.at_once(lambda: roll_back(ranked), times=4)
    current = Deployment.objects.get(project=ranked, retired_at=None)
    assert current.policy == base
    assert Deployment.objects.filter(rolled_back=True).count() == 1
