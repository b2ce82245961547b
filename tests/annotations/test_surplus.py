"""A lease guards fairness, not acceptance: a late answer is kept, outside the overlap."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from accounts.models import Project, User
from annotations.models import Assignment, Ranking, Slate
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work, skip
from tests import make
from tests.race import race


@pytest.fixture
def slate(project: Project) -> Slate:
    return make.make_slate(project)


def lent_and_expired(person: User, project: Project) -> Assignment:
    assignment = make.lent(person, project)
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=Now() - timedelta(seconds=1))
    return assignment


def rank(assignment: Assignment, slate: Slate) -> Ranking:
    assert assignment.labeler is not None
    tiers = make.tiers_of(slate)
    return submit_ranking(by=assignment.labeler, assignment_id=assignment.public_id, tiers=tiers, key=uuid4())


def test_an_answer_after_the_lease_still_fills_the_slot_if_nobody_took_it(
    project: Project, alice: User, slate: Slate
) -> None:
    late = lent_and_expired(alice, project)
    rank(late, slate)
    late.refresh_from_db()
    assert (late.state, late.surplus, late.slot) == ("done", False, 0)


def test_an_answer_after_somebody_took_the_slot_is_kept_as_surplus(
    project: Project, alice: User, bob: User, slate: Slate
) -> None:
    late = lent_and_expired(alice, project)
    taken = make.lent(bob, project)
    rank(late, slate)
    rank(taken, slate)
    late.refresh_from_db()
    taken.refresh_from_db()
    assert (late.state, late.surplus, late.slot) == ("done", True, None)
    assert (taken.state, taken.surplus, taken.slot) == ("done", False, 0)
    assert Ranking.objects.filter(slate=slate, is_current=True).count() == 2


def test_an_answer_from_a_tab_that_was_skipped_elsewhere_is_not_thrown_away(
    project: Project, alice: User, slate: Slate
) -> None:
    assignment = make.lent(alice, project)
    skip(by=alice, assignment_id=assignment.public_id, reason="unclear")
    rank(assignment, slate)
    assignment.refresh_from_db()
    assert (assignment.state, assignment.surplus) == ("done", True)
    assert slate.assignments.filter(state="open").count() == 1


@pytest.mark.django_db(transaction=True)
def test_when_the_late_answer_races_the_next_person_both_are_kept_and_the_overlap_holds(
    project: Project, alice: User, bob: User
) -> None:
    for _ in range(10):
        slate = make.make_slate(project)
        late = lent_and_expired(alice, project)
        race([partial(rank, late, slate), partial(lend_work, to=bob, project=project, kind="rank")])
        for taken in slate.assignments.filter(state="lent"):
            rank(taken, slate)
        assert slate.assignments.filter(state="done", surplus=False).count() == 1
        assert slate.rankings.filter(labeler=alice).count() == 1
