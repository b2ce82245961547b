"""Exercises: how an answer is marked, what operators write, and practice that explains itself at once."""

import json
import re
from itertools import permutations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Guideline, JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.choices import Purpose
from annotations.lines import LinesError
from annotations.marking import Said, marked, points
from annotations.models import Exercise, ExerciseAnswer
from annotations.new_exercise import BadExercise, NewExercise, read_exercises
from annotations.queries.exercises import cards_of, exercises_of
from annotations.services.exercises import (
    ExerciseGone,
    add_exercises,
    bring_back_exercise,
    move_exercise,
    retire_exercise,
)
from tests import make

PAGE = "/p/turtles/exercises/"
TEXTS = ["On the moon.", "On beaches, at night.", "They lay eggs."]
ROW = {"text": "Where do turtles lay?", "texts": TEXTS, "order": "b c = a", "explanation": "{b} says where."}


def new(question: str = "Where do turtles lay?", purpose: Purpose = Purpose.PRACTICE, **values: object) -> NewExercise:
    said = {"texts": TEXTS, "tiers": [[1], [0, 2]], "explanation": "{b} says where.", **values}
    return NewExercise(purpose=purpose, messages=[{"role": "user", "content": question}], **said)  # type: ignore[arg-type]


@pytest.fixture
def two(project: Project, olga: User) -> list[Exercise]:
    add_exercises(by=olga, project=project, rows=[new("First?"), new("Second?")])
    return list(exercises_of(project, Purpose.PRACTICE))


def typed(exercise: Exercise, person: User, tiers: list[list[int]], attempt: int = 1) -> dict[str, str]:
    """What this person's page sends to say these tiers of the author's positions."""
    letter = {card.at: card.letter for card in cards_of(exercise, person, attempt)}
    return {"order": " ".join("=".join(letter[at] for at in tied) for tied in tiers), "attempt": str(attempt)}


def test_a_pair_gives_two_points_alike_one_tied_and_none_reversed() -> None:
    known = [[0], [1], [2]]
    assert points(marked(known, known)) == (6, 3)
    assert points(marked(known, [[0, 1, 2]])) == (3, 3)
    assert points(marked(known, [[2], [1], [0]])) == (0, 3)
    assert points(marked(known, [[0], [1, 2]])) == (5, 3)


def test_what_the_known_order_ties_counts_nothing_whatever_is_said_of_it() -> None:
    known = [[0], [1, 2]]
    answers = [[[0], [1, 2]], [[0], [1], [2]], [[0], [2], [1]]]
    assert {points(marked(known, answer)) for answer in answers} == {(4, 2)}
    assert [pair.said for pair in marked(known, answers[1])].count(Said.FREE) == 1


@given(st.permutations(range(4)))
def test_an_answer_and_its_reverse_share_the_points(order: list[int]) -> None:
    tiers = [[at] for at in order]
    there, back = points(marked([[0], [1], [2, 3]], tiers)), points(marked([[0], [1], [2, 3]], tiers[::-1]))
    assert there[0] + back[0] == 2 * there[1]


def test_each_person_sees_an_order_of_their_own_that_stays(two: list[Exercise], alice: User, bob: User) -> None:
    # Of so many draws one order of the six is missing once in 10¹⁵ times.
    attempts = range(1, 200)
    seen = [[card.at for card in cards_of(two[0], alice, attempt)] for attempt in attempts]
    assert set(map(tuple, seen)) == set(permutations(range(3)))
    assert seen == [[card.at for card in cards_of(two[0], alice, attempt)] for attempt in attempts]
    assert seen != [[card.at for card in cards_of(two[0], bob, attempt)] for attempt in attempts]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"texts": ["One."]}, "2 to 9"),
        ({"texts": ["One.", "  "], "tiers": [[0], [1]]}, "empty"),
        ({"tiers": [[0], [1]]}, "every answer once"),
        ({"tiers": [[0], [1], [1], [2]]}, "every answer once"),
        ({"tiers": [[0], [], [1, 2]]}, "every answer once"),
        ({"tiers": [[0, 1, 2]]}, "tied"),
        ({"explanation": " "}, "why"),
    ],
)
def test_what_cannot_be_asked_is_refused_whole(
    project: Project, olga: User, values: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadExercise, match=reason):
        add_exercises(by=olga, project=project, rows=[new(), new(**values)])
    assert not Exercise.objects.exists()


def test_exercises_are_asked_in_the_operators_order(project: Project, olga: User, two: list[Exercise]) -> None:
    first, second = two
    move_exercise(by=olga, project=project, exercise_id=second.public_id, step=-1)
    assert list(exercises_of(project, Purpose.PRACTICE)) == [second, first]
    move_exercise(by=olga, project=project, exercise_id=second.public_id, step=-1)
    move_exercise(by=olga, project=project, exercise_id=first.public_id, step=-1)
    assert list(exercises_of(project, Purpose.PRACTICE)) == [first, second]


