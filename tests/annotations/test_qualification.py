"""The qualification set: nothing is lent before it is passed, every answer counts once, operators may let people in."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import JournalEntry, Membership, Project, User
from accounts.permissions import NotAllowed
from annotations.choices import Kind, Purpose
from annotations.models import Exercise, ExerciseAnswer, Qualification, Ranking
from annotations.queries.exercises import exercises_of, qualification_owed, standing, still_asked, under_way
from annotations.queries.waiting import stock
from annotations.services.exercises import add_exercises, retire_exercise
from annotations.services.qualifications import (
    AllowRefused,
    NotUnderWay,
    PracticeOwed,
    QualificationOwed,
    allow,
    answer_qualification,
    begin_qualification,
    practise,
    set_cut,
)
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work
from tests import make
from tests.annotations.test_exercises import new, typed
from tests.race import race

RIGHT = [[1], [0, 2]]
# Of the two pairs that count, one is reversed.
HALF = [[0], [1], [2]]


@pytest.fixture
def asked(project: Project, olga: User) -> list[Exercise]:
    """A project with a qualification set of four and one slate to rank."""
    rows = [new(f"Question {number}?", Purpose.QUALIFICATION) for number in range(4)]
    add_exercises(by=olga, project=project, rows=rows)
    make.make_slate(project)
    return list(exercises_of(project, Purpose.QUALIFICATION))


def attempt(by: User, project: Project, tiers: list[list[list[int]]]) -> Qualification:
    """One whole attempt: begun, and answered in the order it asks."""
    running = begin_qualification(by=by, project=project)
    for said in tiers:
        exercise = still_asked(running)[0]
        running = answer_qualification(by=by, project=project, exercise_id=exercise.public_id, tiers=said)
    return running


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_lent_before_the_set_is_passed(
    project: Project, asked: list[Exercise], alice: User, kind: Kind
) -> None:
    with pytest.raises(QualificationOwed):
        lend_work(to=alice, project=project, kind=kind)
    assert stock(project) == 1
    assert Membership.objects.get(user=alice).last_lent_at is None
    assert attempt(alice, project, [RIGHT] * 4).passed_at
    assert lend_work(to=alice, project=project, kind=Kind.RANK)


def test_without_a_set_work_is_lent_at_once(project: Project, olga: User, alice: User) -> None:
    add_exercises(by=olga, project=project, rows=[new()])
    make.make_slate(project)
    assert make.lent(alice, project)
    with pytest.raises(NotUnderWay):
        begin_qualification(by=alice, project=project)


def test_a_set_that_was_retired_holds_nobody_back(
    project: Project, asked: list[Exercise], olga: User, alice: User
) -> None:
    for exercise in asked:
        retire_exercise(by=olga, project=project, exercise_id=exercise.public_id)
    assert make.lent(alice, project)


def test_what_was_labelled_before_the_set_stays_and_begun_work_can_be_sent(
    project: Project, olga: User, alice: User
) -> None:
    done = make.make_ranking(alice, make.make_slate(project))
    slate = make.make_slate(project)
    begun = make.lent(alice, project)
    add_exercises(by=olga, project=project, rows=[new(purpose=Purpose.QUALIFICATION)])
    with pytest.raises(QualificationOwed):
        lend_work(to=alice, project=project, kind=Kind.RANK)
    submit_ranking(by=alice, assignment_id=begun.public_id, tiers=make.tiers_of(slate), key=uuid.uuid4())
    assert Ranking.objects.filter(is_current=True, withdrawn_at=None).count() == 2
    assert Ranking.objects.get(pk=done.pk).is_current


@pytest.mark.parametrize(
    ("tiers", "percent", "passes"),
    [([RIGHT] * 4, 100, True), ([RIGHT, RIGHT, HALF, HALF], 75, True), ([RIGHT, HALF, HALF, HALF], 62, False)],
)
def test_three_quarters_of_the_known_pairs_pass(
    project: Project, asked: list[Exercise], alice: User, tiers: list[list[list[int]]], percent: int, passes: bool
) -> None:
    done = attempt(alice, project, tiers)
    assert (done.percent, bool(done.passed_at), done.cut) == (percent, passes, 75)
    assert qualification_owed(alice, project) is not passes


def test_the_cut_is_the_projects_own_and_is_kept_with_the_attempt(
    project: Project, asked: list[Exercise], olga: User, alice: User, bob: User
) -> None:
    set_cut(by=olga, project=project, cut=60)
    assert attempt(alice, project, [RIGHT, HALF, HALF, HALF]).passed_at
    set_cut(by=olga, project=project, cut=90)
    assert not attempt(bob, project, [RIGHT, RIGHT, HALF, HALF]).passed_at
    assert not qualification_owed(alice, project)
    with pytest.raises(NotAllowed):
        set_cut(by=alice, project=project, cut=0)


def test_an_exercise_is_answered_once_in_an_attempt(project: Project, asked: list[Exercise], alice: User) -> None:
    begin_qualification(by=alice, project=project)
    said = {"by": alice, "project": project, "exercise_id": asked[0].public_id}
    answer_qualification(tiers=HALF, **said)
    with pytest.raises(NotUnderWay):
        answer_qualification(tiers=RIGHT, **said)
    assert [row.tiers for row in ExerciseAnswer.objects.all()] == [HALF]


@pytest.mark.django_db(transaction=True)
def test_of_clicks_at_once_one_begins_and_one_answers(project: Project, asked: list[Exercise], alice: User) -> None:
    begun = race([lambda: begin_qualification(by=alice, project=project)] * 4)
    assert {one.pk for one in begun} == {Qualification.objects.get().pk}

    def answer() -> bool:
        try:
            answer_qualification(by=alice, project=project, exercise_id=asked[0].public_id, tiers=RIGHT)
        except NotUnderWay:
            return False
        return True

    assert sorted(race([answer] * 4)) == [False, False, False, True]
    assert ExerciseAnswer.objects.count() == 1


def test_who_failed_practises_and_tries_again_in_another_order(
    project: Project, asked: list[Exercise], olga: User, alice: User
) -> None:
    add_exercises(by=olga, project=project, rows=[new("Practice?")])
    [exercise] = exercises_of(project, Purpose.PRACTICE)
    drill = {"by": alice, "project": project, "exercise_id": exercise.public_id, "tiers": RIGHT}
    practise(attempt=1, **drill)
    orders = []
    for number in range(1, 6):
        running = begin_qualification(by=alice, project=project)
        assert running.attempt == number
        orders.append([one.pk for one in still_asked(running)])
        attempt(alice, project, [HALF] * 4)
        with pytest.raises(PracticeOwed, match="1 to go"):
            begin_qualification(by=alice, project=project)
        practise(attempt=number + 1, **drill)
    assert len(set(map(tuple, orders))) > 1
    assert attempt(alice, project, [RIGHT] * 4).passed_at
    with pytest.raises(NotUnderWay):
        begin_qualification(by=alice, project=project)


def test_an_attempt_goes_on_where_it_was_left_and_ends_when_the_rest_is_retired(
    project: Project, asked: list[Exercise], olga: User, alice: User
) -> None:
    attempt(alice, project, [RIGHT] * 3)
    running = begin_qualification(by=alice, project=project)
    [last] = still_asked(running)
    assert running.attempt == 1
    retire_exercise(by=olga, project=project, exercise_id=last.public_id)
    ended = begin_qualification(by=alice, project=project)
    assert (ended.percent, bool(ended.passed_at)) == (100, True)


def test_an_operator_lets_somebody_in_with_a_reason_that_no_journal_tells(
    project: Project, asked: list[Exercise], olga: User, alice: User
) -> None:
    membership = Membership.objects.get(user=alice)
    begin_qualification(by=alice, project=project)
    said = {"by": olga, "project": project, "membership_id": membership.pk}
    with pytest.raises(AllowRefused):
        allow(note="  ", **said)
    allowed = allow(note="Wrote the set herself.", **said)
    assert (allowed.note, allowed.allowed_by, allowed.attempt) == ("Wrote the set herself.", olga, 2)
    assert make.lent(alice, project)
    assert under_way(alice, project) is None
    with pytest.raises(AllowRefused):
        allow(note="Again.", **said)
    assert "herself" not in str(list(JournalEntry.objects.values()))


@pytest.mark.parametrize("name", ["alice", "rita", "erik", "mallory"])
def test_nobody_else_lets_anybody_in(
    project: Project, asked: list[Exercise], bob: User, name: str, request: pytest.FixtureRequest
) -> None:
    membership = Membership.objects.get(user=bob)
    with pytest.raises(NotAllowed):
        allow(by=request.getfixturevalue(name), project=project, membership_id=membership.pk, note="Please.")
    assert qualification_owed(bob, project)


def test_an_exercise_of_another_project_is_none_of_this_set(
    project: Project, asked: list[Exercise], olga: User, alice: User
) -> None:
    begin_qualification(by=alice, project=project)
    other = Exercise.objects.create(project=make.make_project("other"), purpose="qualification", position=1,
                                    messages=[], texts=["a", "b"], tiers=[[0], [1]], explanation="")  # fmt: skip
    client = make.client_of(alice)
    assert client.get(f"/p/turtles/qualification/{other.public_id}/").status_code == 404
    assert client.get("/p/other/qualification/").status_code == 404


def test_the_pages_lead_from_start_through_the_set_to_the_work(
    project: Project, asked: list[Exercise], alice: User
) -> None:
    client = make.client_of(alice)
    start = client.get("/p/turtles/rank/", follow=True)
    assert start.redirect_chain == [("/p/turtles/qualification/", 302)]
    assert "4 questions whose order is known" in start.content.decode()
    asked_next = client.post("/p/turtles/qualification/")["Location"]
    for _ in range(4):
        exercise = Exercise.objects.get(public_id=asked_next.split("/")[-2])
        page = client.get(asked_next).content.decode()
        assert "says where" not in page
        asked_next = client.post(asked_next, typed(exercise, alice, RIGHT))["Location"]
    assert "You reached 100%" in client.get(asked_next).content.decode()
    assert client.get("/p/turtles/rank/")["Location"].startswith("/rank/")


def test_the_page_tells_who_failed_how_far_they_came_and_nothing_of_the_set(
    project: Project, asked: list[Exercise], alice: User
) -> None:
    attempt(alice, project, [HALF] * 4)
    page = make.client_of(alice).get("/p/turtles/qualification/").content.decode()
    assert "You reached 50%; 75% are asked for" in page
    assert "Try again" in page
    assert not any(exercise.explanation in page or exercise.texts[1] in page for exercise in asked)


def test_a_page_of_an_attempt_that_is_over_leads_back(project: Project, asked: list[Exercise], alice: User) -> None:
    client, address = make.client_of(alice), f"/p/turtles/qualification/{asked[0].public_id}/"
    assert client.get(address)["Location"] == "/p/turtles/qualification/"
    begin_qualification(by=alice, project=project)
    assert client.post(address, {"order": "a b", "attempt": "1"}).status_code == 400
    assert client.post(address, typed(asked[0], alice, RIGHT)).status_code == 302
    again = client.post(address, typed(asked[0], alice, HALF))
    assert again.status_code == 302
    assert standing(alice, project).answered == 1


def test_operators_see_how_each_person_did(project: Project, asked: list[Exercise], olga: User, alice: User) -> None:
    attempt(alice, project, [HALF] * 4)
    client, address = make.client_of(olga), "/p/turtles/exercises/people/"
    assert "Attempt 1: 50%, 75% asked for" in client.get(address).content.decode()
    membership = Membership.objects.get(user=alice)
    client.post(f"{address}{membership.pk}/", {"note": ""})
    assert qualification_owed(alice, project)
    client.post(f"{address}{membership.pk}/", {"note": "She reviewed the set."})
    assert "She reviewed the set." in client.get(address).content.decode()
    assert not qualification_owed(alice, project)


def test_the_cut_is_set_on_the_page(project: Project, olga: User) -> None:
    client = make.client_of(olga)
    assert client.post("/p/turtles/exercises/cut/", {"cut": "80"}).status_code == 302
    assert [client.post("/p/turtles/exercises/cut/", {"cut": cut}).status_code for cut in ("101", "-1", "x")] == [
        400
    ] * 3
    project.refresh_from_db()
    assert project.qualification_cut == 80


def test_asking_whether_one_may_work_costs_one_query(project: Project, asked: list[Exercise], alice: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert qualification_owed(alice, project)
    assert len(queries) == 1
