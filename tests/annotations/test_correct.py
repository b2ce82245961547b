"""Correcting the best answer while ranking: kept with the ranking or not at all, and never fitted to eval prompts."""

import re
import uuid
from collections.abc import Sequence

import pytest

from accounts.models import Project, User
from annotations.choices import Split
from annotations.correction import Correction
from annotations.models import Assignment, Completion, Demonstration, Ranking
from annotations.records import demonstrations_of
from annotations.services.rankings import BadRanking, submit_ranking
from annotations.services.slates import quarantine
from annotations.texts import BadMessages
from tests import make
from tests.make import client_of

TEXTS = ["On a beach.", "In the sea.", "In the sand.\r\nAt night."]


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make.make_slate(project, TEXTS)
    return make.lent(alice, project)


def address(assignment: Assignment) -> str:
    return f"/rank/{assignment.public_id}/"


def text_of(assignment: Assignment, letter: str) -> str:
    return shown(assignment)["abc".index(letter)].text


def shown(assignment: Assignment) -> list[Completion]:
    assert assignment.slate
    completions = list(assignment.slate.completions.order_by("members__position"))
    return [completions[position] for position in assignment.shown]


def post(by: User, assignment: Assignment, **sent: object) -> int:
    sent = {"key": uuid.uuid4(), "order": "b a c", **sent}
    return client_of(by).post(address(assignment), sent).status_code


def current(assignment: Assignment) -> list[str]:
    found = Demonstration.objects.filter(assignment=assignment, is_current=True)
    return [demonstration.messages[0]["content"] for demonstration in found]


