"""The same key and body are answered the same; another body is refused."""

from functools import partial
from uuid import UUID, uuid4

import pytest

from accounts.models import Project, Submission, User
from accounts.submissions import KeyReused
from annotations.models import Assignment, Demonstration, Ranking, Slate
from annotations.services.demonstrations import submit_demonstration
from annotations.services.rankings import Incomplete, submit_ranking
from tests import make
from tests.race import race

KEY = UUID("0192f0c1-0000-4000-8000-000000000001")


@pytest.fixture
def slate(project: Project) -> Slate:
    return make.make_slate(project)


@pytest.fixture
def assignment(project: Project, slate: Slate, alice: User) -> Assignment:
    return make.lent(alice, project)


def rank(assignment: Assignment, tiers: list[list[UUID]], key: UUID = KEY, milliseconds: int = 0) -> Ranking:
    assert assignment.labeler is not None
    making = {"milliseconds": milliseconds}
    return submit_ranking(
        by=assignment.labeler, assignment_id=assignment.public_id, tiers=tiers, making=making, key=key
    )


def test_the_same_submission_twice_is_one_ranking_and_one_answer(slate: Slate, assignment: Assignment) -> None:
    tiers = make.tiers_of(slate)
    assert rank(assignment, tiers) == rank(assignment, tiers)
    assert Ranking.objects.count() == 1


def test_a_second_click_is_the_same_submission_though_its_clock_differs(slate: Slate, assignment: Assignment) -> None:
    tiers = make.tiers_of(slate)
    assert rank(assignment, tiers, milliseconds=900) == rank(assignment, tiers, milliseconds=1100)


def test_the_order_within_a_tie_says_nothing(slate: Slate, assignment: Assignment) -> None:
    [a], [b], [c], [d] = make.tiers_of(slate)
    assert rank(assignment, [[a, b], [c, d]]) == rank(assignment, [[b, a], [d, c]])


def test_the_same_key_with_another_ranking_is_refused_and_changes_nothing(slate: Slate, assignment: Assignment) -> None:
    ranking = rank(assignment, make.tiers_of(slate))
    with pytest.raises(KeyReused):
        rank(assignment, make.tiers_of(slate, [[3], [2], [1], [0]]))
    assert Ranking.objects.get() == ranking


def test_another_key_is_a_revision(slate: Slate, assignment: Assignment) -> None:
    rank(assignment, make.tiers_of(slate))
    assert rank(assignment, make.tiers_of(slate), key=uuid4()).revision == 2


def test_an_old_key_still_gets_its_old_answer_after_a_revision(slate: Slate, assignment: Assignment) -> None:
    first = rank(assignment, make.tiers_of(slate))
    rank(assignment, make.tiers_of(slate), key=uuid4())
    assert rank(assignment, make.tiers_of(slate)) == first
    assert Ranking.objects.count() == 2


def test_a_refused_submission_leaves_its_key_free(slate: Slate, assignment: Assignment) -> None:
    with pytest.raises(Incomplete):
        rank(assignment, make.tiers_of(slate, [[0], [1]]))
    assert not Submission.objects.exists()
    assert rank(assignment, make.tiers_of(slate)).revision == 1


def test_two_people_may_use_the_same_key(project: Project, alice: User, bob: User) -> None:
    first, second = make.make_slates(project, 2)
    held = [make.lent(alice, project), make.lent(bob, project)]
    rankings = [rank(one, make.tiers_of(one.slate or first)) for one in held]
    assert {ranking.slate for ranking in rankings} == {first, second}


def test_a_demonstration_sent_twice_is_kept_once(project: Project, alice: User) -> None:
    make.make_prompt(project, demonstrations=1)
    assignment = make.lent(alice, project, "demonstrate").public_id
    send = partial(submit_demonstration, by=alice, assignment_id=assignment, key=KEY)
    said = [{"role": "assistant", "content": "On the beach."}]
    assert send(messages=said) == send(messages=said)
    with pytest.raises(KeyReused):
        send(messages=[{"role": "assistant", "content": "In the sea."}])
    assert Demonstration.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_identical_submissions_at_once_are_one_ranking(slate: Slate, assignment: Assignment) -> None:
    tiers = make.tiers_of(slate)
    answers = race([partial(rank, assignment, tiers) for _ in range(16)])
    assert {answer.pk for answer in answers} == {Ranking.objects.get().pk}
    assert Submission.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_bodies_racing_with_one_key_one_is_kept_and_the_other_refused(
    slate: Slate, assignment: Assignment
) -> None:
    def attempt(tiers: list[list[UUID]]) -> str:
        try:
            return str(rank(assignment, tiers).pk)
        except KeyReused:
            return "refused"

    orders = [make.tiers_of(slate), make.tiers_of(slate, [[3], [2], [1], [0]])]
    answers = race([partial(attempt, tiers) for tiers in orders])
    assert sorted(answers, key=len) == sorted([str(Ranking.objects.get().pk), "refused"], key=len)
