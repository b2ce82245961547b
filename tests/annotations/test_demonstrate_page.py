"""Writing an answer as a plain form: turns, drafts that come back, one answer for one key."""

import uuid

import pytest

from accounts.models import Project, User
from annotations.models import Assignment, Demonstration
from tests.make import client_of, lent, make_prompt


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    for _ in range(2):
        make_prompt(project, demonstrations=1)
    return lent(alice, project, "demonstrate")


def address(assignment: Assignment) -> str:
    return f"/demonstrate/{assignment.public_id}/"


def test_an_answer_is_kept_and_the_next_question_comes(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "content": "In the sand.\r\n\r\nAt night.  "}
    response = client_of(alice).post(address(held), sent, follow=True)
    assert Demonstration.objects.get().messages == [{"role": "assistant", "content": "In the sand.\n\nAt night."}]
    assert response.redirect_chain[-1][0].startswith("/demonstrate/")
    assert "Answer submitted" in response.content.decode()


def test_going_on_as_user_keeps_what_was_typed_and_adds_two_turns(held: Assignment, alice: User) -> None:
    client, key = client_of(alice), uuid.uuid4()
    page = client.post(address(held), {"key": key, "content": "In the sand.", "do": "continue"}).content.decode()
    assert page.count('name="content"') == 3
    assert "In the sand.</textarea>" in page
    client.post(address(held), {"key": key, "content": ["In the sand.", "Why there?", "It is warm."]})
    assert [turn["role"] for turn in Demonstration.objects.get().messages] == ["assistant", "user", "assistant"]


def test_the_last_two_turns_can_be_taken_back(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "content": ["One.", "Two?", "Three."], "do": "take_back"}
    page = client_of(alice).post(address(held), sent).content.decode()
    assert page.count('name="content"') == 1
    assert "One.</textarea>" in page


@pytest.mark.parametrize("content", ["", "   ", ["One.", "", "Three."], ["One.", "Two?"]])
def test_an_empty_turn_is_told_and_nothing_is_lost(held: Assignment, alice: User, content: str | list[str]) -> None:
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "content": content})
    assert answer.status_code == 400
    assert "A turn is still empty." in answer.content.decode()
    assert all(f"{text}</textarea>" in answer.content.decode() for text in content if isinstance(content, list))
    assert not Demonstration.objects.exists()


def test_one_key_sent_twice_is_one_answer_and_another_text_is_a_conflict(held: Assignment, alice: User) -> None:
    client, key = client_of(alice), uuid.uuid4()
    codes = [client.post(address(held), {"key": key, "content": text}).status_code for text in ("a", "a", "b")]
    assert codes == [302, 302, 409]
    assert Demonstration.objects.count() == 1


def test_opened_again_it_shows_what_was_written_and_takes_a_revision(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(held), {"key": uuid.uuid4(), "content": "First."})
    assert "First.</textarea>" in client.get(address(held)).content.decode()
    client.post(address(held), {"key": uuid.uuid4(), "content": "Second."})
    assert Demonstration.objects.get(is_current=True).messages[0]["content"] == "Second."


def test_it_belongs_to_one_person(held: Assignment, bob: User, mallory: User) -> None:
    assert [client_of(person).get(address(held)).status_code for person in (bob, mallory)] == [404, 404]


def test_a_question_to_answer_is_not_a_slate_to_rank(held: Assignment, alice: User) -> None:
    assert client_of(alice).get(f"/rank/{held.public_id}/").status_code == 404
