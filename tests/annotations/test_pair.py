"""Of two completions people say which is better and by how much, or that both are bad."""

import re
import uuid
from typing import Any
from uuid import UUID

import pytest

from accounts.models import Project, User
from annotations.models import Assignment, Ranking
from annotations.services.rankings import BadRanking, submit_ranking
from tests.make import client_of, lent, make_slate, tiers_of

TEXTS = ["In the sand.", "On the moon."]


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slate(project, TEXTS)
    return lent(alice, project)


def send(alice: User, assignment: Assignment, **fields: Any) -> Any:
    return client_of(alice).post(f"/rank/{assignment.public_id}/", {"key": uuid.uuid4(), **fields})


def shown(alice: User, assignment: Assignment) -> str:
    return client_of(alice).get(f"/rank/{assignment.public_id}/").content.decode()


def tier_by_letter(ranking: Ranking) -> dict[str, int | None]:
    assert ranking.assignment.slate
    completions = list(ranking.assignment.slate.completions.order_by("members__position"))
    letter = {completions[at].pk: "ab"[place] for place, at in enumerate(ranking.assignment.shown)}
    return {letter[placement.completion_id]: placement.tier for placement in ranking.placements.all()}


@pytest.mark.parametrize("both_bad", [False, True])
@pytest.mark.parametrize("strength", range(-3, 4))
def test_every_step_is_kept_with_the_order_that_follows_from_it(
    held: Assignment, alice: User, strength: int, both_bad: bool
) -> None:
    assert send(alice, held, strength=strength, **({"both_bad": "on"} if both_bad else {})).status_code == 302
    ranking = Ranking.objects.get()
    tiers = {"a": 1, "b": 1 if strength == 0 else 2} if strength <= 0 else {"a": 2, "b": 1}
    assert tier_by_letter(ranking) == tiers
    assert (ranking.strength, ranking.cut) == (strength, 0 if both_bad else None)


def test_both_bad_alone_says_nothing_of_which_is_better(held: Assignment, alice: User) -> None:
    send(alice, held, both_bad="on")
    ranking = Ranking.objects.get()
    assert tier_by_letter(ranking) == {"a": 1, "b": 1}
    assert (ranking.strength, ranking.cut) == (None, 0)


def test_both_may_be_bad_where_the_project_asks_for_no_line(held: Assignment, alice: User) -> None:
    Project.objects.update(asks_cut=False)
    send(alice, held, strength=1, both_bad="on")
    assert Ranking.objects.get().cut == 0


@pytest.mark.parametrize(("strength", "sentence"), [("", "Nothing is chosen yet."), ("9", "not one of the available")])
def test_without_a_known_step_nothing_is_kept_and_the_rest_stays_on_the_page(
    held: Assignment, alice: User, strength: str, sentence: str
) -> None:
    answer = send(alice, held, strength=strength, note="my note", **{"flags-b": "false"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in page
    assert page.count("Nothing is chosen yet.") == (strength == "")
    assert "my note</textarea>" in page
    assert re.search(r'name="flags-b" value="false" checked', page)
    assert not Ranking.objects.exists()


def test_note_and_flags_go_with_it_and_a_rating_is_not_asked(held: Assignment, alice: User) -> None:
    assert 'name="rating-a"' not in shown(alice, held)
    send(alice, held, strength=-1, note="A says where.", **{"flags-b": "false", "rating-a": "7"})
    ranking = Ranking.objects.get()
    assert ranking.note == "A says where."
    assert {placement.tier: placement.flags for placement in ranking.placements.all()} == {1: [], 2: ["false"]}
    assert not ranking.placements.exclude(rating=None).exists()


@pytest.mark.parametrize("fields", [{"strength": "-3"}, {"both_bad": "on"}, {"strength": "0", "both_bad": "on"}])
def test_opened_again_the_page_shows_what_was_said(held: Assignment, alice: User, fields: dict[str, str]) -> None:
    send(alice, held, **fields)
    chosen = set(re.findall(r'name="(strength|both_bad)"(?: value="(-?\d)")?[^>]* checked', shown(alice, held)))
    assert chosen == {(name, value if name == "strength" else "") for name, value in fields.items()}


@pytest.mark.parametrize(("better", "step"), [([[0], [1]], 2), ([[1], [0]], 2), ([[0, 1]], 0)])
def test_an_order_without_a_step_is_shown_as_the_plain_step(
    held: Assignment, alice: User, better: list[list[int]], step: int
) -> None:
    assert held.slate
    submit_ranking(by=alice, assignment_id=held.public_id, tiers=tiers_of(held.slate, better), key=uuid.uuid4())
    left_is_better = better[0] == [held.shown[0]]
    found = re.findall(r'name="strength" value="(-?\d)"[^>]* checked', shown(alice, held))
    assert found == [str(-step if left_is_better else step)]


def test_nothing_is_chosen_before_the_person_chooses(held: Assignment, alice: User) -> None:
    page = shown(alice, held)
    assert len(re.findall(r'type="radio"[^>]*name="strength"', page)) == 7
    assert " checked" not in page


@pytest.mark.parametrize(
    ("tiers", "strength"), [([[0], [1]], 0), ([[0, 1]], 1), ([[0, 1]], -3), ([[0], [1]], 4), ([[0]], 1), ([[0]], 0)]
)
def test_a_strength_that_does_not_go_with_the_order_is_refused(
    held: Assignment, alice: User, tiers: list[list[int]], strength: int
) -> None:
    Project.objects.update(partial_order=True)
    assert held.slate
    order: list[list[UUID]] = tiers_of(held.slate, tiers)
    with pytest.raises(BadRanking):
        submit_ranking(by=alice, assignment_id=held.public_id, tiers=order, strength=strength, key=uuid.uuid4())
    assert not Ranking.objects.exists()


def test_two_that_are_left_of_more_are_asked_as_two(project: Project, alice: User) -> None:
    make_slate(project, k=4)
    four = lent(alice, project)
    assert 'name="order"' in shown(alice, four)
    assert 'name="strength"' not in shown(alice, four)
    assert four.slate
    four.slate.members.filter(position__gte=2).delete()
    four.shown = [1, 0]
    four.save()
    assert 'name="order"' not in shown(alice, four)
    send(alice, four, strength=2)
    assert tier_by_letter(Ranking.objects.get()) == {"a": 2, "b": 1}
