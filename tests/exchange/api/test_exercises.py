"""Practice and qualification by the API, for operators: the sets, what passes, and how people did."""

from typing import Any

import pytest

from accounts.models import Membership, Project, User
from annotations.models import Exercise, Qualification
from tests.exchange.api.calls import Caller, problem, said

AT, PEOPLE = "/projects/turtles/exercises", "/projects/turtles/qualifications"
ONE = {
    "purpose": "qualification",
    "messages": [{"role": "user", "content": "Where do turtles lay?"}],
    "texts": ["On the moon.", "On beaches, at night.", "They lay eggs."],
    "tiers": [["b"], ["a", "c"]],
    "explanation": "{b} says where.",
}


def add(caller: Caller, *rows: dict[str, Any]) -> Any:
    return caller.post(AT, {"exercises": list(rows)})


def change(caller: Caller, exercise: dict[str, Any], do: str) -> Any:
    return caller.post(f"{AT}/{exercise['id']}/change", {"do": do})


def test_exercises_come_back_as_they_were_written(project: Project, olga: User) -> None:
    told = add(Caller(olga), ONE, {**ONE, "purpose": "practice", "clause": "true"})
    assert (told.status_code, said(told)) == (201, {"added": 2})
    found = said(Caller(olga).get(AT))
    assert found["cut"] == 75
    practice, qualification = found["items"]
    assert {name: qualification[name] for name in ONE} == ONE
    assert (practice["purpose"], practice["clause"], practice["retired"]) == ("practice", "true", False)
    assert Exercise.objects.get(purpose="practice").tiers == [[1], [0, 2]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tiers": [["a"], ["b"]]},
        {"tiers": [["a", "b", "c"]]},
        {"tiers": [["a"], ["b"], ["d"]]},
        {"texts": ["One", ""], "tiers": [["a"], ["b"]]},
        {"explanation": " "},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"explanation": "\0"},
    ],
)
def test_all_of_a_batch_is_added_or_none(project: Project, olga: User, wrong: dict[str, Any]) -> None:
    assert problem(add(Caller(olga), ONE, {**ONE, **wrong})) == (422, "invalid")
    assert not Exercise.objects.exists()


def test_exercises_are_moved_retired_and_brought_back(project: Project, olga: User) -> None:
    caller = Caller(olga)
    add(caller, ONE, {**ONE, "explanation": "Second."})
    first, second = said(caller.get(AT))["items"]
    assert [one["id"] for one in said(change(caller, second, "up"))["items"]] == [second["id"], first["id"]]
    assert [one["retired"] for one in said(change(caller, second, "retire"))["items"]] == [False, True]
    assert problem(change(caller, second, "retire")) == (409, "moved")
    assert [one["retired"] for one in said(change(caller, second, "bring_back"))["items"]] == [False, False]


def test_an_operator_chooses_what_passes_and_lets_people_in(project: Project, olga: User, alice: User) -> None:
    caller = Caller(olga)
    add(caller, ONE)
    assert said(caller.send("PUT", "/projects/turtles/qualification-cut", {"cut": 90})) == {"cut": 90}
    assert said(caller.get(AT))["cut"] == 90
    [person] = said(caller.get(PEOPLE))["items"]
    assert (person["username"], person["passed"], person["attempts"]) == ("alice", False, [])
    path = f"/projects/turtles/members/{person['id']}/let-in"
    assert problem(caller.post(path, {"note": " "})) == (409, "refused")
    allowed = said(caller.post(path, {"note": "She wrote the set."}))
    assert (allowed["passed"], allowed["allowed_by"], allowed["note"]) == (True, "olga", "She wrote the set.")
    assert said(caller.get(PEOPLE))["items"][0]["passed"]
    assert said(Caller(alice).get("/projects/turtles/qualification"))["passed"]


@pytest.mark.parametrize(("who", "status"), [("alice", 403), ("rita", 403), ("erik", 403), ("mallory", 404)])
def test_the_sets_are_the_operators(
    project: Project, olga: User, who: str, status: int, request: pytest.FixtureRequest
) -> None:
    add(Caller(olga), ONE)
    exercise, member = Exercise.objects.get(), Membership.objects.get(user=olga)
    caller = Caller(request.getfixturevalue(who))
    calls = [caller.get(AT), caller.get(PEOPLE), add(caller, ONE), change(caller, {"id": exercise.public_id}, "retire")]
    calls += [caller.send("PUT", "/projects/turtles/qualification-cut", {"cut": 0})]
    calls += [caller.post(f"/projects/turtles/members/{member.pk}/let-in", {"note": "Mine."})]
    assert {each.status_code for each in calls} == {status}
    assert Exercise.objects.get().retired_at is None
    assert not Qualification.objects.exists()
