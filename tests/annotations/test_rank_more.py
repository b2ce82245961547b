"""What a labeler says beside the order: about each answer, about the slate, and how sure they are."""

import re
import uuid
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.models import Assignment, Ranking, Slate
from annotations.services.rankings import BadRanking, submit_ranking
from tests.make import client_of, lent, make_slate, tiers_of


@pytest.fixture
def slate(project: Project) -> Slate:
    return make_slate(project, ["turtle", "tortoise", "terrapin"])


@pytest.fixture
def assignment(project: Project, slate: Slate, alice: User) -> Assignment:
    return lent(alice, project)


def rank(by: User, assignment: Assignment, tiers: list[list[UUID]], **details: Any) -> Ranking:
    return submit_ranking(by=by, assignment_id=assignment.public_id, tiers=tiers, key=uuid4(), **details)


def address(assignment: Assignment) -> str:
    return f"/rank/{assignment.public_id}/"


SAID = {
    "order": "b a c",
    "note-b": "Names the beach.",
    "flags": ["alike", "unclear"],
    "unsure": "on",
}


def test_a_ranking_keeps_notes_by_completion_flags_of_the_slate_and_doubt(
    alice: User, slate: Slate, assignment: Assignment
) -> None:
    tiers = tiers_of(slate)
    details: dict[str, Any] = {
        "notes": {tiers[1][0]: "Slow"},
        "slate_flags": ["alike"],
        "unsure": True,
        "hurried": True,
    }
    ranking = rank(alice, assignment, tiers, **details)
    assert (ranking.flags, ranking.unsure, ranking.hurried) == (["alike"], True, True)
    assert dict(ranking.placements.values_list("completion__text", "note")) == {
        "turtle": "",
        "tortoise": "Slow",
        "terrapin": "",
    }


def test_what_was_not_said_is_kept_as_not_said(alice: User, slate: Slate, assignment: Assignment) -> None:
    ranking = rank(alice, assignment, tiers_of(slate))
    assert (ranking.flags, ranking.unsure, ranking.hurried) == ([], False, False)


def test_notes_and_flags_that_do_not_fit_are_refused_and_leave_nothing(
    alice: User, slate: Slate, assignment: Assignment, project: Project
) -> None:
    whole = tiers_of(slate)
    foreign = tiers_of(make_slate(project))[0][0]
    wrong: list[dict[str, Any]] = [
        {"notes": {foreign: "not here"}},
        {"notes": {whole[0][0]: "x" * 64_001}},
        {"slate_flags": ["x" * 41]},
        {"slate_flags": [""]},
    ]
    for details in wrong:
        with pytest.raises(BadRanking):
            rank(alice, assignment, whole, **details)
    assert not Ranking.objects.exists()


def test_the_journal_holds_none_of_these_words(alice: User, slate: Slate, assignment: Assignment) -> None:
    rank(alice, assignment, tiers_of(slate), notes={tiers_of(slate)[0][0]: "a secret"})
    assert "secret" not in str(list(JournalEntry.objects.values_list("facts", flat=True)))


@pytest.mark.parametrize("change", [{"note-b": "Other words."}, {"flags": ["alike"]}, {"unsure": ""}])
def test_one_key_stands_for_all_of_it(assignment: Assignment, alice: User, change: dict[str, Any]) -> None:
    client, sent = client_of(alice), {"key": uuid.uuid4()} | SAID
    answers = [client.post(address(assignment), body).status_code for body in (sent, sent, sent | change)]
    assert answers == [302, 302, 409]
    assert Ranking.objects.count() == 1


def test_opened_again_the_page_shows_all_that_was_said(assignment: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(assignment), {"key": uuid.uuid4()} | SAID)
    _says_it_all(client.get(address(assignment)).content.decode())


def test_a_mistake_keeps_all_that_was_said(assignment: Assignment, alice: User) -> None:
    answer = client_of(alice).post(address(assignment), {"key": uuid.uuid4()} | SAID | {"order": "b"})
    assert answer.status_code == 400
    _says_it_all(answer.content.decode())


def _says_it_all(page: str) -> None:
    assert re.search(r'name="note-b"[^>]*>\s*Names the beach\.</textarea>', page)
    assert re.findall(r'name="flags" value="(\w+)" checked', page) == ["alike", "unclear"]
    assert re.search(r'name="unsure"[^>]*checked', page)


def test_a_note_over_the_limit_is_refused_with_its_text_kept(assignment: Assignment, alice: User) -> None:
    long = "turtles " * 8_001
    answer = client_of(alice).post(address(assignment), {"key": uuid.uuid4(), "order": "a b c", "note-c": long})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "The note is longer than 64000 characters." in page
    assert long.strip() in page
    assert not Ranking.objects.exists()


def test_every_refusal_says_why(assignment: Assignment, alice: User) -> None:
    answer = client_of(alice).post(address(assignment), {"key": uuid.uuid4(), "order": "a b c", "flags": ["nonsense"]})
    assert answer.status_code == 400
    assert "nonsense is not one of the available choices" in answer.content.decode()


def test_without_notes_and_flags_neither_is_asked_nor_kept(project: Project, alice: User) -> None:
    Project.objects.filter(pk=project.pk).update(asks_note=False, asks_flags=False)
    project.refresh_from_db()
    make_slate(project, k=3)
    held = lent(alice, project)
    page = client_of(alice).get(address(held)).content.decode()
    assert 'name="note-a"' not in page
    assert 'name="flags"' not in page
    client_of(alice).post(address(held), {"key": uuid.uuid4()} | SAID)
    ranking = Ranking.objects.get()
    assert (ranking.flags, set(ranking.placements.values_list("note", flat=True))) == ([], {""})
