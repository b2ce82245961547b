"""A round learns by the algorithm, from the policy and within the budget that were chosen for it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Completion, Policy
from rounds.child import command
from rounds.machine import StageState, State
from rounds.models import Artifact, Deployment, Round, Schedule, Stage
from rounds.services import deployments, retention, rounds, schedules
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop


def kinds(round: Round) -> list[str]:
    return list(round.stages.order_by("pk").values_list("kind", flat=True))


@pytest.mark.parametrize("algorithm", ["ppo", "rloo", "dpo"])
def test_the_policy_is_improved_by_the_chosen_algorithm(ranked: Project, algorithm: str) -> None:
    round = loop.work_until(loop.start(ranked, algorithm=algorithm), State.REVIEW)
    assert kinds(round) == ["reward", algorithm, "evaluate"]
    assert round.candidate is not None
    assert (round.candidate.name, round.candidate.parent) == (f"r1-{algorithm}", round.init_policy)


def test_dpo_is_given_rankings_and_no_reward_model(ranked: Project, base: Policy) -> None:
    round = loop.work_until(loop.start(ranked, algorithm="dpo"), State.PPO)
    inputs = loop.live_stage(round).inputs
    assert set(inputs) == {"dataset", "init", "reference"}
    assert inputs["init"]["digest"] == inputs["reference"]["digest"] == base.digest


@pytest.mark.parametrize(
    ("algorithm", "budget", "wanted"),
    [
        ("ppo", 7, ["--set", "updates=7"]),
        ("rloo", 7, ["--set", "updates=7"]),
        ("dpo", 3, ["--set", "epochs=3"]),
        ("ppo", None, []),
    ],
)
def test_the_budget_stands_on_the_trainers_command_line(
    ranked: Project, algorithm: str, budget: int | None, wanted: list[str]
) -> None:
    round = loop.work_until(loop.start(ranked, algorithm=algorithm, budget=budget), State.PPO)
    words = command(loop.live_stage(round), threads=1)
    said = words[words.index("--set") : words.index("--set") + 2] if "--set" in words else []
    assert said == wanted
    earlier = Stage.objects.get(kind="reward")
    assert "--set" not in command(earlier, threads=1)


@pytest.mark.parametrize(
    ("algorithm", "budget"),
    [
        ("ppo", 0),
        ("ppo", 1001),
        ("rloo", -1),
        ("dpo", 51),
        ("best_of", 1),
        ("best_of", 65),
        ("ppo", True),
        ("ppo", 2.5),
        ("ppo", "7"),
    ],
)
def test_a_budget_out_of_bounds_opens_no_round(ranked: Project, olga: User, algorithm: str, budget: object) -> None:
    with pytest.raises(RoundRefused, match="whole number from"):
        loop.start(ranked, olga, algorithm=algorithm, budget=budget)
    assert not ranked.rounds.exists()


def test_an_unknown_algorithm_is_refused_by_name(ranked: Project, olga: User) -> None:
    with pytest.raises(RoundRefused, match="genetic"):
        loop.start(ranked, olga, algorithm="genetic")


def test_another_preset_keeps_the_budget(ranked: Project, olga: User) -> None:
    round = loop.work_until(loop.start(ranked, budget=7), State.PPO)
    loop.fail(loop.live_stage(round))
    rounds.retry(by=olga, round_id=round.pk, preset="small")
    assert loop.live_stage(round).settings == {"updates": 7}


def test_what_was_made_with_another_budget_is_not_taken_in(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked, budget=7), State.PPO)
    loop.taking_in.take_in_stage(loop.finish(loop.live_stage(round), config={"updates": 8}).pk)
    after = loop.again(round)
    assert (after.state, after.failure_kind) == (State.PPO, "artifact")
    assert "updates" in after.failure


# Where a round starts from


@pytest.fixture
def other(project: Project, base: Policy) -> Policy:
    """A policy of the project that writes nothing."""
    return loop.install(project, "other")


def begun(policy: Policy) -> dict[str, Any]:
    return {"init": str(policy.public_id)}


def test_a_round_begins_from_the_chosen_policy_and_is_held_against_what_writes(
    ranked: Project, base: Policy, other: Policy
) -> None:
    round = loop.work_until(loop.start(ranked, **begun(other)), State.PPO)
    assert round.init_policy == other
    assert loop.live_stage(round).inputs["init"]["digest"] == other.digest
    inputs = loop.live_stage(loop.work(round)).inputs
    assert inputs["before"]["digest"] == base.digest
    assert inputs["reference"]["digest"] == base.digest


@pytest.mark.parametrize("nonsense", ["", "other", "00000000-0000-4000-8000-000000000000"])
def test_no_round_begins_from_a_policy_that_is_none(ranked: Project, olga: User, nonsense: str) -> None:
    with pytest.raises(RoundRefused, match="no such policy"):
        loop.start(ranked, olga, init=nonsense)


def test_no_round_begins_from_a_policy_of_another_project(ranked: Project, olga: User) -> None:
    newt = make.make_policy(make.make_project("newts"))
    with pytest.raises(RoundRefused, match="no such policy"):
        loop.start(ranked, olga, **begun(newt))


def test_nothing_is_built_upon_what_was_rolled_back(ranked: Project, base: Policy, olga: User) -> None:
    bad = loop.whole_turn(ranked).candidate
    assert bad is not None
    deployments.roll_back(by=olga, project=ranked, reason="It flatters.")
    with pytest.raises(RoundRefused, match="was rolled back"):
        loop.start(ranked, olga, **begun(bad))


def test_nothing_is_built_upon_what_stands_in_quarantine(ranked: Project, other: Policy, olga: User) -> None:
    make.make_slate(ranked, policy=other)
    Completion.objects.filter(policy=other).update(quarantined_at=timezone.now())
    with pytest.raises(RoundRefused, match="in quarantine"):
        loop.start(ranked, olga, **begun(other))


def refused(project: Project) -> Policy:
    """The candidate of a round that was rejected long ago."""
    round = loop.work_until(loop.start(project), State.REVIEW)
    rounds.reject(by=None, round_id=round.pk)
    assert round.candidate is not None
    return round.candidate


def test_nothing_begins_from_weights_that_were_collected(ranked: Project, olga: User) -> None:
    candidate = refused(ranked)
    retention.collect(now=timezone.now() + timedelta(days=8))
    with pytest.raises(RoundRefused, match="were collected"):
        loop.start(ranked, olga, **begun(candidate))


def test_the_weights_that_an_open_round_begins_from_are_not_collected(ranked: Project, olga: User) -> None:
    candidate = refused(ranked)
    loop.start(ranked, olga, **begun(candidate))
    retention.collect(now=timezone.now() + timedelta(days=8))
    assert Artifact.objects.get(digest=candidate.digest).collected_at is None
    assert (settings.STORE / candidate.path / "weights").exists()


# The forms


def start_page(by: User) -> str:
    return make.client_of(by).get("/p/turtles/rounds/").content.decode()


def test_the_start_form_offers_every_algorithm_and_only_policies_that_may_begin(
    ranked: Project, other: Policy, olga: User
) -> None:
    bad = loop.whole_turn(ranked).candidate
    deployments.roll_back(by=olga, project=ranked, reason="It flatters.")
    page = start_page(olga)
    assert all(f'value="{name}"' in page for name in ("ppo", "rloo", "dpo", "best_of"))
    assert str(other.public_id) in page
    assert bad is not None
    assert str(bad.public_id) not in page


def posted(by: User, **filled: object) -> Any:
    given = {"preset": "tiny", "seed": "", "sft": "auto", "approve": "person", **filled}
    return make.client_of(by).post("/p/turtles/rounds/start/", given)


def test_what_was_filled_in_is_what_the_round_keeps(ranked: Project, other: Policy, olga: User) -> None:
    posted(olga, algorithm="dpo", budget="3", init=str(other.public_id), seed="9")
    round = Round.objects.get()
    chosen = {name: round.choices[name] for name in ("algorithm", "budget", "init", "seed", "sft")}
    assert chosen == {"algorithm": "dpo", "budget": 3, "init": str(other.public_id), "seed": 9, "sft": None}
    page = make.client_of(olga).get("/p/turtles/rounds/1/").content.decode()
    assert "DPO, 3 readings" in page


def test_a_budget_that_the_algorithm_cannot_have_is_said_beside_the_field(ranked: Project, olga: User) -> None:
    answer = posted(olga, algorithm="dpo", budget="400")
    assert answer.status_code == 400
    assert "from 1 to 50" in answer.content.decode()
    assert not Round.objects.exists()


def test_a_start_that_is_refused_says_why(ranked: Project, olga: User) -> None:
    gone = make.client_of(olga)
    filled = {"preset": "tiny", "sft": "auto", "approve": "person", "init": "00000000-0000-4000-8000-000000000000"}
    answer = gone.post("/p/turtles/rounds/start/", filled, follow=True)
    assert "no such policy" in answer.content.decode()


def test_a_schedule_keeps_the_same_choices(ranked: Project, other: Policy, olga: User) -> None:
    client = make.client_of(olga)
    page = client.get("/p/turtles/rounds/schedule/")
    filled = {"seen": page.context["form"]["seen"].value(), "enabled": "on", "every_rankings": "1", "preset": "tiny"}
    filled |= {"sft": "no", "approve": "rule", "algorithm": "best_of", "budget": "8", "init": str(other.public_id)}
    client.post("/p/turtles/rounds/schedule/", filled)
    wanted = {"algorithm": "best_of", "budget": 8, "init": str(other.public_id), "sft": False, "approve": "rule"}
    assert {name: Schedule.objects.get().choices[name] for name in wanted} == wanted
    [opened] = schedules.open_due_rounds(now=timezone.now())
    assert (opened.init_policy, opened.choices["budget"]) == (other, 8)
    shown = client.get("/p/turtles/rounds/schedule/").context["form"]
    assert [shown[name].value() for name in ("algorithm", "budget", "sft")] == ["best_of", 8, "no"]


def test_a_round_of_before_there_was_a_choice_is_ppo(ranked: Project) -> None:
    round = loop.freeze(loop.start(ranked))
    old = {name: round.choices[name] for name in ("preset", "seed", "sft", "approve")}
    Round.objects.filter(pk=round.pk).update(choices=old)
    after = loop.work_until(round, State.REVIEW)
    assert kinds(after) == ["reward", "ppo", "evaluate"]
    assert Stage.objects.get(kind="evaluate").inputs["before"]["digest"] == after.init_policy.digest


def test_a_stage_that_failed_is_the_only_one_that_is_done_again(ranked: Project, olga: User) -> None:
    round = loop.work_until(loop.start(ranked), State.EVALUATING)
    made = list(Artifact.objects.filter(stage__round=round).values_list("digest", flat=True))
    loop.fail(loop.live_stage(round))
    rounds.retry(by=olga, round_id=round.pk)
    assert (loop.live_stage(round).kind, loop.again(round).snapshot) == ("evaluate", round.snapshot)
    done = loop.work(round)
    assert done.state == State.REVIEW
    after = list(Artifact.objects.filter(stage__round=round).order_by("pk").values_list("digest", flat=True))
    assert (after[: len(made)], len(after)) == (made, len(made) + 1)
    assert not done.stages.filter(state=StageState.CANCELLED).exists()
    assert Deployment.objects.count() == 1
