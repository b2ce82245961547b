"""Who sends faster than the texts can be read is marked, by what the page measured and by nothing else."""

import json
import uuid
from typing import Any

import pytest

from accounts.models import Project, User
from annotations.floor import MS_PER_WORD, hurried, words
from annotations.models import Assignment, Ranking
from tests.make import client_of, lent, make_slate

TEXTS = {"a": "Turtles lay eggs on the beach.", "b": "在沙滩上。"}
FLOORS = {"a": 6 * MS_PER_WORD, "b": 4 * MS_PER_WORD}


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one", 1), ("two words", 2), ("乌龟", 2), ("a 乌龟 b", 4), ("…!?", 0), ("3 of 4", 3), ("乌龟turtle", 3)],
)
def test_a_word_is_a_word_and_a_chinese_character_is_one_too(text: str, count: int) -> None:
    assert words(text) == count


def test_who_saw_every_text_for_its_floor_did_not_hurry() -> None:
    assert not hurried(TEXTS, {"visible_ms": FLOORS, "seen": ["a", "b"]})


@pytest.mark.parametrize(
    "making",
    [
        {"visible_ms": FLOORS | {"a": FLOORS["a"] - 1}, "seen": ["a", "b"]},
        {"visible_ms": {"a": 9_999}, "seen": ["a", "b"]},
        {"visible_ms": FLOORS, "seen": ["a"]},
        {"visible_ms": FLOORS | {"b": "long"}, "seen": ["a", "b"]},
        {"visible_ms": FLOORS | {"b": -1}, "seen": ["a", "b"]},
        {"visible_ms": FLOORS | {"b": float("nan")}, "seen": ["a", "b"]},
    ],
)
def test_one_text_below_its_floor_or_not_seen_to_its_end_is_enough(making: dict[str, Any]) -> None:
    assert hurried(TEXTS, making)


@pytest.mark.parametrize("making", [{}, {"visible_ms": None}, {"visible_ms": [1]}, {"visible_ms": "x"}])
def test_where_nothing_was_measured_nobody_hurried(making: dict[str, Any]) -> None:
    assert not hurried(TEXTS, making)


ODD = [None, True, -1, 10**400, float("nan"), float("inf"), "a", [], ["a", 3, None, {}], {}, {"a": None}]


@pytest.mark.parametrize("odd", ODD)
def test_whatever_a_page_sends_is_judged(odd: Any) -> None:
    for making in ({"visible_ms": odd}, {"visible_ms": FLOORS, "seen": odd}, {"visible_ms": {"a": odd, "b": odd}}):
        assert hurried(TEXTS, making) in (True, False)


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slate(project, k=3)
    return lent(alice, project)


def send(alice: User, held: Assignment, milliseconds: int, **said: Any) -> Ranking:
    making = {"visible_ms": dict.fromkeys("abc", milliseconds), "seen": list("abc")}
    sent = {"key": uuid.uuid4(), "order": "a b c", "making": json.dumps(making)} | said
    assert client_of(alice).post(f"/rank/{held.public_id}/", sent).status_code == 302
    return Ranking.objects.get(is_current=True)


def test_the_server_marks_who_was_quick_whatever_the_page_says_of_it(held: Assignment, alice: User) -> None:
    assert send(alice, held, 10, hurried="").hurried


def test_who_looked_long_enough_is_not_marked(held: Assignment, alice: User) -> None:
    assert not send(alice, held, 60_000, hurried="on").hurried


def test_who_revises_what_they_read_before_is_neither_asked_nor_marked(held: Assignment, alice: User) -> None:
    send(alice, held, 60_000)
    assert 'data-floor="false"' in client_of(alice).get(f"/rank/{held.public_id}/").content.decode()
    assert not send(alice, held, 10, order="c b a").hurried


def test_who_hurried_once_may_hurry_again_and_is_asked_again(held: Assignment, alice: User) -> None:
    send(alice, held, 10)
    assert 'data-floor="true"' in client_of(alice).get(f"/rank/{held.public_id}/").content.decode()
    assert send(alice, held, 10, order="c b a").hurried
