"""A canary answers its share of the prompts beside the current policy, until a person promotes or withdraws it."""

import uuid
from collections.abc import Callable

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Completion, Policy, Slate
from annotations.services.work import lend_work
from rounds.machine import StageKind, StageState, State
from rounds.models import Deployment, Stage
from rounds.queries.deployed import canary_deployment, kept_rounds
from rounds.services import canary, deployments, rounds, sampling, taking_in
from rounds.services.rounds import RoundRefused
from rounds.shares import falls_to_canary
from tests import make
from tests.rounds import loop
from tests.rounds.deployed import names, tried, written


@pytest.fixture
def asked(ranked: Project) -> Project:
    """A ranked project with forty prompts more."""
    for _ in range(40):
        make.make_prompt(ranked)
    Project.objects.filter(pk=ranked.pk).update(stock_target=20)
    ranked.refresh_from_db()
    return ranked


def orders_since(project: Project, count: int) -> dict[str, int]:
    """How many prompts each policy was asked in the orders after the first `count`."""
    orders = list(project.sampling_orders.order_by("pk").select_related("policy"))[count:]
    return {order.policy.name: order.prompts.count() for order in orders}


def test_the_current_policy_stays_and_the_round_is_done(ranked: Project, base: Policy) -> None:
    round = tried(ranked, 30)
    assert round.state == State.DONE
    assert names(ranked) == ("base", "r1-ppo")
    out = canary_deployment(ranked)
    assert out is not None
    assert (out.share, out.round, out.preset) == (30, round, "tiny")
    entry = JournalEntry.objects.get(verb="try")
    assert (entry.subject, entry.facts["share"]) == ("deployment", 30)


@pytest.mark.parametrize("share", [0, 101])
def test_a_share_is_one_to_a_hundred(ranked: Project, share: int) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    with pytest.raises(RoundRefused, match="1 to 99"):
        rounds.approve(by=None, round_id=round.pk, share=share)
    assert loop.again(round).state == State.REVIEW


def test_the_share_is_right_in_the_long_run_for_small_orders_too() -> None:
    prompts = [uuid.UUID(int=n) for n in range(3)]
    for share in (1, 10, 50, 99):
        taken = [falls_to_canary(prompt, order=order, share=share) for order in range(2000) for prompt in prompts]
        assert sum(taken) / len(taken) == pytest.approx(share / 100, abs=0.02)


def test_no_prompt_is_the_canarys_for_ever() -> None:
    prompt = uuid.UUID(int=1)
    assert {falls_to_canary(prompt, order=order, share=50) for order in range(20)} == {True, False}


def test_it_is_asked_its_share_at_once(asked: Project) -> None:
    before = asked.sampling_orders.count()
    tried(asked, 50)
    counts = orders_since(asked, before)
    assert counts.keys() == {"r1-ppo"}
    assert 1 <= counts["r1-ppo"] <= 19


def test_each_order_is_split_between_the_two(asked: Project) -> None:
    tried(asked, 40)
    loop.finish_orders(asked)
    asked.assignments.filter(state="open").update(state="closed", slot=None)
    before = asked.sampling_orders.count()
    assert sampling.keep_stock(asked) is not None
    counts = orders_since(asked, before)
    assert counts.keys() == {"base", "r1-ppo"}
    assert sum(counts.values()) == 20
    assert 1 <= counts["r1-ppo"] <= 19
    both = list(asked.sampling_orders.order_by("-pk")[:2])
    assert not set(both[0].prompts.all()) & set(both[1].prompts.all())
    assert both[0].seed != both[1].seed


def test_while_one_of_the_two_orders_stands_nothing_more_is_ordered(asked: Project) -> None:
    tried(asked, 40)
    count = asked.sampling_orders.count()
    assert sampling.keep_stock(asked) is None
    loop.finish_orders(asked)
    asked.assignments.filter(state="open").update(state="closed", slot=None)
    sampling.keep_stock(asked)
    first = loop.Stage.objects.filter(project=asked, state=StageState.WAITING).earliest("pk")
    loop.write_shard(first, 0)
    taking_in.take_in_stage(loop.finish_sampling(first).pk)
    assert sampling.keep_stock(asked) is None
    assert asked.sampling_orders.count() == count + 2


