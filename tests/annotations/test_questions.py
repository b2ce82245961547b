"""What is asked beside the order is the project's choice; what is not asked is not on the page and not kept."""

import re
import uuid

import pytest

from accounts.models import Project, User
from annotations.models import Assignment, Ranking
from tests import make

# Question → a sign of it in the page.
SIGNS = {
    "asks_ratings": 'name="rating-a"',
    "asks_flags": 'name="flags-a"',
    "asks_cut": 'data-does="line"',
    "asks_note": 'name="note"',
}


def held(project: Project, alice: User, **asked: bool) -> Assignment:
    Project.objects.filter(pk=project.pk).update(**asked)
    project.refresh_from_db()
    make.make_slate(project, k=3)
    return make.lent(alice, project)


def submit(alice: User, assignment: Assignment) -> Ranking:
    """Everything that a page with all questions sends."""
    sent = {"key": str(uuid.uuid4()), "order": "b a | c", "note": "Close.", "rating-a": "5", "flags-b": "false"}
    answer = make.client_of(alice).post(f"/rank/{assignment.public_id}/", sent)
    assert answer.status_code == 302
    return Ranking.objects.get(is_current=True)


def test_by_default_everything_is_asked_and_kept(project: Project, alice: User) -> None:
    assignment = held(project, alice)
    page = make.client_of(alice).get(f"/rank/{assignment.public_id}/").content.decode()
    assert [question for question, sign in SIGNS.items() if sign not in page] == []
    ranking = submit(alice, assignment)
    placements = ranking.placements.all()
    assert (ranking.cut, ranking.note) == (2, "Close.")
    assert [row.rating for row in placements if row.rating] == [5]
    assert [row.flags for row in placements if row.flags] == [["false"]]


@pytest.mark.parametrize("question", SIGNS)
def test_what_is_switched_off_is_gone_from_the_page_and_the_rest_is_there(
    project: Project, alice: User, question: str
) -> None:
    assignment = held(project, alice, **{question: False})
    page = make.client_of(alice).get(f"/rank/{assignment.public_id}/").content.decode()
    assert [name for name, sign in SIGNS.items() if sign not in page] == [question]


def test_without_the_line_no_word_of_it_is_left(project: Project, alice: User) -> None:
    assignment = held(project, alice, asks_cut=False)
    page = make.client_of(alice).get(f"/rank/{assignment.public_id}/").content.decode()
    said = re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL)
    assert "acceptable" not in said
    assert 'data-cut="false"' in page


def test_a_page_from_before_the_switch_is_taken_without_what_is_not_asked(project: Project, alice: User) -> None:
    ranking = submit(alice, held(project, alice, **dict.fromkeys(SIGNS, False)))
    placements = list(ranking.placements.all())
    assert (ranking.cut, ranking.note) == (None, "")
    assert {row.rating for row in placements} == {None}
    assert all(row.flags == [] for row in placements)
    assert sorted(row.tier or 0 for row in placements) == [1, 2, 3]


def test_revising_an_answer_from_before_the_switch_draws_no_line(project: Project, alice: User) -> None:
    assignment = held(project, alice)
    submit(alice, assignment)
    Project.objects.filter(pk=project.pk).update(asks_cut=False)
    page = make.client_of(alice).get(f"/rank/{assignment.public_id}/").content.decode()
    assert 'value="b a c"' in page
