"""Starting a demonstration from a completion: blind, and with how much was changed."""

import re
import uuid
from types import SimpleNamespace

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from accounts.models import Project, User
from annotations.models import Assignment, Completion, Demonstration
from annotations.queries.writing import starts_of
from annotations.services import demonstrations
from annotations.services.demonstrations import submit_demonstration
from annotations.services.slates import quarantine, take_in_completions
from annotations.texts import BadMessages
from tests import make
from tests.make import client_of

TEXTS = ["Turtles lay eggs in the sand.", "On a beach.", "On a beach.", "   ", "In the sea, some say."]


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    prompt = make.make_prompt(project, demonstrations=1)
    order = make.make_order(project, make.make_policy(project, "r7-ppo-secret"), [prompt], k=len(TEXTS))
    take_in_completions(order=order, rows=make.shard_rows(order, TEXTS))
    return make.lent(alice, project, "demonstrate")


def address(assignment: Assignment) -> str:
    return f"/demonstrate/{assignment.public_id}/"


def post(by: User, assignment: Assignment, **sent: object) -> str:
    return client_of(by).post(address(assignment), {"key": uuid.uuid4(), **sent}).content.decode()


def written_on(page: str) -> str:
    found = re.search(r'name="content"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return found[1]


def handle_on(page: str) -> str:
    found = re.search(r'name="origin" value="(\w+)"', page)
    return found[1] if found else ""


def test_each_text_is_offered_once_and_empty_ones_are_not(held: Assignment) -> None:
    assert sorted(start.text for start in starts_of(held)) == sorted({TEXTS[0], TEXTS[1], TEXTS[4]})
    assert [start.letter for start in starts_of(held)] == ["a", "b", "c"]
    assert [start.handle for start in starts_of(held)] == [start.handle for start in starts_of(held)]


def test_nothing_tells_who_wrote_what_one_starts_from(held: Assignment, alice: User) -> None:
    page = client_of(alice).get(address(held)).content.decode()
    assert "Start from A" in page
    tells = [str(found.public_id) for found in Completion.objects.all()]
    assert not any(tell in page for tell in [*tells, "r7-ppo-secret", "ppo"])


def test_two_people_see_the_same_answers_under_their_own_names_and_order(project: Project, held: Assignment) -> None:
    bob = Assignment(public_id=uuid.uuid4(), prompt=held.prompt)
    assert {start.text for start in starts_of(bob)} == {start.text for start in starts_of(held)}
    assert not {start.handle for start in starts_of(bob)} & {start.handle for start in starts_of(held)}


def test_what_was_started_from_and_how_far_it_was_changed_is_kept(held: Assignment, alice: User) -> None:
    start = next(start for start in starts_of(held) if start.text == "On a beach.")
    page = post(alice, held, content="", start=start.handle)
    assert written_on(page) == "On a beach."
    assert handle_on(page) == start.handle
    post(alice, held, content="On the beach.", origin=start.handle)
    demonstration = Demonstration.objects.get()
    assert demonstration.origin
    assert demonstration.origin.public_id == start.completion
    assert demonstration.edit_distance == 3


def test_an_empty_page_has_no_origin(held: Assignment, alice: User) -> None:
    post(alice, held, content="On the beach.")
    assert (Demonstration.objects.get().origin, Demonstration.objects.get().edit_distance) == (None, None)


def test_a_text_of_ones_own_is_never_replaced(held: Assignment, alice: User) -> None:
    start, other, _ = starts_of(held)
    page = post(alice, held, content="My own words.", start=start.handle)
    assert (written_on(page), handle_on(page)) == ("My own words.", "")
    assert "Your first answer is not empty." in page
    page = post(alice, held, content=start.text, origin=start.handle, start=other.handle)
    assert (written_on(page), handle_on(page)) == (other.text, other.handle)
    page = post(alice, held, content=other.text, origin=other.handle, start="")
    assert (written_on(page), handle_on(page)) == ("", "")


def test_opened_again_the_origin_is_still_known(held: Assignment, alice: User) -> None:
    start = starts_of(held)[0]
    post(alice, held, content="Another.", origin=start.handle)
    page = client_of(alice).get(address(held)).content.decode()
    assert handle_on(page) == start.handle
    assert "Started from answer A" in page


def test_a_made_up_origin_is_refused_and_the_text_comes_back(held: Assignment, alice: User) -> None:
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "content": "Mine.", "origin": "f" * 20})
    assert answer.status_code == 400
    assert written_on(answer.content.decode()) == "Mine."
    assert "is not one of these" in answer.content.decode()


def test_a_completion_of_another_prompt_is_no_origin(project: Project, held: Assignment, alice: User) -> None:
    foreign = make.make_slate(project).completions.first()
    assert foreign
    said = [{"role": "assistant", "content": "x"}]
    with pytest.raises(BadMessages):
        submit_demonstration(
            by=alice, assignment_id=held.public_id, messages=said, origin=foreign.public_id, key=uuid.uuid4()
        )
    assert not Demonstration.objects.exists()


def test_quarantined_completions_are_not_offered_but_who_had_begun_loses_nothing(held: Assignment, alice: User) -> None:
    start = starts_of(held)[0]
    quarantine(policy=Completion.objects.first().policy)  # type: ignore[union-attr]
    assert starts_of(held) == []
    post(alice, held, content="Begun before.", origin=start.handle)
    assert Demonstration.objects.get().edit_distance is not None


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_edits_to_be_counted(
    held: Assignment, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, counted = starts_of(held)[0], list[bool]()

    def distance(old: str, new: str) -> int:
        counted.append(connection.in_atomic_block)
        return Levenshtein.distance(old, new)

    monkeypatch.setattr(demonstrations, "Levenshtein", SimpleNamespace(distance=distance))
    post(alice, held, content=f"{start.text} And so on, {uuid.uuid4()}.", origin=start.handle)
    assert Demonstration.objects.get().edit_distance == len(" And so on, .") + 36
    assert counted == [False]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_the_edit_distance_counts_characters(old: str, new: str) -> None:
    rows = [[i + j if not i * j else 0 for j in range(len(new) + 1)] for i in range(len(old) + 1)]
    for i, a in enumerate(old, 1):
        for j, b in enumerate(new, 1):
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
    assert Levenshtein.distance(old, new) == rows[-1][-1]