def test_a_retired_exercise_is_asked_no_more_and_can_come_back(
    project: Project, olga: User, two: list[Exercise]
) -> None:
    which = {"by": olga, "project": project, "exercise_id": two[0].public_id}
    retire_exercise(**which)
    assert list(exercises_of(project, Purpose.PRACTICE)) == [two[1]]
    with pytest.raises(ExerciseGone):
        retire_exercise(**which)
    with pytest.raises(ExerciseGone):
        move_exercise(step=1, **which)
    bring_back_exercise(**which)
    assert exercises_of(project, Purpose.PRACTICE).count() == 2


@pytest.mark.parametrize("name", ["alice", "rita", "erik", "mallory"])
def test_only_operators_write_exercises(
    project: Project, two: list[Exercise], name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    for act in (
        lambda: add_exercises(by=person, project=project, rows=[new()]),
        lambda: retire_exercise(by=person, project=project, exercise_id=two[0].public_id),
        lambda: move_exercise(by=person, project=project, exercise_id=two[0].public_id, step=1),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert make.client_of(person).get(PAGE).status_code in (403, 404)


def test_the_journal_holds_no_word_of_an_exercise(two: list[Exercise]) -> None:
    rows = str(list(JournalEntry.objects.values()))
    assert "add_exercises" in rows
    assert not any(word in rows for word in ("moon", "First", "says where"))


def test_a_file_is_read_as_documented() -> None:
    chat = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Q"},
    ]
    other = {"messages": chat, "texts": TEXTS, "order": "A>B>C", "explanation": "So.", "purpose": "qualification"}
    raw = "\n\n".join(json.dumps(row) for row in (ROW, other | {"clause": "true"})).encode()
    first, second = read_exercises(raw, name="set.jsonl", purpose=Purpose.PRACTICE)
    assert (first.tiers, first.purpose, first.clause) == ([[1], [0, 2]], "practice", "")
    assert (second.messages, second.tiers, second.purpose, second.clause) == (
        chat,
        [[0], [1], [2]],
        "qualification",
        "true",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "not json",
        "[]",
        json.dumps(ROW | {"order": "b c"}),
        json.dumps(ROW | {"order": "b c d a"}),
        json.dumps(ROW | {"order": 3}),
        json.dumps(ROW | {"order": "a=b=c"}),
        json.dumps(ROW | {"texts": "abc"}),
        json.dumps(ROW | {"purpose": "exam"}),
        json.dumps(ROW | {"explanation": ""}),
        json.dumps(ROW | {"expected": [1]}),
        json.dumps(ROW | {"text": ""}),
        json.dumps({**ROW, "messages": [{"role": "user", "content": "?"}]}),
    ],
)
def test_a_line_that_cannot_be_asked_is_named_and_nothing_is_added(project: Project, olga: User, wrong: str) -> None:
    raw = f"{json.dumps(ROW)}\n{wrong}\n".encode()
    with pytest.raises(LinesError, match=r"set\.jsonl, line 2: ."):
        read_exercises(raw, name="set.jsonl", purpose=Purpose.PRACTICE)
    sent = {"import-purpose": "practice", "import-file": SimpleUploadedFile("set.jsonl", raw)}
    page = make.client_of(olga).post(f"{PAGE}import/", sent)
    assert page.status_code == 400
    assert "set.jsonl, line 2" in page.content.decode()
    assert not Exercise.objects.exists()


def test_an_operator_brings_a_file(project: Project, olga: User) -> None:
    sent = {
        "import-purpose": "qualification",
        "import-file": SimpleUploadedFile("set.jsonl", json.dumps(ROW).encode()),
    }
    assert make.client_of(olga).post(f"{PAGE}import/", sent).status_code == 302
    assert Exercise.objects.get().purpose == Purpose.QUALIFICATION


def test_an_operator_writes_one_by_hand(project: Project, olga: User) -> None:
    Guideline.objects.create(project=project, version=2, text="# Say where")
    written = {"purpose": "practice", "question": "Where?", "text-a": "Here.", "text-c": "There.", "order": "c a"}
    client = make.client_of(olga)
    refused = client.post(f"{PAGE}add/", written)
    assert refused.status_code == 400
    assert "There." in refused.content.decode()
    assert client.post(f"{PAGE}add/", written | {"explanation": "So.", "clause": "say-where"}).status_code == 302
    made = Exercise.objects.get()
    assert (made.texts, made.tiers, made.clause) == (["Here.", "There."], [[1], [0]], "say-where")
    assert "Where?" in client.get(PAGE).content.decode()
    assert "1 Say where" in client.get(f"{PAGE}{made.public_id}/").content.decode()