def test_without_a_stock_each_new_prompt_is_answered_once_by_one_of_the_two(asked: Project) -> None:
    Project.objects.filter(pk=asked.pk).update(stock_target=0)
    asked.refresh_from_db()
    sampling.keep_stock(asked)
    loop.finish_orders(asked)
    tried(asked, 50)
    loop.finish_orders(asked)
    new = {make.make_prompt(asked).pk for _ in range(30)}
    before = asked.sampling_orders.count()
    sampling.keep_stock(asked)
    orders = list(asked.sampling_orders.order_by("pk"))[before:]
    assert {order.policy.name for order in orders} == {"base", "r1-ppo"}
    given = [pk for order in orders for pk in order.prompts.values_list("pk", flat=True)]
    assert sorted(given) == sorted(new)
    loop.finish_orders(asked)
    assert sampling.keep_stock(asked) is None


def test_older_slates_stay_while_it_is_tried(asked: Project, base: Policy) -> None:
    old = make.make_slate(asked, policy=base)
    written(asked)
    old.refresh_from_db()
    assert old.retired_at is None


def test_a_labelers_page_does_not_tell_whose_answers_they_are(asked: Project, bob: User) -> None:
    round = written(asked)
    page = make.client_of(bob).get("/p/turtles/rank/").content.decode()
    assert round.candidate is not None
    held = bob.assignments.get(state="lent")
    assert held.slate is not None
    assert held.slate.order.policy == round.candidate
    for word in ("canary", "Canary", round.candidate.name, str(round.candidate.public_id)):
        assert word not in page


def test_promoted_it_is_the_one_that_writes_and_older_slates_go_when_it_has_written(
    asked: Project, base: Policy, olga: User
) -> None:
    old = make.make_slate(asked, policy=base)
    round = written(asked, 60)
    mine = set(Slate.objects.filter(order__policy=round.candidate).values_list("pk", flat=True))
    canary.promote(by=olga, project=asked)
    assert names(asked) == ("r1-ppo", None)
    ends = dict(Deployment.objects.exclude(retired_at=None).values_list("policy__name", "retired_reason"))
    assert ends == {"base": "replaced", "r1-ppo": "promoted"}
    assert JournalEntry.objects.filter(verb="deploy", actor=olga).exists()
    old.refresh_from_db()
    assert old.retired_at is None
    loop.finish_orders(asked)
    old.refresh_from_db()
    assert old.retired_at is not None
    assert not Slate.objects.filter(pk__in=mine, retired_at__isnull=False).exists()


def test_promoting_ends_what_the_old_policy_still_owed(asked: Project) -> None:
    tried(asked, 40)
    loop.finish_orders(asked)
    asked.assignments.filter(state="open").update(state="closed", slot=None)
    sampling.keep_stock(asked)
    canary.promote(by=None, project=asked)
    states = Stage.objects.filter(sampling_order__policy__name="base").values_list("state", flat=True)
    assert StageState.WAITING not in set(states)
    assert Stage.objects.filter(sampling_order__policy__name="r1-ppo", state=StageState.WAITING).exists()


def test_withdrawn_nothing_of_it_is_ever_lent(asked: Project, base: Policy, alice: User, bob: User) -> None:
    round = written(asked)
    assert lend_work(to=bob, project=asked, kind="rank") is not None
    canary.withdraw(by=None, project=asked, reason="It flatters.")
    assert names(asked) == ("base", None)
    assert not Completion.objects.filter(policy=round.candidate, quarantined_at=None).exists()
    for person in (alice, bob):
        held = lend_work(to=person, project=asked, kind="rank")
        assert held is None or (held.slate is not None and held.slate.order.policy == base)
    ended = Deployment.objects.get(policy=round.candidate)
    assert (ended.rolled_back, ended.retired_reason) == (True, "It flatters.")


def test_what_it_still_owed_is_cancelled(asked: Project) -> None:
    round = tried(asked, 50)
    canary.withdraw(by=None, project=asked)
    assert Stage.objects.get(sampling_order__policy=round.candidate).state == StageState.CANCELLED


