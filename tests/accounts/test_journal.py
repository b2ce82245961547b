"""The journal is written with the change or not at all."""

import pytest
from django.db import transaction

from accounts import journal
from accounts.models import JournalEntry, Project, User


def test_an_entry_says_who_did_what_to_what(project: Project, olga: User) -> None:
    with transaction.atomic():
        journal.record(
            project=project, actor=olga, verb="approve", subject=project, old="review", new="deploying", gates=3
        )
    entry = JournalEntry.objects.get()
    assert (entry.project, entry.actor, entry.verb) == (project, olga, "approve")
    assert (entry.subject, entry.subject_id) == ("project", str(project.pk))
    assert entry.pseudonym == olga.pseudonym
    assert (entry.old, entry.new, entry.facts) == ("review", "deploying", {"gates": 3})


def test_the_machine_has_no_name(project: Project) -> None:
    journal.record(project=project, actor=None, verb="lapse", subject=project)
    assert JournalEntry.objects.get().actor is None


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused(project: Project) -> None:
    with pytest.raises(AssertionError, match="transaction"):
        journal.record(project=project, actor=None, verb="lend", subject=project)
    assert not JournalEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_vanishes_with_the_change_that_failed(project: Project) -> None:
    @transaction.atomic
    def change_that_fails() -> None:
        journal.record(project=project, actor=None, verb="lend", subject=project)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_that_fails()
    assert not JournalEntry.objects.exists()


def test_an_entry_outlives_the_person_it_names(project: Project, olga: User) -> None:
    journal.record(project=project, actor=olga, verb="approve", subject=project)
    olga.delete()
    assert JournalEntry.objects.get().actor is None
