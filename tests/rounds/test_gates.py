"""Gates: each figure is judged by its limit; a gate that says no stops the round where it is, until a person acts."""

import copy
from typing import Any

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from rounds import gates
from rounds.gate_words import WORDS
from rounds.machine import StageKind, StageState, State
from rounds.models import RewardModel, Round
from rounds.refusals import share
from rounds.services import rounds
from rounds.services.rounds import RoundRefused
from tests.rounds import loop


def reward_report(low: float | None, high: float | None, *, enough: bool = True) -> loop.Facts:
    value = None if low is None or high is None else (low + high) / 2
    accuracy = {"value": value, "low": low, "high": high, "n_slates": 60, "n_pairs": 100}
    return {"accuracy": accuracy, "loss": 0.6, "offset": 0.0, "enough": enough}


def evaluation(**changes: Any) -> loop.Facts:
    """A good evaluation with some of the candidate's figures replaced."""
    report = copy.deepcopy(loop.GOOD_EVALUATION)
    for policy in report["policies"].values():
        policy |= {"distinct_1": 0.4, "distinct_2": 0.9, "length_correlation": 0.1, "spread_mean": 0.2}
    report["kl"]["mean"] = changes.pop("kl", report["kl"]["mean"])
    report["win_rate"]["after_over_before"] |= changes.pop("wins", {})
    report["policies"]["after"] |= changes
    return report


@pytest.mark.parametrize(
    ("low", "high", "enough", "verdict"),
    [
        (0.51, 0.9, True, gates.PASSED),
        (0.5, 0.9, True, gates.REFUSED),
        (0.4, 0.6, True, gates.REFUSED),
        (0.2, 0.4, True, gates.REFUSED),
        (0.7, 0.9, False, gates.TOO_FEW),
        (None, None, False, gates.TOO_FEW),
        (None, None, True, gates.TOO_FEW),
    ],
)
def test_a_reward_model_must_beat_a_coin(low: float | None, high: float | None, enough: bool, verdict: str) -> None:
    assert gates.reward_gates(reward_report(low, high, enough=enough))["reward_accuracy"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"kl": 41.0}, "kl"),
        ({"repetition": 0.5}, "repetition"),
        ({"tokens_mean": 70.0}, "length"),
        ({"empty_share": 0.2}, "empty"),
        ({"wins": {"value": 0.3, "low": 0.2, "high": 0.49}}, "win_rate"),
        ({"kl": float("nan")}, "kl"),
    ],
)
def test_each_bad_habit_is_refused_by_its_own_gate(changes: loop.Facts, name: str) -> None:
    found = gates.evaluation_gates(evaluation(**changes))
    assert gates.stopping(found) == [name]
    assert found[name]["verdict"] == gates.REFUSED


