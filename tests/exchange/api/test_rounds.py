"""Rounds through the API: planned, begun, watched, held, ended; each as the operator's pages do it, and by whom."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import JournalEntry, Project, User
from annotations.models import Policy
from rounds.child import out_of
from rounds.machine import State
from rounds.models import DiskUse, Round, Schedule
from rounds.services import rounds
from tests.exchange.api.calls import Caller, problem, said
from tests.rounds import loop, signs

ROUNDS = "/projects/turtles/rounds"
ROUND = f"{ROUNDS}/1"
TINY = {"preset": "tiny", "seed": 7, "sft": False, "approve": "rule"}


@pytest.fixture
def operator(olga: User) -> Caller:
    return Caller(olga, "read", "operate")


@pytest.fixture
def improving(ranked: Project) -> Round:
    """A round whose PPO is at work and has measured 12 of 20 steps."""
    found = loop.work_until(loop.start(ranked), State.PPO)
    signs.measure(loop.live_stage(found), signs.ppo_rows(12, of=20))
    return found


def test_a_round_begins_as_the_page_begins_it(ranked: Project, operator: Caller, olga: User) -> None:
    answer = operator.post(ROUNDS, TINY, key="once")
    told = said(answer)
    assert (answer.status_code, told["number"], told["state"], told["by"]) == (201, 1, "exporting", "olga")
    assert told["choices"] | TINY == told["choices"]
    assert Round.objects.get().created_by == olga
    assert said(operator.post(ROUNDS, TINY, key="once")) == told


def test_two_at_once_are_refused_with_the_reason(ranked: Project, operator: Caller) -> None:
    operator.post(ROUNDS, TINY)
    second = operator.post(ROUNDS, TINY)
    assert problem(second) == (409, "refused")
    assert "open already" in said(second)["detail"]
    assert Round.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [{"preset": "huge"}, {"algorithm": "magic"}, {"algorithm": "dpo", "budget": 10**6}, {"seed": -1}, {"preset": "\0"}],
)
def test_choices_that_no_round_can_have_begin_none(ranked: Project, operator: Caller, wrong: dict[str, Any]) -> None:
    assert problem(operator.post(ROUNDS, TINY | wrong)) == (422, "invalid")
    assert not Round.objects.exists()


def test_a_policy_of_elsewhere_begins_no_round(ranked: Project, operator: Caller) -> None:
    answer = operator.post(ROUNDS, TINY | {"init": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa"})
    assert answer.status_code in (409, 422)
    assert not Round.objects.exists()


def test_a_plan_tells_what_would_go_in_and_begins_nothing(ranked: Project, operator: Caller, rita: User) -> None:
    told = said(Caller(rita, "read").get("/projects/turtles/next-round", preset="tiny"))
    assert (told["intake"]["rankings"], told["intake"]["new_rankings"], told["why_not"]) == (1, 1, "")
    assert told["coverage"]["ranked"] == 1
    assert told["estimate"]["disk_free"] > 0
    operator.post(ROUNDS, TINY)
    assert "open already" in said(operator.get("/projects/turtles/next-round", preset="tiny"))["why_not"]
    assert problem(operator.get("/projects/turtles/next-round", preset="huge")) == (422, "invalid")


def test_the_status_says_what_writes_and_who_is_there_to_work(ranked: Project, operator: Caller) -> None:
    told = said(operator.get("/projects/turtles/status"))
    assert (told["deployed"]["policy"], told["canary"], told["round"]) == ("base", None, None)
    assert told["health"] == {"worker": False, "supervisor": False, "beat": False}
    operator.post(ROUNDS, TINY)
    assert said(operator.get("/projects/turtles/status"))["round"]["number"] == 1


def test_a_round_at_work_tells_where_it_stands(improving: Round, operator: Caller) -> None:
    told = said(operator.get(ROUND))
    assert (told["state"], told["now"]["step"], told["now"]["of"], told["now"]["alive"]) == ("ppo", 12, 20, True)
    assert told["now"]["left"] == pytest.approx(32, abs=8)
    by_state = {node["state"]: node["status"] for node in told["pipeline"]}
    assert (by_state["reward"], by_state["ppo"], by_state["review"]) == ("done", "running", "ahead")
    assert [stage["kind"] for stage in told["stages"]] == ["reward", "ppo"]
    [line] = said(operator.get(ROUNDS))["items"]
    assert (line["number"], line["state"], line["algorithm"]) == (1, "ppo", "ppo")


def test_curves_are_read_on_from_where_one_stopped(improving: Round, operator: Caller) -> None:
    first = said(operator.get(f"{ROUND}/metrics/ppo", limit=10))
    assert ([row["step"] for row in first["rows"]], first["next"]) == (list(range(1, 11)), 10)
    rest = said(operator.get(f"{ROUND}/metrics/ppo", since=first["next"]))
    assert ([row["step"] for row in rest["rows"]], rest["next"]) == ([11, 12], 12)
    assert rest["rows"][0]["objective/kl"] == pytest.approx(0.22)
    assert problem(operator.get(f"{ROUND}/metrics/dpo")) == (404, "not-found")


def test_news_are_told_once_and_go_on_from_a_position(improving: Round, operator: Caller) -> None:
    first = said(operator.get(f"{ROUND}/news"))
    assert {"state", "points", "progress"} <= {each["name"] for each in first["events"]}
    again = said(operator.get(f"{ROUND}/news", since=first["next"]))
    assert not {"state", "points"} & {each["name"] for each in again["events"]}
    operator.post(f"{ROUND}/cancel")
    last = said(operator.get(f"{ROUND}/news", since=first["next"]))
    assert (last["ended"], last["events"][-1]["name"]) == (True, "end")


def test_samples_and_the_logs_end_are_there_while_it_learns(improving: Round, operator: Caller, rita: User) -> None:
    stage = loop.live_stage(improving)
    prompt = str(Round.objects.get().snapshot.project.prompts.first().public_id)  # type: ignore[union-attr]
    row = {"step": 10, "prompt": prompt, "text": "To be safe.", "finished": True, "tokens": 4, "reward": 0.5}
    signs.write_sample(stage, [row])
    out_of(stage).with_suffix(".log").write_text("update 11 of 20\nupdate 12 of 20\n")
    told = said(operator.get(f"{ROUND}/samples"))
    assert (told["step"], told["samples"][0]["text"]) == (10, "To be safe.")
    assert said(operator.get(f"{ROUND}/log"))["lines"][-1] == "update 12 of 20"
    assert problem(Caller(rita).get(f"{ROUND}/log")) == (403, "not-allowed")


def test_a_round_is_paused_and_goes_on(improving: Round, operator: Caller) -> None:
    assert [node["status"] for node in said(operator.post(f"{ROUND}/pause"))["pipeline"]].count("paused") == 1
    assert problem(operator.post(f"{ROUND}/pause")) == (409, "refused")
    assert said(operator.post(f"{ROUND}/resume"))["stages"][-1]["state"] == "waiting"


def test_a_round_that_failed_is_retried_from_its_stage(improving: Round, operator: Caller) -> None:
    loop.fail(loop.live_stage(improving))
    assert said(operator.get(ROUND))["failure"] == "It failed."
    told = said(operator.post(f"{ROUND}/retry", {}))
    assert (told["state"], told["failure"]) == ("ppo", "")
    assert [stage["kind"] for stage in told["stages"]].count("reward") == 1


def test_a_cancelled_round_is_over(improving: Round, operator: Caller, olga: User) -> None:
    assert said(operator.post(f"{ROUND}/cancel"))["state"] == "cancelled"
    assert problem(operator.post(f"{ROUND}/cancel"))[0] == 409
    assert JournalEntry.objects.get(verb="cancel", subject="round").actor == olga


def test_a_gate_is_overridden_for_a_reason_only(ranked: Project, operator: Caller) -> None:
    found = loop.work_until(loop.start(ranked), State.REWARD)
    accuracy = {"value": 0.52, "low": 0.45, "high": 0.6, "n_slates": 80, "n_pairs": 300}
    loop.work(found, loop.GOOD_REWARD | {"accuracy": accuracy})
    assert problem(operator.post(f"{ROUND}/override", {"note": " "})) == (422, "invalid")
    told = said(operator.post(f"{ROUND}/override", {"note": "Few, but good."}))
    [gate] = told["gates"]
    assert (told["state"], gate["verdict"], gate["note"]) == ("ppo", "overridden", "Few, but good.")


def test_a_schedule_is_written_over_the_one_that_was_seen(ranked: Project, operator: Caller) -> None:
    seen = said(operator.get("/projects/turtles/schedule"))["seen"]
    wanted = {"seen": seen, "enabled": True, "cron": "30 2 * * 1-5", "choices": {"preset": "tiny"}}
    told = said(operator.send("PUT", "/projects/turtles/schedule", wanted))
    assert (told["cron"], len(told["next"]) > 1, told["choices"]["preset"]) == ("30 2 * * 1-5", True, "tiny")
    assert Schedule.objects.get(project=ranked).cron == "30 2 * * 1-5"
    assert problem(operator.send("PUT", "/projects/turtles/schedule", wanted)) == (409, "moved")


@pytest.mark.parametrize("wrong", [{"cron": "never"}, {"weekdays": [7]}, {"at": "02:30+01:00"}, {"every_rankings": 0}])
def test_a_schedule_that_cannot_be_is_refused(ranked: Project, operator: Caller, wrong: dict[str, Any]) -> None:
    seen = said(operator.get("/projects/turtles/schedule"))["seen"]
    sent = {"seen": seen, "enabled": True, "choices": {"preset": "tiny"}, **wrong}
    assert problem(operator.send("PUT", "/projects/turtles/schedule", sent)) == (422, "invalid")
    assert not Schedule.objects.exists()


def test_the_disk_is_told_and_emptied(ranked: Project, operator: Caller) -> None:
    rounds.reject(by=None, round_id=loop.work_until(loop.start(ranked), State.REVIEW).pk)
    due = said(operator.get("/projects/turtles/disk"))
    assert (due["at"], bool(due["due"]), due["due_bytes"] > 0) == (None, True, True)
    freed = said(operator.post("/projects/turtles/disk/collect", key="once"))
    assert freed["collected"] == len(due["due"])
    told = said(operator.get("/projects/turtles/disk"))
    assert (told["due"], told["kinds"] != [], told["free"] > 0) == ([], True, True)
    assert DiskUse.objects.exists()


OPERATED: list[tuple[str, str, Any]] = [
    ("GET", "/projects/turtles/schedule", None),
    ("GET", "/projects/turtles/disk", None),
    ("POST", ROUNDS, TINY),
    ("POST", f"{ROUND}/pause", None),
    ("POST", f"{ROUND}/resume", None),
    ("POST", f"{ROUND}/retry", {}),
    ("POST", f"{ROUND}/cancel", None),
    ("POST", f"{ROUND}/override", {"note": "Because."}),
    ("PUT", "/projects/turtles/schedule", {"seen": "x", "enabled": False}),
    ("POST", "/projects/turtles/disk/collect", None),
]
WATCHED = [ROUNDS, ROUND, f"{ROUND}/news", f"{ROUND}/metrics/reward", f"{ROUND}/samples", "/projects/turtles/status"]


def asked(caller: Caller) -> Iterator[tuple[int, str]]:
    for method, path, body in OPERATED:
        yield problem(caller.get(path) if method == "GET" else caller.send(method, path, body))


def test_a_reviewer_watches_and_does_not_act(improving: Round, rita: User) -> None:
    caller = Caller(rita)
    assert {caller.get(path).status_code for path in WATCHED} == {200}
    assert set(asked(caller)) == {(403, "not-allowed")}


@pytest.mark.parametrize("who", ["alice", "erik", "mallory"])
def test_nobody_else_learns_that_there_are_rounds(improving: Round, who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    assert {problem(caller.get(path)) for path in WATCHED} == {(404, "not-found")}
    assert set(asked(caller)) == {(404, "not-found")}
    assert Round.objects.get().state == State.PPO


def test_a_token_to_read_with_changes_nothing(improving: Round, olga: User) -> None:
    caller = Caller(olga, "read")
    sent = [caller.send(method, path, body) for method, path, body in OPERATED if method != "GET"]
    assert {problem(answer) for answer in sent} == {(403, "wrong-scope")}


def test_what_is_told_is_what_the_console_prints(improving: Round, operator: Caller, base: Policy) -> None:
    out = StringIO()
    call_command("round", "status", "--project", "turtles", "--json", stdout=out)
    printed = json.loads(out.getvalue())["round"]
    told = said(operator.get(ROUND))
    for name in ("number", "state", "failure", "policies", "snapshot", "stages"):
        assert told[name] == printed[name], name
    assert told["policies"]["init"] == base.name
