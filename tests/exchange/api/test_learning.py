"""What comes before the work, by the API: guidelines, consent, practice, and a qualification that tells nothing."""

from typing import Any

import pytest

from accounts.consents import publish_consent
from accounts.models import Acceptance, Guideline, GuidelineSeen, Project, User
from annotations.choices import Purpose
from annotations.models import Exercise, ExerciseAnswer, Qualification
from annotations.queries.exercises import cards_of, exercises_of
from annotations.services.exercises import add_exercises
from tests import make
from tests.annotations.test_exercises import TEXTS, new
from tests.exchange.api.calls import Caller, problem, said

AT = "/projects/turtles"
WORK = f"{AT}/assignments"
# By places in TEXTS: the known order, and one in which a pair of two is reversed.
RIGHT, HALF = [[1], [0, 2]], [[0], [1], [2]]


def order(asked: dict[str, Any], tiers: list[list[int]]) -> dict[str, Any]:
    """These places of TEXTS, by the letters of this exercise."""
    letter = {answer["text"]: answer["letter"] for answer in asked["answers"]}
    return {"tiers": [[letter[TEXTS[at]] for at in tied] for tied in tiers], "attempt": asked["attempt"]}


def answer(caller: Caller, asked: dict[str, Any], tiers: list[list[int]], of: str = "qualification") -> Any:
    return caller.post(f"{AT}/{of}/{asked['id']}", order(asked, tiers))


@pytest.fixture
def asked(project: Project, olga: User) -> list[Exercise]:
    rows = [new(f"Question {number}?", Purpose.QUALIFICATION) for number in range(2)]
    add_exercises(by=olga, project=project, rows=[*rows, new("Practise?")])
    make.make_slate(project)
    return list(exercises_of(project, Purpose.QUALIFICATION))


def test_guidelines_are_read_with_what_changed_and_reading_them_by_program_is_no_opening(
    project: Project, alice: User
) -> None:
    Guideline.objects.create(project=project, version=2, text="# All\n\n## True {false}\n\nPrefer what is true.\n")
    caller = Caller(alice)
    told = said(caller.get(f"{AT}/guideline", since=1))
    assert (told["version"], told["since"], [each["version"] for each in told["earlier"]]) == (2, 1, [1])
    assert {"id": "true", "number": "1", "title": "True"} in told["clauses"]
    assert {"is_new": True, "text": "Prefer what is true."} in [
        line for one in told["changes"] for line in one["lines"]
    ]
    assert not GuidelineSeen.objects.exists()
    assert caller.post(f"{AT}/guideline/seen", {"version": 2}).status_code == 204
    assert GuidelineSeen.objects.get().guideline.version == 2
    assert problem(caller.post(f"{AT}/guideline/seen", {"version": 3})) == (404, "not-found")


def test_a_consent_is_read_accepted_and_withdrawn(project: Project, alice: User, olga: User) -> None:
    make.make_slate(project)
    publish_consent(by=olga, project=project, text="We keep what you write.", after=0)
    caller = Caller(alice)
    told = said(caller.get(f"{AT}/consent"))
    assert told == {"version": 1, "text": "We keep what you write.", "owed": True, "accepted": None}
    assert problem(caller.post(WORK, {"kind": "rank"})) == (403, "not-allowed")
    assert problem(caller.post(f"{AT}/consent", {"version": 2})) == (409, "moved")
    told = said(caller.post(f"{AT}/consent", {"version": 1}))
    assert (told["owed"], told["accepted"]) == (False, 1)
    held = said(caller.post(WORK, {"kind": "rank"}))["assignment"]
    assert said(caller.send("DELETE", f"{AT}/consent")) == {"given_back": 1}
    sent = caller.post(f"/assignments/{held['id']}/ranking", {"tiers": [["a"], ["b"], ["c"], ["d"]]})
    assert problem(sent) == (403, "not-allowed")
    assert Acceptance.objects.get().withdrawn_at


def test_practice_explains_itself_under_the_letters_of_its_attempt(
    project: Project, asked: list[Exercise], alice: User
) -> None:
    caller = Caller(alice)
    [line] = said(caller.get(f"{AT}/practice"))["items"]
    assert (line["question"], line["done"]) == ("Practise?", False)
    shown = said(caller.get(f"{AT}/practice/{line['id']}"))
    told = said(answer(caller, shown, HALF, "practice"))
    letter = {each["text"]: each["letter"] for each in shown["answers"]}
    assert told["tiers"] == [[letter[TEXTS[1]]], sorted([letter[TEXTS[0]], letter[TEXTS[2]]])]
    assert told["why"] == f"{letter[TEXTS[1]].upper()} says where."
    assert (told["alike"], told["counted"]) == (1, 2)
    assert {"better": letter[TEXTS[1]], "worse": letter[TEXTS[0]], "said": "reversed"} in told["pairs"]
    assert said(caller.get(f"{AT}/practice"))["items"][0]["done"]
    again = said(caller.get(f"{AT}/practice/{line['id']}"))
    assert again["attempt"] == 2