@pytest.mark.parametrize(
    ("order", "said"), [("a", "not placed"), ("a b", "no answer B"), ("a=c", "tied"), ("", "required")]
)
def test_an_order_that_is_none_is_told_beside_its_field(project: Project, olga: User, order: str, said: str) -> None:
    written = {"purpose": "practice", "question": "Where?", "text-a": "A.", "text-c": "C.", "explanation": "So."}
    page = make.client_of(olga).post(f"{PAGE}add/", written | {"order": order})
    assert page.status_code == 400
    assert said in page.content.decode()


def test_the_buttons_of_the_page_move_and_retire(project: Project, olga: User, two: list[Exercise]) -> None:
    client = make.client_of(olga)
    for do in ("down", "retire", "bring_back", "nonsense", "bring_back"):
        assert client.post(f"{PAGE}{two[0].public_id}/change/", {"do": do}).status_code == 302
    assert list(exercises_of(project, Purpose.PRACTICE)) == [two[1], two[0]]
    assert "asked already" in client.get(PAGE).content.decode()


def _practise(client: Client, exercise: Exercise, sent: dict[str, str]) -> str:
    return client.post(f"/p/turtles/practice/{exercise.public_id}/", sent).content.decode()


def test_practice_says_of_every_pair_what_was_expected_and_why(project: Project, olga: User, alice: User) -> None:
    Guideline.objects.create(project=project, version=2, text="# Say where")
    add_exercises(by=olga, project=project, rows=[new(clause="say-where")])
    exercise = Exercise.objects.get()
    letter = {card.at: card.letter.upper() for card in cards_of(exercise, alice, 1)}
    page = _practise(make.client_of(alice), exercise, typed(exercise, alice, [[0], [1], [2]]))
    assert "1 of 2 pairs as expected" in page
    said = dict(re.findall(r'<th scope="row">(.+?)</th>.*?<td>(?:<svg.*?</svg>)? *(.+?)</td>', page, re.DOTALL))
    assert said[f"{letter[1]} before {letter[0]}"] == f"{letter[0]} before {letter[1]}"
    assert said[f"{letter[1]} before {letter[2]}"] == "the same"
    assert said["{} and {} tied".format(*sorted([letter[0], letter[2]]))] == "either way is right"
    assert f"{letter[1]} says where." in page
    assert 'href="/p/turtles/guidelines/#clause-say-where"' in page


def test_practice_may_be_repeated_and_each_time_is_kept_once(
    project: Project, two: list[Exercise], alice: User
) -> None:
    client = make.client_of(alice)
    for attempt in (1, 1, 2, 9):
        _practise(client, two[0], typed(two[0], alice, [[1], [0, 2]], attempt))
    assert list(ExerciseAnswer.objects.order_by("attempt").values_list("attempt", flat=True)) == [1, 2, 3]
    assert client.get("/p/turtles/practice/").content.decode().count('class="sub done"') == 1


@pytest.mark.parametrize("order", ["", "a", "a b c d", "a a b"])
def test_an_order_that_is_none_is_asked_again(two: list[Exercise], alice: User, order: str) -> None:
    sent = {"order": order, "attempt": "1"}
    answer = make.client_of(alice).post(f"/p/turtles/practice/{two[0].public_id}/", sent)
    assert answer.status_code == 400
    assert f'value="{order}"' in answer.content.decode()
    assert not ExerciseAnswer.objects.exists()


def test_before_the_answer_the_page_tells_nothing_of_it(two: list[Exercise], alice: User) -> None:
    page = make.client_of(alice).get(f"/p/turtles/practice/{two[0].public_id}/").content.decode()
    assert "says where" not in page
    assert re.search(r'<input id="id_order"[^>]* value=""', page)


def test_practice_is_for_those_who_label(project: Project, two: list[Exercise], olga: User, rita: User) -> None:
    for person in (olga, rita):
        assert make.client_of(person).get("/p/turtles/practice/").status_code == 403


def test_marks_in_a_text_are_shown_as_on_the_ranking_page(project: Project, olga: User, alice: User) -> None:
    texts = ["Not **here**, `x`.", "<b>There</b>.", "Nowhere."]
    add_exercises(by=olga, project=project, rows=[new(texts=texts)])
    exercise, client = Exercise.objects.get(), make.client_of(alice)
    asked = client.get(f"/p/turtles/practice/{exercise.public_id}/").content.decode()
    for page in (asked, _practise(client, exercise, typed(exercise, alice, [[0], [1], [2]]))):
        assert "<strong>here</strong>" in page
        assert "<b>There" not in page
