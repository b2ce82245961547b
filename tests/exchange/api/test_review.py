"""The review through the API: what decides, blind votes, refusals, gates; and who may decide."""

from typing import Any

import pytest

from accounts.models import Project, User
from annotations.models import Prompt
from rounds.machine import State
from rounds.models import GateRule, RewardModel, Round, SafetyPrompt
from rounds.services.votes import reveal
from tests.exchange.api.calls import Caller, problem, said
from tests.rounds import loop, reports, signs
from tests.rounds.balloting import ALIKE, ONE, OTHER, four_prompts, under_review, vote

ROUND = "/projects/turtles/rounds/1"
GATES = "/projects/turtles/gates"
SAFETY = "/projects/turtles/safety-prompts"
LOSING = loop.GOOD_EVALUATION | {"win_rate": {"after_over_before": {"value": 0.4, "low": 0.3, "high": 0.49, "n": 80}}}


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return four_prompts(ranked)


@pytest.fixture
def reviewed(ranked: Project, prompts: list[Prompt]) -> Round:
    """Three questions to vote on, and a fourth that both answered alike."""
    return under_review(ranked, prompts)


@pytest.fixture
def reviewer(rita: User) -> Caller:
    return Caller(rita, "read", "review")


def test_a_review_has_all_that_decides(reviewed: Round, reviewer: Caller) -> None:
    told = said(reviewer.get(f"{ROUND}/review"))
    assert (told["decides"], told["needs_reason"], told["candidate"], told["rival"]) == (True, False, "r1-ppo", "base")
    gates = {gate["name"]: (gate["verdict"], gate["value"]) for gate in told["gates"]}
    assert gates["win_rate"] == ("passed", 0.75)
    assert told["evaluation"]["kl"] == {"mean": 4.0, "se": 0.5}
    spots = {(spot["kind"], spot["kl"]): spot["reward"] for spot in told["frontier"]}
    assert spots["after", 4.0] == 0.4063
    assert (told["votes"], told["alarms"]) == (None, [])


def test_an_alarm_of_the_evaluation_is_told(ranked: Project, prompts: list[Prompt], reviewer: Caller) -> None:
    evaluating = loop.work_until(loop.start(ranked), State.EVALUATING)
    signs.evaluate(evaluating, prompts, reports.evaluation(alarms=[reports.DOUBT]))
    assert said(reviewer.get(f"{ROUND}/review"))["alarms"] == [reports.DOUBT]


def test_the_reward_models_report_is_as_it_was_measured(reviewed: Round, reviewer: Caller) -> None:
    RewardModel.objects.update(report=reports.reward())
    told = said(reviewer.get(f"{ROUND}/reward-model"))
    assert told["report"]["accuracy"]["n_slates"] == 110
    assert told["digest"] == RewardModel.objects.get().digest


def test_answers_are_kept_back_until_their_blind_vote(
    reviewed: Round, prompts: list[Prompt], reviewer: Caller, rita: User
) -> None:
    told = said(reviewer.get(f"{ROUND}/answers"))
    assert ([each["prompt"] for each in told["items"]], told["waiting"]) == ([str(prompts[-1].public_id)], 3)
    vote(reviewed, prompts[0], rita, "after")
    shown = said(reviewer.get(f"{ROUND}/answers"))
    assert [(each["number"], each["chosen"]) for each in shown["items"]] == [(1, "after"), (4, "")]
    assert said(reviewer.get(f"{ROUND}/review"))["votes"]["value"] == 1.0


def test_who_has_the_names_shown_sees_whose_each_answer_is(reviewed: Round, reviewer: Caller, rita: User) -> None:
    reveal(by=rita, round_id=reviewed.pk)
    told = said(reviewer.get(f"{ROUND}/answers"))
    texts = {answer["version"]: answer["text"] for answer in told["items"][0]["answers"]}
    assert (told["waiting"], texts) == (0, {"before": ONE, "sft": ALIKE, "after": OTHER})


def test_a_reviewer_approves_with_a_share(reviewed: Round, reviewer: Caller) -> None:
    told = said(reviewer.post(f"{ROUND}/approve", {"note": "Reads well.", "share": 25}))
    assert (told["state"], told["choices"]["note"], told["choices"]["share"]) == ("deploying", "Reads well.", 25)
    assert problem(reviewer.post(f"{ROUND}/approve", {}))[0] == 409


def test_where_a_gate_did_not_pass_an_approval_says_why(
    ranked: Project, prompts: list[Prompt], reviewer: Caller, olga: User
) -> None:
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), prompts, LOSING)
    assert problem(reviewer.post(f"{ROUND}/override", {"note": "The prompts were odd."})) == (403, "wrong-scope")
    Caller(olga).post(f"{ROUND}/override", {"note": "The prompts were odd."})
    assert said(reviewer.get(f"{ROUND}/review"))["needs_reason"] is True
    assert problem(reviewer.post(f"{ROUND}/approve", {"note": " "})) == (409, "refused")
    assert said(reviewer.post(f"{ROUND}/approve", {"note": "Still better."}))["state"] == "deploying"


