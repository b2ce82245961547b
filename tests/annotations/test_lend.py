"""Who is lent what: one slot for one person, under a lease, and never the same thing twice."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import JournalEntry, Project, Role, User
from accounts.permissions import NotAllowed
from annotations.choices import Kind
from annotations.models import Assignment
from annotations.queries.waiting import stock
from annotations.services.work import lend_work
from tests import make
from tests.race import race

LONG_AGO = timedelta(days=1)


def expire(assignment: Assignment) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=Now() - LONG_AGO)


def test_a_labeler_is_lent_a_free_slot_under_a_lease(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    assignment = make.lent(alice, project)
    assert (assignment.slate, assignment.state, assignment.labeler) == (slate, "lent", alice)
    lease = timedelta(minutes=project.lease_minutes)
    assert assignment.lease_until is not None
    assert timezone.now() + lease - LONG_AGO < assignment.lease_until <= timezone.now() + lease


def test_lending_is_in_the_journal(project: Project, alice: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    entry = JournalEntry.objects.get(subject="assignment", subject_id=str(assignment.pk))
    assert (entry.actor, entry.verb, entry.old, entry.new) == (alice, "lend", "open", "lent")


def test_where_nothing_waits_nothing_is_lent(project: Project, alice: User) -> None:
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None


def test_who_holds_work_gets_the_same_work_again_with_a_fresh_lease(project: Project, alice: User) -> None:
    make.make_slates(project, 2)
    first = make.lent(alice, project)
    expire(first)
    again = make.lent(alice, project)
    assert again == first
    assert again.lease_until is not None
    assert again.lease_until > timezone.now()


def test_two_labelers_get_different_slates_while_there_are_enough(project: Project, alice: User, bob: User) -> None:
    make.make_slates(project, 2)
    assert make.lent(alice, project).slate != make.lent(bob, project).slate


def test_overlap_two_gives_one_slate_to_two_people_and_to_no_third(project: Project, alice: User, bob: User) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    slate = make.make_slate(project)
    carol = make.make_person("carol", project)
    assert make.lent(alice, project).slate == make.lent(bob, project).slate == slate
    assert lend_work(to=carol, project=project, kind=Kind.RANK) is None


def test_nobody_gets_the_same_slate_twice(project: Project, alice: User) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    slate = make.make_slate(project)
    make.make_ranking(alice, slate)
    assert stock(project) == 1
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None


def test_the_newest_policys_slates_come_first(project: Project, alice: User) -> None:
    make.make_slate(project, policy=make.make_policy(project, "base"))
    newer = make.make_slate(project, policy=make.make_policy(project, "r1-ppo"))
    assert make.lent(alice, project).slate == newer


def test_a_lease_that_ran_out_goes_to_somebody_else_in_the_same_slot(project: Project, alice: User, bob: User) -> None:
    make.make_slate(project)
    old = make.lent(alice, project)
    expire(old)
    new = make.lent(bob, project)
    lapsed = Assignment.objects.get(pk=old.pk)
    assert (new.slate, new.slot, new.shown) == (old.slate, old.slot, old.shown)
    assert new.fence > old.fence
    assert (lapsed.state, lapsed.slot, lapsed.labeler) == ("lapsed", None, alice)


def test_a_running_lease_is_not_taken_away(project: Project, alice: User, bob: User) -> None:
    make.make_slate(project)
    make.lent(alice, project)
    assert lend_work(to=bob, project=project, kind=Kind.RANK) is None


def test_who_lost_a_slate_is_not_lent_it_again(project: Project, alice: User, bob: User) -> None:
    make.make_slate(project)
    expire(make.lent(alice, project))
    expire(make.lent(bob, project))
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.OPERATOR, Role.EXPORTER, None])
def test_only_labelers_are_lent_work(project: Project, role: Role | None) -> None:
    make.make_slate(project)
    person = make.make_person("somebody", project if role else None, role or Role.LABELER)
    with pytest.raises(NotAllowed):
        lend_work(to=person, project=project, kind=Kind.RANK)
    assert stock(project) == 1


def test_work_of_another_project_is_never_lent(project: Project, alice: User) -> None:
    other = make.make_project("tortoises")
    make.make_slate(other)
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None
    with pytest.raises(NotAllowed):
        lend_work(to=alice, project=other, kind=Kind.RANK)


def test_whoever_is_deactivated_is_lent_nothing_from_that_moment(project: Project, alice: User) -> None:
    make.make_slate(project)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        lend_work(to=alice, project=project, kind=Kind.RANK)


def test_over_k_slots_every_completion_stands_once_in_every_place(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=4)
    project.refresh_from_db()
    orders = make.make_slate(project, k=4).assignments.values_list("shown", flat=True)
    times = Counter((place, card) for order in orders for place, card in enumerate(order))
    assert times == {(place, card): 1 for place in range(4) for card in range(4)}


def test_the_queries_of_lending_do_not_grow_with_the_work(project: Project, alice: User, bob: User) -> None:
    make.make_slate(project)
    with CaptureQueriesContext(connection) as few:
        make.lent(alice, project)
    make.make_slates(project, 30)
    with CaptureQueriesContext(connection) as many:
        make.lent(bob, project)
    assert len(few) == len(many) <= 12


def plan_of(sql: str) -> str:
    """How the database would run this query."""
    how = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # On so few rows reading them all is cheaper, and says nothing about a million.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            # What other tests rolled back still lies in the indexes, and makes one look dearer than another.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; REINDEX TABLE annotations_assignment")
        # With its figures known, SQLite may prefer a join order that sorts every open row.
        cursor.execute("ANALYZE")
        cursor.execute(f"{how} {sql}".replace("%", "%%"))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_a_free_slot_is_the_first_of_the_index_of_open_work(project: Project, alice: User) -> None:
    make.make_slates(project, 30)
    with CaptureQueriesContext(connection) as queries:
        make.lent(alice, project)
    [search] = [query["sql"] for query in queries if '"priority" DESC' in query["sql"]]
    plan = plan_of(search)
    assert "assignment_open" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_the_database_refuses_a_slot_twice_and_a_slate_twice_for_one_person(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    row = slate.assignments.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(project=project, kind="rank", prompt=slate.prompt, slate=slate, slot=row.slot)
    make.lent(alice, project)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(
            project=project, kind="rank", prompt=slate.prompt, slate=slate, slot=7, state="lent", labeler=alice
        )


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_race_for_the_last_slot_exactly_one_gets_it(project: Project) -> None:
    make.make_slate(project)
    people = [make.make_person(f"racer-{number}", project) for number in range(16)]
    lent = race([partial(lend_work, to=person, project=project, kind=Kind.RANK) for person in people])
    winners = [assignment for assignment in lent if assignment]
    assert len(winners) == 1
    assert Assignment.objects.get(state="lent").labeler == winners[0].labeler


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_race_for_a_lease_that_ran_out_exactly_one_gets_it(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    expire(make.lent(alice, project))
    people = [make.make_person(f"racer-{number}", project) for number in range(16)]
    lent = race([partial(lend_work, to=person, project=project, kind=Kind.RANK) for person in people])
    assert len([assignment for assignment in lent if assignment]) == 1
    assert slate.assignments.filter(slot__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_labelers_at_once_fill_every_slot_and_never_overfill_one(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    make.make_slates(project, 6)
    people = [make.make_person(f"racer-{number}", project) for number in range(16)]
    lent = [one for one in race([partial(lend_work, to=p, project=project, kind=Kind.RANK) for p in people]) if one]
    assert len(lent) == 12
    assert set(Counter(assignment.slate_id for assignment in lent).values()) == {2}


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_person_get_the_same_work(project: Project, alice: User) -> None:
    make.make_slates(project, 8)
    lent = race([partial(lend_work, to=alice, project=project, kind=Kind.RANK) for _ in range(8)])
    assert len({assignment and assignment.pk for assignment in lent}) == 1
