"""A canary on the pages and from the command line: who chooses its share, who promotes it, who takes it back."""

import json
from io import StringIO

from django.core.management import call_command

from accounts.models import Project, User
from rounds.machine import State
from rounds.models import Deployment, Round
from tests import make
from tests.rounds import loop
from tests.rounds.deployed import names, tried, written

BOARD = "/p/turtles/rounds/"


def board(person: User) -> str:
    return make.client_of(person).get(BOARD).content.decode()


def test_the_board_shows_it_and_operators_act_on_it(ranked: Project, olga: User, rita: User) -> None:
    written(ranked, 99)
    page = board(olga)
    assert "Canary: r1-ppo answers 99 of 100 prompts" in page
    assert f'action="{BOARD}canary/promote/"' in page
    assert f'action="{BOARD}canary/withdraw/"' in page
    assert "canary/promote" not in board(rita)
    answer = make.client_of(olga).post(f"{BOARD}canary/promote/", follow=True)
    assert "r1-ppo writes completions from now on" in answer.content.decode()
    assert names(ranked) == ("r1-ppo", None)


def test_withdrawing_takes_one_click_and_the_board_keeps_the_reason(ranked: Project, olga: User) -> None:
    written(ranked)
    answer = make.client_of(olga).post(f"{BOARD}canary/withdraw/", {"note": "It flatters."}, follow=True)
    page = answer.content.decode()
    assert "r1-ppo is withdrawn" in page
    assert "It flatters." in page
    assert "ended by olga" in page


def test_a_reviewer_chooses_the_share(ranked: Project, rita: User) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    review = f"{BOARD}1/review/"
    page = make.client_of(rita).get(review).content.decode()
    assert 'name="share"' in page
    refused = make.client_of(rita).post(f"{BOARD}1/approve/", {"share": "0"}, follow=True)
    assert "100 is the whole" in refused.content.decode()
    make.client_of(rita).post(f"{BOARD}1/approve/", {"note": "Try it.", "share": "25"})
    found = loop.again(round)
    assert (found.state, found.choices["share"]) == (State.DEPLOYING, 25)
    loop.deploy(found)
    assert names(ranked) == ("base", "r1-ppo")


def test_without_a_share_the_whole_is_deployed(ranked: Project, rita: User) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    make.client_of(rita).post(f"{BOARD}1/approve/", {"note": ""})
    loop.deploy(Round.objects.get())
    assert names(ranked) == ("r1-ppo", None)


def command(verb: str, *options: str) -> dict[str, object]:
    out = StringIO()
    call_command("round", verb, "--project", "turtles", "--json", *options, stdout=out)
    told: dict[str, object] = json.loads(out.getvalue())
    return told


def test_the_command_line_does_the_same(ranked: Project) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    command("approve", "--share", "40")
    loop.deploy(round)
    told = command("status")["canary"]
    assert isinstance(told, dict)
    assert (told["policy"], told["share"]) == ("r1-ppo", 40)
    assert command("promote")["canary"] is None
    assert names(ranked) == ("r1-ppo", None)


def test_the_command_line_withdraws(ranked: Project) -> None:
    tried(ranked)
    assert command("withdraw-canary", "--note", "No.")["canary"] is None
    assert Deployment.objects.get(rolled_back=True).retired_reason == "No."