def test_without_a_canary_there_is_nothing_to_promote_or_withdraw(ranked: Project) -> None:
    for verb in (canary.promote, canary.withdraw):
        with pytest.raises(RoundRefused, match="No canary is out"):
            verb(by=None, project=ranked)


def test_no_round_begins_while_it_is_out(ranked: Project, olga: User) -> None:
    tried(ranked)
    with pytest.raises(RoundRefused, match="A canary is out"):
        loop.start(ranked)
    assert "A canary is out" in rounds.why_not_now(ranked, {"preset": "tiny"})


def test_after_its_promotion_the_next_round_builds_on_it(ranked: Project) -> None:
    done = tried(ranked)
    canary.promote(by=None, project=ranked)
    assert loop.start(ranked).init_policy == done.candidate


def test_after_its_withdrawal_the_next_round_builds_on_nothing_of_it(ranked: Project, base: Policy, bob: User) -> None:
    loop.demonstrate(bob, ranked)
    done = tried(ranked)
    assert done.sft_policy is not None
    assert not kept_rounds(ranked).exists(), "what is only tried is not built upon"
    canary.withdraw(by=None, project=ranked)
    round = loop.start(ranked)
    assert (round.init_policy, round.reference_policy) == (base, base)
    assert loop.freeze(round).state == State.SFT


def test_a_roll_back_of_what_it_was_made_from_withdraws_it(ranked: Project) -> None:
    loop.whole_turn(ranked)
    loop.finish_orders(ranked)
    tried(ranked)
    deployments.roll_back(by=None, project=ranked, reason="It repeats itself.")
    assert names(ranked) == ("base", None)
    assert Deployment.objects.filter(rolled_back=True).count() == 2


def test_a_promoted_canary_can_be_rolled_back_to_what_was_before(ranked: Project) -> None:
    round = written(ranked)
    canary.promote(by=None, project=ranked)
    deployments.roll_back(by=None, project=ranked)
    assert names(ranked) == ("base", None)
    assert not Completion.objects.filter(policy=round.candidate, quarantined_at=None).exists()


def test_a_canary_whose_files_changed_is_not_promoted(ranked: Project, settings: object) -> None:
    round = tried(ranked)
    assert round.candidate is not None
    (settings.STORE / round.candidate.path / "weights").write_bytes(b"flipped")  # type: ignore[attr-defined]
    with pytest.raises(RoundRefused, match="not what was reviewed"):
        canary.promote(by=None, project=ranked)
    assert names(ranked) == ("base", "r1-ppo")


@pytest.mark.parametrize("person", ["alice", "rita", "erik", "mallory"])
def test_only_operators_promote_and_withdraw(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    tried(ranked)
    for verb in (canary.promote, canary.withdraw):
        with pytest.raises(NotAllowed):
            verb(by=request.getfixturevalue(person), project=ranked)


@pytest.mark.django_db(transaction=True)
def test_promoting_and_withdrawing_at_once_leave_one_truth(ranked: Project) -> None:
    written(ranked)
    acts: list[Callable[[], object]] = [
        lambda: canary.promote(by=None, project=ranked),
        lambda: canary.withdraw(by=None, project=ranked),
    ]
    loop.at_once(lambda: acts.pop()(), times=2)
    assert names(ranked) in [("r1-ppo", None), ("base", None)]
    back = Deployment.objects.filter(policy__name="r1-ppo", rolled_back=True).exists()
    assert back == (names(ranked) == ("base", None))


@pytest.mark.django_db(transaction=True)
def test_an_order_is_never_left_to_a_policy_that_was_taken_back_meanwhile(asked: Project) -> None:
    written(asked)
    asked.assignments.filter(state="open").update(state="closed", slot=None)
    acts: list[Callable[[], object]] = [
        lambda: sampling.keep_stock(asked),
        lambda: canary.withdraw(by=None, project=asked),
        lambda: sampling.keep_stock(asked),
    ]
    loop.at_once(lambda: acts.pop()(), times=3)
    left = Stage.objects.filter(kind=StageKind.SAMPLE, state=StageState.WAITING)
    assert set(left.values_list("sampling_order__policy__name", flat=True)) <= {"base"}