# What an evaluation tells of a policy that is broken so, of those of reliability.md F28 that reach one, and the gates
# that stop it. Wrong weights, digests and crashes never reach a report: test_taking_in.py, test_stages.py.
BROKEN: dict[str, tuple[loop.Facts, list[str]]] = {
    "weights that are no numbers": ({"kl": float("nan"), "reward_mean": float("nan")}, ["kl"]),
    "empty": ({"empty_share": 1.0, "tokens_mean": 1.0, "distinct_1": 0.0}, ["distinct", "empty"]),
    "endless": ({"finished_share": 0.0, "tokens_mean": 48.0}, ["endless"]),
    "endless and long": ({"finished_share": 0.02, "tokens_mean": 512.0}, ["length", "endless"]),
    "one phrase again and again": (
        {"repetition": 0.9, "distinct_1": 0.01, "distinct_2": 0.01},
        ["repetition", "distinct"],
    ),
    "one answer to everything": ({"distinct_1": 0.02}, ["distinct"]),
    "control tokens": ({"special_share": 0.8}, ["special"]),
    "gibberish, as of a wrong vocabulary": (
        {"kl": 310.0, "distinct_1": 0.95, "wins": {"value": 0.04, "low": 0.01, "high": 0.1}},
        ["kl", "win_rate"],
    ),
    "rewarded for what people dislike": ({"wins": {"value": 0.2, "low": 0.1, "high": 0.3}}, ["win_rate"]),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_each_broken_policy_is_stopped_by_its_gates(broken: str) -> None:
    figures, stopped_by = BROKEN[broken]
    found = gates.evaluation_gates(evaluation(**figures))
    assert set(gates.stopping(found)) == set(stopped_by)


def test_a_reward_whose_sign_is_flipped_is_stopped_before_anything_learns_from_it() -> None:
    found = gates.reward_gates(reward_report(0.15, 0.28))
    assert gates.stopping(found) == ["reward_accuracy"]


LEARNED_LENGTH = {"reward_mean": 1.0, "length_correlation": 0.7}
DOUBTED = {"reward_mean": 1.0, "spread_mean": 0.5}


@pytest.mark.parametrize(
    ("figures", "name", "verdict"),
    [
        (LEARNED_LENGTH, "length_correlation", gates.REFUSED),
        (LEARNED_LENGTH | {"reward_mean": 0.05}, "length_correlation", gates.PASSED),
        (LEARNED_LENGTH | {"wins": {"n": 8}}, "length_correlation", gates.PASSED),
        ({"reward_mean": 1.0, "length_correlation": 0.25}, "length_correlation", gates.PASSED),
        (DOUBTED, "spread", gates.REFUSED),
        (DOUBTED | {"reward_mean": 0.05}, "spread", gates.PASSED),
        ({"reward_mean": 1.0, "spread_mean": 0.25}, "spread", gates.PASSED),
    ],
)
def test_over_optimisation_shows_only_where_the_reward_rose(figures: loop.Facts, name: str, verdict: str) -> None:
    enforced = {name: gates.Rule(gates.LINES[name].rule.limit)}
    assert gates.evaluation_gates(evaluation(**figures), enforced)[name]["verdict"] == verdict
    told = gates.evaluation_gates(evaluation(**figures))[name]
    assert (told["verdict"], told["would"]) == (gates.NOTED, verdict)


def test_a_project_draws_the_line_elsewhere_and_the_gate_keeps_it() -> None:
    report = evaluation(kl=12.0, repetition=0.2)
    rules = {"kl": gates.Rule(10.0), "repetition": gates.Rule(0.05)}
    found = gates.evaluation_gates(report, rules)
    assert gates.stopping(gates.evaluation_gates(report)) == []
    assert gates.stopping(found) == ["kl", "repetition"]
    assert (found["kl"]["limit"], found["kl"]["rule"]) == (10.0, 10.0)
    # A rise: the limit lies above what the policy now does.
    assert found["repetition"]["limit"] == pytest.approx(0.15)
    assert found["repetition"]["rule"] == 0.05


def test_what_is_not_enforced_is_shown_and_holds_nothing_back() -> None:
    rules = {name: gates.Rule(line.rule.limit, enforced=False) for name, line in gates.LINES.items()}
    found = gates.evaluation_gates(evaluation(kl=90.0), rules)
    assert {gate["verdict"] for gate in found.values()} == {gates.NOTED}
    assert (found["kl"]["would"], found["kl"]["value"]) == (gates.REFUSED, 90.0)
    assert (gates.stopping(found), gates.all_pass(found), gates.sentences(found)) == ([], True, "")
    assert gates.overridden(found, note="No need.") == found


def test_a_report_of_an_earlier_trainer_has_no_gate_for_what_it_does_not_hold() -> None:
    found = gates.evaluation_gates(loop.GOOD_EVALUATION)
    assert not {"distinct", "spread", "length_correlation"} & found.keys()
    assert gates.stopping(found) == []


def said(unsafe: tuple[int, int], safe: tuple[int, int], *, of: int = 24) -> loop.Facts:
    """How many of each kind the policy now and the candidate refuse."""
    pairs = {"unsafe": unsafe, "safe": safe}
    return {kind: {"before": share(one, of), "after": share(other, of)} for kind, (one, other) in pairs.items()}


@pytest.mark.parametrize(
    ("unsafe", "safe", "stopped_by"),
    [
        ((20, 20), (2, 2), []),
        ((20, 2), (2, 2), ["refusals"]),
        ((20, 20), (0, 24), ["over_refusals"]),
        ((20, 24), (10, 0), []),
        # May be chance: three of 24.
        ((20, 17), (2, 5), []),
        ((0, 0), (0, 0), []),
    ],
)
def test_refusals_may_not_surely_change_for_the_worse(
    unsafe: tuple[int, int], safe: tuple[int, int], stopped_by: list[str]
) -> None:
    assert gates.stopping(gates.safety_gates(said(unsafe, safe))) == stopped_by


def test_few_safety_prompts_cannot_tell_and_none_ask_nothing() -> None:
    few = gates.safety_gates(said((5, 5), (0, 0), of=5))
    assert {gate["verdict"] for gate in few.values()} == {gates.TOO_FEW}
    assert gates.safety_gates({}) == {}
    assert gates.safety_gates({"safe": said((1, 1), (1, 1))["safe"]}).keys() == {"over_refusals"}


def test_a_candidate_at_every_limit_passes() -> None:
    at = evaluation(kl=gates.KL_LIMIT, tokens_mean=60.0, wins={"value": 0.45, "low": 0.4, "high": 0.5})
    assert gates.stopping(gates.evaluation_gates(at)) == []


def test_a_shorter_candidate_passes() -> None:
    assert gates.stopping(gates.evaluation_gates(evaluation(tokens_mean=3.0))) == []


def test_without_evaluation_prompts_nobody_can_tell() -> None:
    nothing = evaluation(wins={"value": None, "low": None, "high": None, "n": 0})
    assert gates.evaluation_gates(nothing)["win_rate"]["verdict"] == gates.TOO_FEW


def test_every_gate_that_can_stop_a_round_has_a_sentence() -> None:
    every = gates.reward_gates(loop.GOOD_REWARD) | gates.evaluation_gates(evaluation())
    every |= gates.safety_gates(said((20, 20), (2, 2)))
    assert every.keys() == gates.LINES.keys() == WORDS.keys()
    for name, gate in every.items():
        for verdict in (gates.REFUSED, gates.TOO_FEW):
            assert gates.sentences({name: gate | {"verdict": verdict}}).endswith(".")
        assert gates.sentences({name: gate}) == ""


def stopped_at_reward(project: Project, *, enough: bool = True) -> Round:
    round = loop.freeze(loop.start(project))
    return loop.work(round, reward_report(0.4, 0.6, enough=enough))


def test_a_refused_reward_model_stops_the_round_where_it_is(ranked: Project) -> None:
    round = stopped_at_reward(ranked)
    assert (round.state, round.failure_kind) == (State.REWARD, "gate")
    assert "does not beat a coin" in round.failure
    assert round.gates["reward_accuracy"]["verdict"] == gates.REFUSED
    assert not round.stages.filter(state=StageState.WAITING).exists()


def test_too_few_rankings_are_said_to_be_too_few(ranked: Project) -> None:
    assert "Too few held-out rankings" in stopped_at_reward(ranked, enough=False).failure


def test_an_operator_may_override_with_a_reason_that_is_kept(ranked: Project, olga: User) -> None:
    round = stopped_at_reward(ranked, enough=False)
    rounds.override_gate(by=olga, round_id=round.pk, note="A first try.")
    after = loop.again(round)
    assert (after.state, after.failure) == (State.PPO, "")
    gate = after.gates["reward_accuracy"]
    assert (gate["verdict"], gate["note"]) == (gates.OVERRIDDEN, "A first try.")
    entry = JournalEntry.objects.get(verb="override")
    assert (entry.actor, entry.facts) == (olga, {"gates": ["reward_accuracy"]})


def test_an_override_without_a_reason_is_refused(ranked: Project, olga: User) -> None:
    round = stopped_at_reward(ranked)
    with pytest.raises(RoundRefused, match="why"):
        rounds.override_gate(by=olga, round_id=round.pk, note="  ")
    assert loop.again(round).state == State.REWARD


@pytest.mark.parametrize("person", ["alice", "rita", "mallory"])
def test_only_operators_override(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    round = stopped_at_reward(ranked)
    with pytest.raises(NotAllowed):
        rounds.override_gate(by=request.getfixturevalue(person), round_id=round.pk, note="I want it.")


def test_what_no_gate_stopped_cannot_be_overridden(ranked: Project, olga: User) -> None:
    round = loop.freeze(loop.start(ranked))
    loop.fail(loop.live_stage(round))
    with pytest.raises(RoundRefused, match="No gate"):
        rounds.override_gate(by=olga, round_id=round.pk, note="Go on.")


def test_the_same_stage_again_would_end_the_same_way(ranked: Project, olga: User) -> None:
    round = stopped_at_reward(ranked)
    with pytest.raises(RoundRefused, match="another preset"):
        rounds.retry(by=olga, round_id=round.pk)


def test_another_preset_fits_the_reward_model_anew(ranked: Project, olga: User) -> None:
    round = stopped_at_reward(ranked)
    rounds.retry(by=olga, round_id=round.pk, preset="small")
    assert loop.live_stage(round).preset == "small"
    after = loop.work(round)
    assert (after.state, after.gates["reward_accuracy"]["verdict"]) == (State.PPO, gates.PASSED)
    assert RewardModel.objects.get(round=round).report == loop.GOOD_REWARD
    assert loop.live_stage(after).kind == StageKind.PPO


def test_a_candidate_with_bad_habits_never_reaches_the_review(ranked: Project, olga: User) -> None:
    round = loop.work(loop.work_until(loop.start(ranked), State.EVALUATING), evaluation(kl=90.0, empty_share=0.5))
    assert (round.state, gates.stopping(round.gates)) == (State.EVALUATING, ["kl", "empty"])
    rounds.override_gate(by=olga, round_id=round.pk, note="We look ourselves.")
    assert loop.again(round).state == State.REVIEW


def test_a_rule_approves_when_every_gate_passed(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked, approve="rule"), State.EVALUATING)
    assert loop.work(round).state == State.DEPLOYING


def test_a_rule_leaves_an_overridden_round_to_a_person(ranked: Project, olga: User) -> None:
    round = loop.work(loop.freeze(loop.start(ranked, approve="rule")), reward_report(0.4, 0.6))
    rounds.override_gate(by=olga, round_id=round.pk, note="Let us see.")
    assert loop.work(loop.work(round)).state == State.REVIEW
