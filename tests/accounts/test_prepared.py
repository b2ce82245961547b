"""Prepared queries: what Django's own would answer and write, with each call's values, on both kinds of database."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import DurationField, Exists, OuterRef, QuerySet, UUIDField
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import JournalEntry, Membership, Project, Role, Submission, User
from accounts.prepared import Given, Prepared, PreparedInsert, PreparedUpdate
from tests import make


def _members(role: Any, project: Any) -> QuerySet[Membership, Membership]:
    labels = Exists(Membership.objects.filter(user=OuterRef("user"), role=Role.LABELER))
    members = Membership.objects.filter(role=role, project=project).annotate(labels=labels)
    return members.select_related("user", "project").order_by("user__username")


MEMBERS = Prepared(lambda: _members(Given("role"), Given("project")))
NAMES = Prepared(lambda: _members(Given("role"), Given("project")).values_list("user__username", "joined_at"))
JOURNAL = Prepared(lambda: JournalEntry.objects.filter(verb=Given("verb")).order_by("-pk")[:1])


def told(members: list[Membership]) -> list[tuple[Any, ...]]:
    return [(one, one.user, one.project.name, one.joined_at, one.labels) for one in members]  # type: ignore[attr-defined]


def test_each_call_finds_what_the_queryset_finds_with_its_values(project: Project, alice: User, bob: User) -> None:
    other = make.make_project("other")
    make.make_person("rita", project, Role.REVIEWER)
    make.make_person("carol", other, Role.LABELER)
    for place in (project, other):
        for role in Role.values:
            found = MEMBERS.all(role=role, project=place.pk)
            assert told(found) == told(list(_members(role, place)))
            names = list(_members(role, place).values_list("user__username", "joined_at"))
            assert NAMES.all(role=role, project=place.pk) == names
    assert [one.user for one in MEMBERS.all(role=Role.LABELER, project=project.pk)] == [alice, bob]


def test_related_rows_and_annotations_come_with_the_one_question(
    project: Project, alice: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        member = MEMBERS.first(role=Role.LABELER, project=project.pk)
        assert member is not None
        assert (member.user.username, member.project.slug) == ("alice", project.slug)
        assert member.labels  # type: ignore[attr-defined]


def test_nothing_found_is_none(project: Project) -> None:
    assert MEMBERS.first(role=Role.LABELER, project=project.pk) is None


def test_a_value_is_a_value_whatever_it_says(project: Project, alice: User) -> None:
    assert MEMBERS.first(role="labeler' OR '1'='1", project=project.pk) is None


def test_values_of_fields_are_stored_and_read_as_django_does(project: Project, alice: User) -> None:
    insert = PreparedInsert(JournalEntry)
    facts = {"counts": [1, 2], "名": "值", "none": None}
    rows = [JournalEntry(project=project, verb=f"v{n}", subject="s", subject_id=str(n), facts=facts) for n in range(3)]
    with transaction.atomic():
        insert(rows)
    for row in rows:
        again = JournalEntry.objects.get(pk=row.pk)
        assert (again.verb, again.facts, again.at) == (row.verb, facts, row.at)
        prepared = JOURNAL.first(verb=row.verb)
        assert prepared is not None
        assert (prepared.pk, prepared.facts, prepared.at) == (row.pk, facts, row.at)
        assert not prepared._state.adding


def test_an_insert_meets_the_constraints(alice: User) -> None:
    insert, key = PreparedInsert(Submission), uuid.uuid4()
    with transaction.atomic():
        insert([Submission(user=alice, key=key, body_digest="d", result="")])
        with pytest.raises(IntegrityError), transaction.atomic():
            insert([Submission(user=alice, key=key, body_digest="e", result="")])
    assert Submission.objects.get(user=alice).body_digest == "d"


def test_an_update_counts_the_rows_that_its_conditions_met(alice: User, bob: User) -> None:
    key = uuid.uuid4()
    keep = PreparedUpdate(
        lambda: Submission.objects.filter(user=Given("user"), key=Given("key", UUIDField()), result=""),
        result=Given("result"),
        at=Now() + Given("later", DurationField()),
    )
    Submission.objects.create(user=alice, key=key, body_digest="d", result="")
    with transaction.atomic():
        later = timedelta(hours=5)
        assert keep(user=bob.pk, key=key, result="bob", later=later) == 0
        assert keep(user=alice.pk, key=key, result="first", later=later) == 1
        assert keep(user=alice.pk, key=key, result="second", later=later) == 0
    kept = Submission.objects.get(user=alice)
    assert kept.result == "first"
    assert abs(kept.at - timezone.now() - later) < timedelta(minutes=5)


@pytest.mark.django_db(transaction=True)
def test_no_change_outside_a_transaction() -> None:
    assert not connection.in_atomic_block
    with pytest.raises(AssertionError, match="part of a larger change"):
        PreparedInsert(JournalEntry)([])
    with pytest.raises(AssertionError, match="part of a larger change"):
        PreparedUpdate(lambda: Submission.objects.filter(pk=Given("pk")), result="")(pk=1)
