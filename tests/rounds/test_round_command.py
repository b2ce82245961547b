"""The console does what the pages do, tells it as one JSON object, and says a refusal as one too."""

import json
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import JournalEntry, Project, User
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Round
from tests.rounds import loop


def console(verb: str, *words: str) -> dict[str, Any]:
    """What the console printed, as JSON; of a refusal too."""
    out = StringIO()
    with suppress(CommandError):
        call_command("round", verb, "--project", "turtles", "--json", *words, stdout=out)
    return dict(json.loads(out.getvalue()))


def state() -> str:
    return Round.objects.latest("number").state


def test_a_round_is_started_with_every_choice_of_the_page(ranked: Project, base: Policy, olga: User) -> None:
    other = loop.install(ranked, "other")
    words = ["--preset", "tiny", "--algorithm", "dpo", "--init", "other", "--budget", "3", "--seed", "9", "--no-sft"]
    told = console("start", *words, "--approve", "rule", "--by", "olga")
    chosen = {"preset": "tiny", "algorithm": "dpo", "init": str(other.public_id), "budget": 3, "seed": 9, "sft": False}
    assert {name: told["round"]["choices"][name] for name in chosen} == chosen
    assert Round.objects.get().created_by == olga


def test_a_policy_is_named_by_its_id_too(ranked: Project, base: Policy) -> None:
    told = console("start", "--preset", "tiny", "--init", str(base.public_id))
    assert told["round"]["policies"]["init"] == "base"


def test_a_round_is_paused_and_goes_on(ranked: Project, olga: User) -> None:
    console("start", "--preset", "tiny")
    assert console("pause", "--by", "olga")["round"]["failure_kind"] == "paused"
    assert console("resume", "--by", "olga")["round"]["failure_kind"] == ""
    assert [entry.actor for entry in JournalEntry.objects.filter(verb__in=["pause", "resume"])] == [olga, olga]


def test_a_stopped_round_is_tried_again(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    loop.fail(loop.live_stage(round))
    told = console("retry", "--preset", "small")
    assert (told["round"]["failure"], told["round"]["stages"][-1]["preset"]) == ("", "small")


def test_a_gate_is_overridden_with_a_reason(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.REWARD)
    loop.work(round, loop.GOOD_REWARD | {"enough": False})
    assert "Say why" in console("override")["error"]
    assert console("override", "--note", "A beginning.")["round"]["state"] == State.PPO


@pytest.mark.parametrize(("verb", "new"), [("approve", State.DEPLOYING), ("reject", State.REJECTED)])
def test_a_candidate_is_decided_upon(ranked: Project, rita: User, verb: str, new: State) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    assert console(verb, "--note", "Seen.", "--by", "rita")["round"]["state"] == new
    assert Round.objects.get().choices["note"] == "Seen."


def test_a_round_is_cancelled(ranked: Project) -> None:
    loop.start(ranked)
    assert console("cancel")["round"]["state"] == State.CANCELLED


def test_a_policy_is_taken_back(ranked: Project) -> None:
    loop.whole_turn(ranked)
    assert console("status")["deployed"]["policy"] == "r1-ppo"
    assert console("rollback", "--note", "It flatters.")["deployed"]["policy"] == "base"


def test_a_candidate_is_tried_on_a_share_and_promoted_or_taken_back(ranked: Project) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    console("approve", "--share", "20")
    loop.deploy(Round.objects.get())
    told = console("status")
    assert (told["deployed"]["policy"], told["canary"]["policy"], told["canary"]["share"]) == ("base", "r1-ppo", 20)
    assert "canary is out" in console("start", "--preset", "tiny")["error"]
    told = console("promote")
    assert (told["deployed"]["policy"], told["canary"]) == ("r1-ppo", None)
    assert console("withdraw-canary") == {"error": "No canary is out."}


def test_all_rounds_are_listed_newest_first(ranked: Project) -> None:
    assert console("list") == {"project": "turtles", "rounds": []}
    loop.whole_turn(ranked)
    loop.start(ranked, algorithm="best_of")
    told = [(each["number"], each["state"], each["algorithm"], each["candidate"]) for each in console("list")["rounds"]]
    assert told == [(2, State.EXPORTING, "best_of", None), (1, State.DONE, "ppo", "r1-ppo")]
    out = StringIO()
    call_command("round", "list", "--project", "turtles", stdout=out)
    assert out.getvalue().startswith("round 2: exporting (best_of, began ")


@pytest.mark.parametrize("verb", ["status", "list", "start", "retry", "pause", "resume", "cancel", "approve", "reject"])
def test_a_refusal_is_one_json_object(ranked: Project, alice: User, verb: str) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("round", verb, "--project", "newts", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"error": "There is no project 'newts'."}
    loop.start(ranked)
    if verb not in ("status", "list"):
        assert set(console(verb, "--by", "alice")) == {"error"}
        assert state() == State.EXPORTING


@pytest.mark.parametrize("words", [["--budget", "0"], ["--init", "nobody"], ["--algorithm", "dpo", "--budget", "51"]])
def test_choices_that_no_round_can_have_are_refused(ranked: Project, words: list[str]) -> None:
    assert "error" in console("start", "--preset", "tiny", *words)
    assert not Round.objects.exists()