def test_a_reviewer_rejects(reviewed: Round, reviewer: Caller) -> None:
    assert said(reviewer.post(f"{ROUND}/reject", {"note": "It flatters."}))["state"] == "rejected"


def test_an_evaluation_that_was_changed_is_not_shown(reviewed: Round, reviewer: Caller, settings: Any) -> None:
    [file] = settings.STORE.glob("artifacts/*/completions.jsonl")
    file.write_text("{}\n")
    for path in ("review", "answers"):
        assert problem(reviewer.get(f"{ROUND}/{path}")) == (409, "refused")


def test_safety_prompts_come_and_go_and_their_refusals_are_told(
    ranked: Project, prompts: list[Prompt], olga: User, reviewer: Caller
) -> None:
    operator = Caller(olga)
    own = {"messages": [{"role": "user", "content": "May I kill a plant?"}], "unsafe": False}
    assert said(operator.post(SAFETY, {}))["changed"] > 40
    assert said(operator.post(SAFETY, {"source": "mine", "prompts": [own]})) == {"changed": 1}
    assert {each["name"] for each in said(operator.get(SAFETY))["items"]} == {"mine", "tutelage"}
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), prompts)
    told = said(reviewer.get(f"{ROUND}/safety"))
    assert (len(told["asked"]), told["unsafe"][0]["n"] > 20) == (SafetyPrompt.objects.count(), True)
    assert 0 < len(said(reviewer.get(f"{ROUND}/safety", show="changed"))["asked"]) < len(told["asked"])
    assert said(operator.send("DELETE", f"{SAFETY}?source=mine")) == {"changed": 1}


def test_gates_are_drawn_over_those_that_were_seen(ranked: Project, olga: User) -> None:
    operator = Caller(olga)
    shown = said(operator.get(GATES))
    [kl] = [rule for rule in shown["items"] if rule["name"] == "kl"]
    assert (kl["limit"], kl["least"] < kl["limit"] < kl["most"]) == (kl["default"], True)
    wanted = {"seen": shown["seen"], "gates": {"kl": {"limit": 4.0, "enforced": True}}}
    told = said(operator.send("PUT", GATES, wanted))
    assert {rule["name"]: rule["limit"] for rule in told["items"]}["kl"] == 4.0
    assert GateRule.objects.get().limit == 4.0
    assert problem(operator.send("PUT", GATES, wanted)) == (409, "moved")


@pytest.mark.parametrize(
    "gates", [{}, {"kl": {"limit": -1, "enforced": True}}, {"charm": {"limit": 1, "enforced": True}}]
)
def test_a_gate_that_cannot_be_is_refused(ranked: Project, olga: User, gates: dict[str, Any]) -> None:
    operator = Caller(olga)
    sent = {"seen": said(operator.get(GATES))["seen"], "gates": gates}
    assert problem(operator.send("PUT", GATES, sent)) == (422, "invalid")
    assert not GateRule.objects.exists()


REVIEWED = [f"{ROUND}/{path}" for path in ("review", "answers", "reward-model", "safety")]
OPERATED: list[tuple[str, str, Any]] = [
    ("PUT", GATES, {"seen": "x", "gates": {"kl": {"limit": 4.0, "enforced": True}}}),
    ("POST", SAFETY, {}),
    ("DELETE", f"{SAFETY}?source=tutelage", None),
]
DECIDED: list[tuple[str, Any]] = [
    ("approve", {}),
    ("reject", {}),
]


def test_gates_and_safety_prompts_are_an_operators(reviewed: Round, rita: User) -> None:
    caller = Caller(rita)
    assert {problem(caller.get(path)) for path in (GATES, SAFETY)} == {(403, "not-allowed")}
    assert {problem(caller.send(*sent)) for sent in OPERATED} == {(403, "not-allowed")}


@pytest.mark.parametrize("who", ["alice", "erik", "mallory"])
def test_nobody_else_learns_of_a_review(reviewed: Round, who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    sent = [caller.get(path) for path in (*REVIEWED, GATES, SAFETY)]
    sent += [caller.post(f"{ROUND}/{path}", body) for path, body in DECIDED]
    sent += [caller.send(*each) for each in OPERATED]
    assert {problem(answer) for answer in sent} == {(404, "not-found")}
    assert Round.objects.get().state == State.REVIEW


def test_a_token_to_operate_with_decides_nothing(reviewed: Round, olga: User) -> None:
    caller = Caller(olga, "read", "operate")
    sent = [caller.post(f"{ROUND}/{path}", body) for path, body in DECIDED]
    assert {problem(answer) for answer in sent} == {(403, "wrong-scope")}
