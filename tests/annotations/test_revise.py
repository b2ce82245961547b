"""A revision is a new row beside the one it revises."""

from functools import partial
from uuid import UUID, uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.models import Assignment, Ranking, Slate
from annotations.services.demonstrations import submit_demonstration
from annotations.services.rankings import submit_ranking
from tests import make
from tests.race import race


@pytest.fixture
def slate(project: Project) -> Slate:
    return make.make_slate(project, ["turtle", "tortoise"])


def revise(ranking: Ranking, tiers: list[list[UUID]]) -> Ranking:
    assignment = ranking.assignment.public_id
    return submit_ranking(by=ranking.labeler, assignment_id=assignment, tiers=tiers, key=uuid4())


def test_a_revision_is_a_new_row_and_the_old_one_stays_as_it_was(alice: User, slate: Slate) -> None:
    first = make.make_ranking(alice, slate, [[0], [1]])
    second = revise(first, make.tiers_of(slate, [[1], [0]]))
    first.refresh_from_db()
    assert (first.revision, first.is_current) == (1, False)
    assert (second.revision, second.is_current) == (2, True)
    assert dict(first.placements.values_list("completion__text", "tier")) == {"turtle": 1, "tortoise": 2}
    assert dict(second.placements.values_list("completion__text", "tier")) == {"turtle": 2, "tortoise": 1}


def test_a_revision_takes_no_second_slot_and_stands_in_the_journal(alice: User, slate: Slate) -> None:
    second = revise(make.make_ranking(alice, slate), make.tiers_of(slate))
    assignment = Assignment.objects.get(slate=slate)
    assert (assignment.state, assignment.slot, assignment.surplus) == ("done", 0, False)
    assert JournalEntry.objects.filter(verb="revise", subject_id=str(second.assignment_id)).count() == 1


def test_a_surplus_ranking_stays_surplus_when_it_is_revised(project: Project, alice: User, slate: Slate) -> None:
    Assignment.objects.filter(slate=slate).update(state="lapsed", labeler=alice, slot=None)
    late = Assignment.objects.get(slate=slate)
    tiers = make.tiers_of(slate)
    first = submit_ranking(by=alice, assignment_id=late.public_id, tiers=tiers, key=uuid4())
    revise(first, tiers)
    late.refresh_from_db()
    assert (late.state, late.surplus, late.slot) == ("done", True, None)


def test_a_demonstration_is_revised_the_same_way(project: Project, alice: User) -> None:
    make.make_prompt(project, demonstrations=1)
    assignment = make.lent(alice, project, "demonstrate").public_id
    for text in ("On land.", "On the beach."):
        messages = [{"role": "assistant", "content": text}]
        submit_demonstration(by=alice, assignment_id=assignment, messages=messages, key=uuid4())
    found = alice.demonstrations.order_by("revision").values_list("revision", "is_current", "messages")
    assert [(revision, current, said[0]["content"]) for revision, current, said in found] == [
        (1, False, "On land."),
        (2, True, "On the beach."),
    ]


@pytest.mark.django_db(transaction=True)
def test_eight_revisions_at_once_are_eight_rows_of_which_one_is_current(alice: User, slate: Slate) -> None:
    first = make.make_ranking(alice, slate)
    race([partial(revise, first, make.tiers_of(slate)) for _ in range(8)])
    revisions = Ranking.objects.filter(slate=slate)
    assert sorted(revisions.values_list("revision", flat=True)) == list(range(1, 10))
    assert revisions.get(is_current=True).revision == 9