def test_letters_are_those_of_the_page(project: Project, asked: list[Exercise], alice: User) -> None:
    told = said(Caller(alice).post(f"{AT}/qualification"))["next"]
    exercise = next(one for one in asked if str(one.public_id) == told["id"])
    cards = cards_of(exercise, alice, 1)
    assert [(each["letter"], each["text"]) for each in told["answers"]] == [(card.letter, card.text) for card in cards]


def test_the_qualification_lets_in_who_passes_it(project: Project, asked: list[Exercise], alice: User) -> None:
    caller = Caller(alice)
    refused = caller.post(WORK, {"kind": "rank"})
    assert (problem(refused), "qualification" in said(refused)["detail"]) == ((403, "not-allowed"), True)
    standing = said(caller.post(f"{AT}/qualification"))
    assert (standing["asked"], standing["answered"], standing["under_way"]) == (2, 0, True)
    assert said(caller.post(f"{AT}/qualification")) == standing
    while standing["next"]:
        standing = said(answer(caller, standing["next"], RIGHT))
    assert (standing["passed"], standing["percent"], standing["cut"]) == (True, 100, 75)
    assert said(caller.post(WORK, {"kind": "rank"}))["assignment"]
    assert problem(caller.post(f"{AT}/qualification")) == (409, "refused")


def test_who_fails_practises_first(project: Project, asked: list[Exercise], alice: User) -> None:
    caller = Caller(alice)
    standing = said(caller.post(f"{AT}/qualification"))
    while standing["next"]:
        standing = said(answer(caller, standing["next"], HALF))
    assert (standing["passed"], standing["percent"], standing["practice_left"]) == (False, 50, 1)
    assert problem(caller.post(f"{AT}/qualification")) == (403, "not-allowed")
    [line] = said(caller.get(f"{AT}/practice"))["items"]
    answer(caller, said(caller.get(f"{AT}/practice/{line['id']}")), RIGHT, "practice")
    assert said(caller.post(f"{AT}/qualification"))["under_way"]
    assert Qualification.objects.filter(labeler=alice).count() == 2


def test_a_qualification_says_nothing_of_the_known_order(project: Project, asked: list[Exercise], alice: User) -> None:
    caller = Caller(alice)
    standing = said(caller.post(f"{AT}/qualification"))
    response = answer(caller, standing["next"], HALF)
    for tell in ("says where", "tiers", "explanation", "why", "points", "clause"):
        assert tell not in response.content.decode()
    assert (said(response)["percent"], said(response)["answered"]) == (None, 1)


def test_an_exercise_is_answered_once_in_an_attempt(project: Project, asked: list[Exercise], alice: User) -> None:
    caller = Caller(alice)
    first = said(caller.post(f"{AT}/qualification"))["next"]
    assert answer(caller, first, RIGHT).status_code == 200
    assert problem(answer(caller, first, HALF)) == (409, "refused")
    assert problem(answer(caller, {**first, "attempt": 2}, HALF)) == (409, "moved")
    assert ExerciseAnswer.objects.count() == 1


@pytest.mark.parametrize("tiers", [[], [["a"], ["b"]], [["a"], ["a"], ["b"], ["c"]], [["a"], ["b"], ["c"], ["d"]]])
def test_an_order_that_is_none_is_told(
    project: Project, asked: list[Exercise], alice: User, tiers: list[list[str]]
) -> None:
    caller = Caller(alice)
    first = said(caller.post(f"{AT}/qualification"))["next"]
    response = caller.post(f"{AT}/qualification/{first['id']}", {"tiers": tiers, "attempt": 1})
    assert problem(response) == (422, "invalid")
    assert [fault["location"] for fault in said(response)["errors"]] == ["body.order.tiers"]


@pytest.mark.parametrize(("who", "status"), [("rita", 403), ("olga", 403), ("erik", 403), ("mallory", 404)])
def test_learning_is_for_labelers(
    who: str, status: int, project: Project, asked: list[Exercise], request: pytest.FixtureRequest
) -> None:
    caller = Caller(request.getfixturevalue(who))
    calls = [caller.get(f"{AT}/{name}") for name in ("consent", "practice", "qualification", "desk", "work")]
    calls += [caller.post(f"{AT}/qualification"), caller.send("DELETE", f"{AT}/consent")]
    calls += [caller.post(f"{AT}/consent", {"version": 1})]
    assert {each.status_code for each in calls} == {status}
    assert caller.get(f"{AT}/guideline").status_code == (404 if status == 404 else 200)
