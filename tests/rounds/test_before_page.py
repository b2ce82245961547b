"""The page of what a round would need: whom it opens for, what it says before anything is known, and its warnings."""

from pathlib import Path

import pytest

from accounts.models import Project, User
from annotations.models import Policy
from rounds.models import Beat
from tests import make
from tests.rounds import loop
from tests.rounds.test_estimates import through
from tests.rounds.test_memory import SMOLLM2, write_model

PAGE = "/p/turtles/rounds/before/"


def page_of(person: User, query: str = "") -> str:
    answer = make.client_of(person).get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_opens_for_who_sees_rounds(
    ranked: Project, olga: User, rita: User, alice: User, erik: User, mallory: User
) -> None:
    answers = [make.client_of(person).get(PAGE).status_code for person in (olga, rita, alice, erik, mallory)]
    assert answers == [200, 200, 404, 404, 404]


def test_a_new_project_is_told_that_nothing_is_known_yet(ranked: Project, olga: User) -> None:
    text = page_of(olga, "preset=tiny")
    assert "nothing is known yet: no round has come through with the preset tiny" in text
    assert "10 tell how far they agree" in text
    assert "No supervisor has said yet how much there is." in text
    assert "cannot be told from this policy" in text


def test_it_names_the_rounds_that_it_tells_time_from(ranked: Project, olga: User) -> None:
    through(ranked)
    through(ranked)
    text = page_of(olga, "preset=tiny&sft=no")
    assert "about 8 min of computing" in text
    assert "from rounds 1, 2" in text


def test_agreement_and_coverage_are_those_of_the_project(ranked: Project, alice: User, bob: User, olga: User) -> None:
    Project.objects.update(overlap=2)
    ranked.refresh_from_db()
    for slate in make.make_slates(ranked, 10, k=3):
        make.make_ranking(alice, slate)
        make.make_ranking(bob, slate)
    text = page_of(olga)
    assert "100% of pairs" in text
    assert "10 slates that several people ranked" in text
    assert "11 ranked, 11 by everybody who was asked, 0 demonstrated" in text


def test_too_little_memory_is_a_warning_in_words(ranked: Project, base: Policy, store: Path, olga: User) -> None:
    Policy.objects.filter(pk=base.pk).update(path="policies/heavy")
    write_model(store / "policies/heavy", SMOLLM2)
    Beat.objects.create(name="supervisor:main", facts={"memory": 2 * 10**9, "device": "cpu", "free": 10**12})
    assert "Memory may not suffice: Reward model may take" in page_of(olga, "preset=small")


def test_what_would_refuse_the_start_is_said_before_it(project: Project, base: Policy, olga: User) -> None:
    assert "Nobody has ranked anything yet" in page_of(olga)


@pytest.mark.parametrize(
    "query", ["preset=huge", "algorithm=magic", "budget=-1", "budget=9e9", "sft=perhaps", "budget=٣"]
)
def test_what_the_form_cannot_say_is_left_at_its_default(ranked: Project, olga: User, query: str) -> None:
    assert "Before it starts" in page_of(olga, query)


def test_the_board_leads_there_as_long_as_a_round_may_start(ranked: Project, olga: User, rita: User) -> None:
    board = "/p/turtles/rounds/"
    assert f'data-before="{PAGE}"' in make.client_of(olga).get(board).content.decode()
    assert "data-before" not in make.client_of(rita).get(board).content.decode()
    loop.start(ranked)
    assert "data-before" not in make.client_of(olga).get(board).content.decode()
