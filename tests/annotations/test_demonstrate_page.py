"""Writing an answer as a plain form: turns, drafts that come back, one answer for one key."""

import re
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


def turns_on(page: str) -> list[str]:
    return re.findall(r'name="content"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)


def test_an_answer_is_kept_and_the_next_question_comes(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "content": "In the sand.\r\n\r\nAt night.  "}
    response = client_of(alice).post(address(held), sent, follow=True)
    assert Demonstration.objects.get().messages == [{"role": "assistant", "content": "In the sand.\n\nAt night."}]
    assert response.redirect_chain[-1][0].startswith("/demonstrate/")
    assert "Answer submitted" in response.content.decode()


def test_going_on_as_user_and_then_as_assistant_keeps_what_was_typed(held: Assignment, alice: User) -> None:
    client, key = client_of(alice), uuid.uuid4()
    told = ["In the sand."]
    for expected in (2, 3):
        page = client.post(address(held), {"key": key, "content": told, "do": "continue"}).content.decode()
        assert turns_on(page) == [*told, ""]
        assert len(turns_on(page)) == expected
        told = [*told, f"Turn {expected}."]
    client.post(address(held), {"key": key, "content": told})
    messages = Demonstration.objects.get().messages
    assert [turn["role"] for turn in messages] == ["assistant", "user", "assistant"]
    assert [turn["content"] for turn in messages] == told


def test_only_who_did_not_speak_last_can_go_on(held: Assignment, alice: User) -> None:
    page = client_of(alice).get(address(held)).content.decode()
    assert [bool(re.search(rf'id="as-{who}"[^>]* disabled', page)) for who in ("user", "assistant")] == [False, True]
    sent = {"key": uuid.uuid4(), "content": ["In the sand."], "do": "continue"}
    page = client_of(alice).post(address(held), sent).content.decode()
    assert [bool(re.search(rf'id="as-{who}"[^>]* disabled', page)) for who in ("user", "assistant")] == [True, False]


def test_turns_are_taken_back_one_by_one_and_the_first_stays(held: Assignment, alice: User) -> None:
    client, told = client_of(alice), ["One.", "Two?", "Three."]
    for left in (2, 1, 1):
        page = client.post(address(held), {"key": uuid.uuid4(), "content": told, "do": "take_back"}).content.decode()
        told = turns_on(page)
        assert told == ["One.", "Two?", "Three."][:left]


@pytest.mark.parametrize("content", ["", "   ", ["One.", "", "Three."], ["One.", ""]])
def test_an_empty_turn_is_told_and_nothing_is_lost(held: Assignment, alice: User, content: str | list[str]) -> None:
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "content": content})
    assert answer.status_code == 400
    assert "A turn is still empty." in answer.content.decode()
    assert turns_on(answer.content.decode()) == ([content] if isinstance(content, str) else content)
    assert not Demonstration.objects.exists()


def test_a_conversation_that_ends_with_the_user_is_not_finished(held: Assignment, alice: User) -> None:
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "content": ["One.", "Two?"]})
    assert answer.status_code == 400
    assert "The last turn is the user" in answer.content.decode()
    assert turns_on(answer.content.decode()) == ["One.", "Two?"]


def test_a_text_over_the_limit_is_refused_in_words_and_comes_back_whole(held: Assignment, alice: User) -> None:
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "content": "a" * 64_007})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "longer than 64000 characters" in page
    assert "7 characters too many." in page
    assert turns_on(page) == ["a" * 64_007]
    assert not Demonstration.objects.exists()


def test_one_key_sent_twice_is_one_answer_and_another_text_is_a_conflict(held: Assignment, alice: User) -> None:
    client, key = client_of(alice), uuid.uuid4()
    codes = [client.post(address(held), {"key": key, "content": text}).status_code for text in ("a", "a", "b")]
    assert codes == [302, 302, 409]
    assert Demonstration.objects.count() == 1


def test_opened_again_it_shows_what_was_written_and_takes_a_revision(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(held), {"key": uuid.uuid4(), "content": "First."})
    assert turns_on(client.get(address(held)).content.decode()) == ["First."]
    client.post(address(held), {"key": uuid.uuid4(), "content": "Second."})
    assert Demonstration.objects.get(is_current=True).messages[0]["content"] == "Second."


def test_after_the_newest_was_taken_back_the_next_one_is_a_revision_all_the_same(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(held), {"key": uuid.uuid4(), "content": "First."})
    Demonstration.objects.update(is_current=False)
    client.post(address(held), {"key": uuid.uuid4(), "content": "Second."})
    assert Demonstration.objects.get(is_current=True).revision == 2


def test_it_belongs_to_one_person(held: Assignment, bob: User, mallory: User) -> None:
    people = [client_of(person) for person in (bob, mallory)]
    assert [client.get(address(held)).status_code for client in people] == [404, 404]
    sent = {"key": uuid.uuid4(), "content": "Mine."}
    assert [
        client.post(f"{address(held)}{page}", sent).status_code for client in people for page in ("", "preview/")
    ] == [404] * 4
    assert not Demonstration.objects.exists()


def test_a_question_to_answer_is_not_a_slate_to_rank(held: Assignment, alice: User) -> None:
    assert client_of(alice).get(f"/rank/{held.public_id}/").status_code == 404


def test_the_preview_is_read_as_it_will_be_and_nothing_that_acts_gets_into_it(held: Assignment, alice: User) -> None:
    sent = {"content": "A **medium heat**\n\n<script>alert(1)</script>[x](javascript:alert(1))\u202e"}
    answer = client_of(alice).post(f"{address(held)}preview/", sent)
    page = answer.content.decode()
    assert "<strong>medium heat</strong>" in page
    assert "⟨U+202E⟩" in page
    assert not any(sign in page for sign in ("<script", 'href="javascript', "<html"))
    assert not Demonstration.objects.exists()


def test_without_scripts_a_button_shows_the_preview(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "content": "A *small* step", "do": "preview"}
    page = client_of(alice).post(address(held), sent).content.decode()
    assert "<em>small</em>" in page
    assert turns_on(page) == ["A *small* step"]


def test_what_nobody_sees_is_shown_and_goes_only_when_it_is_asked_to(held: Assignment, alice: User) -> None:
    client, text = client_of(alice), "In\u200b the\u202e sand\U000e0041."
    page = client.post(address(held), {"key": uuid.uuid4(), "content": text, "do": "preview"}).content.decode()
    assert "3 invisible characters" in page
    assert "U+200B, U+202E, U+E0041" in page
    tidy = client.post(address(held), {"key": uuid.uuid4(), "content": text, "do": "tidy"}).content.decode()
    assert turns_on(tidy) == ["In the sand."]
    client.post(address(held), {"key": uuid.uuid4(), "content": text})
    assert Demonstration.objects.get().messages[0]["content"] == text