def fields_on(page: str) -> tuple[str, str]:
    text = re.search(r'name="correction"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    letter = re.search(r'name="corrected"(?: value="(\w)")?', page)
    assert text
    assert letter
    return text[1], letter[1] or ""


def test_a_correction_is_a_demonstration_of_the_same_assignment(held: Assignment, alice: User) -> None:
    assert post(alice, held, correction="On a warm beach.", corrected="b") == 302
    demonstration = Demonstration.objects.get()
    assert demonstration.messages == [{"role": "assistant", "content": "On a warm beach."}]
    assert (demonstration.assignment, demonstration.prompt, demonstration.labeler) == (held, held.prompt, alice)
    assert demonstration.origin == shown(held)[1]
    assert demonstration.edit_distance
    assert Ranking.objects.count() == 1


def test_without_a_letter_it_corrects_the_first_of_the_order(held: Assignment, alice: User) -> None:
    post(alice, held, order="c = a b", correction="All anew.")
    assert Demonstration.objects.get().origin == shown(held)[2]


@pytest.mark.parametrize("changed", ["", "  \n", "{text}", "{text}  \n", "{lines}"])
def test_an_unchanged_or_empty_text_keeps_nothing(held: Assignment, alice: User, changed: str) -> None:
    for letter in "abc":
        text = text_of(held, letter)
        post(alice, held, correction=changed.format(text=text, lines=text.replace("\r\n", "\n")), corrected=letter)
    assert not Demonstration.objects.exists()
    assert Ranking.objects.count() == 3


def test_a_ranking_that_is_refused_keeps_no_correction(held: Assignment, alice: User) -> None:
    answer = client_of(alice).post(
        address(held), {"key": uuid.uuid4(), "order": "b a", "correction": "Better.", "corrected": "b"}
    )
    assert answer.status_code == 400
    assert fields_on(answer.content.decode()) == ("Better.", "b")
    assert not Demonstration.objects.exists()


def test_a_correction_over_the_limit_is_told_beside_it_and_nothing_is_kept(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "order": "b a c", "correction": "x" * 64_001, "corrected": "b"}
    answer = client_of(alice).post(address(held), sent)
    assert answer.status_code == 400
    assert "longer than 64000 characters" in answer.content.decode()
    assert len(fields_on(answer.content.decode())[0]) == 64_001
    assert not Ranking.objects.exists()
    assert not Demonstration.objects.exists()


def test_one_key_sent_twice_is_one_correction_and_another_text_a_conflict(held: Assignment, alice: User) -> None:
    key = uuid.uuid4()
    codes = [post(alice, held, key=key, correction=text, corrected="b") for text in ("Better.", "Better.", "Best.")]
    assert codes == [302, 302, 409]
    assert current(held) == ["Better."]


def test_revising_the_ranking_shows_the_correction_as_it_was(held: Assignment, alice: User) -> None:
    post(alice, held, correction="On a warm beach.", corrected="b")
    page = client_of(alice).get(address(held)).content.decode()
    assert fields_on(page) == ("On a warm beach.", "b")
    post(alice, held, order="a b c", correction="On a warm beach.", corrected="b")
    assert Demonstration.objects.count() == 1
    post(alice, held, correction="On a hot beach.", corrected="b")
    assert current(held) == ["On a hot beach."]
    assert list(Demonstration.objects.order_by("pk").values_list("revision", flat=True)) == [1, 2]


def test_emptied_or_unchanged_again_it_ends_and_may_begin_anew(held: Assignment, alice: User) -> None:
    for ended in ("", text_of(held, "b")):
        post(alice, held, correction="Better.", corrected="b")
        assert current(held) == ["Better."]
        post(alice, held, correction=ended, corrected="b")
        assert current(held) == []
    assert Demonstration.objects.count() == 2


def test_a_page_that_did_not_ask_ends_no_correction(held: Assignment, alice: User) -> None:
    post(alice, held, correction="Better.", corrected="b")
    post(alice, held, order="a b c")
    assert current(held) == ["Better."]


@pytest.mark.parametrize("which", [None, "foreign"])
def test_a_correction_of_what_was_not_ranked_is_refused_with_its_ranking(
    project: Project, held: Assignment, alice: User, which: str | None
) -> None:
    other = make.make_slate(project).completions.first()
    assert other
    assert held.slate
    correction = Correction(completion=other.public_id if which else None, text="Mine.")
    with pytest.raises(BadMessages):
        submit_ranking(
            by=alice,
            assignment_id=held.public_id,
            tiers=make.tiers_of(held.slate),
            correction=correction,
            key=uuid.uuid4(),
        )
    assert not Ranking.objects.exists()
    assert not issubclass(BadMessages, BadRanking)


def test_a_correction_of_an_eval_prompt_stays_in_its_split(project: Project, alice: User) -> None:
    make.make_slate(project, TEXTS, split=Split.EVAL)
    held = make.lent(alice, project)
    post(alice, held, correction="Better.", corrected="b")
    assert [demonstration.prompt.split for demonstration in demonstrations_of(project)] == [Split.EVAL]


def test_a_correction_of_what_was_quarantined_does_not_leave(held: Assignment, project: Project, alice: User) -> None:
    post(alice, held, correction="Better.", corrected="b")
    assert len(list(demonstrations_of(project))) == 1
    quarantine(policy=shown(held)[1].policy)
    assert list(demonstrations_of(project)) == []
    assert current(held) == ["Better."]


def test_without_scripts_a_button_takes_the_text_of_the_best_answer(held: Assignment, alice: User) -> None:
    def taken(order: str) -> Sequence[str]:
        sent = {"key": uuid.uuid4(), "order": order, "correction": "", "do": "correct"}
        return fields_on(client_of(alice).post(address(held), sent).content.decode())

    assert taken("b a") == (text_of(held, "b"), "b")
    assert taken("") == ("", "")
    assert taken("b b") == ("", "")
    assert not Ranking.objects.exists()


def test_the_text_of_an_answer_is_given_to_its_own_person_only(held: Assignment, alice: User, bob: User) -> None:
    answer = client_of(alice).get(f"{address(held)}answers/b/")
    assert answer.content.decode() == text_of(held, "b")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert client_of(alice).get(f"{address(held)}answers/d/").status_code == 404
    assert client_of(bob).get(f"{address(held)}answers/b/").status_code == 404
