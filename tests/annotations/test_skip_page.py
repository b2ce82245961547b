"""Giving a question back: with a reason, once, and on to the next."""

import pytest

from accounts.models import Project, User
from annotations.choices import AssignmentState
from annotations.models import Assignment
from tests.make import client_of, lent, make_slates


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slates(project, 2)
    return lent(alice, project)


def address(assignment: Assignment) -> str:
    return f"/skip/{assignment.public_id}/"


def test_the_reasons_stand_on_a_plain_page(held: Assignment, alice: User) -> None:
    page = client_of(alice).get(address(held)).content.decode()
    assert 'value="cannot_judge"' in page
    assert held.prompt.messages[-1]["content"] in page


def test_a_skip_keeps_the_reason_and_brings_the_next_question(held: Assignment, alice: User) -> None:
    response = client_of(alice).post(address(held), {"reason": "unclear"}, follow=True)
    held.refresh_from_db()
    assert (held.state, held.skip_reason) == (AssignmentState.SKIPPED, "unclear")
    assert response.redirect_chain[-1][0].startswith("/rank/")


@pytest.mark.parametrize("reason", ["", "bored"])
def test_without_a_known_reason_nothing_is_given_back(held: Assignment, alice: User, reason: str) -> None:
    assert client_of(alice).post(address(held), {"reason": reason}).status_code == 400
    held.refresh_from_db()
    assert held.state == AssignmentState.LENT


def test_a_second_click_skips_nothing_more(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    for _ in range(2):
        assert client.post(address(held), {"reason": "unclear"}).status_code == 302
    assert Assignment.objects.filter(state=AssignmentState.SKIPPED).count() == 1


def test_nobody_skips_for_somebody_else(held: Assignment, bob: User, mallory: User) -> None:
    codes = [client_of(person).post(address(held), {"reason": "unclear"}).status_code for person in (bob, mallory)]
    assert codes == [404, 404]
