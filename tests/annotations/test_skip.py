"""Giving work back: somebody else gets it, and what nobody wants goes to a reviewer."""

from uuid import uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.choices import Kind
from annotations.models import Assignment
from annotations.queries.desk import NotYours
from annotations.queries.waiting import stock
from annotations.services.work import NothingToSkip, lend_work, skip
from tests import make


def give_back(person: User, project: Project, kind: str = "rank") -> Assignment:
    assignment = make.lent(person, project, kind)
    skip(by=person, assignment_id=assignment.public_id, reason="unclear")
    return Assignment.objects.get(pk=assignment.pk)


def test_a_skip_opens_a_slot_for_someone_else(project: Project, alice: User, bob: User) -> None:
    slate = make.make_slate(project)
    skipped = give_back(alice, project)
    assert (skipped.state, skipped.slot, skipped.skip_reason) == ("skipped", None, "unclear")
    again = make.lent(bob, project)
    assert (again.slate, again.slot) == (slate, 0)


def test_a_skip_is_not_lent_to_the_same_person_again(project: Project, alice: User) -> None:
    make.make_slate(project)
    give_back(alice, project)
    assert stock(project) == 1
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None


def test_a_skip_is_in_the_journal_with_its_reason(project: Project, alice: User) -> None:
    make.make_slate(project)
    skipped = give_back(alice, project)
    entry = JournalEntry.objects.get(verb="skip", subject_id=str(skipped.pk))
    assert (entry.actor, entry.old, entry.new, entry.facts) == (alice, "lent", "skipped", {"reason": "unclear"})


def test_after_too_many_skips_the_slate_waits_for_a_reviewer(project: Project) -> None:
    slate = make.make_slate(project)
    for number in range(project.max_skips):
        slate.refresh_from_db()
        assert slate.in_review_at is None
        give_back(make.make_person(f"labeler-{number}", project), project)
    slate.refresh_from_db()
    assert slate.in_review_at is not None
    assert stock(project) == 0
    assert lend_work(to=make.make_person("late", project), project=project, kind=Kind.RANK) is None


def test_a_slate_in_review_is_not_lent_in_its_other_slots_either(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    slate = make.make_slate(project)
    for number in range(project.max_skips):
        give_back(make.make_person(f"labeler-{number}", project), project)
    assert set(slate.assignments.values_list("state", flat=True)) == {"skipped", "closed"}


def test_a_demonstration_can_be_skipped_too(project: Project, alice: User, bob: User) -> None:
    prompt = make.make_prompt(project, demonstrations=1)
    give_back(alice, project, "demonstrate")
    assert make.lent(bob, project, "demonstrate").prompt == prompt
    assert lend_work(to=alice, project=project, kind=Kind.DEMONSTRATE) is None


def test_skipping_twice_skips_once(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    skipped = give_back(alice, project)
    with pytest.raises(NothingToSkip):
        skip(by=alice, assignment_id=skipped.public_id, reason="broken")
    assert slate.assignments.filter(state="open").count() == 1
    assert Assignment.objects.get(pk=skipped.pk).skip_reason == "unclear"


def test_what_is_answered_cannot_be_skipped(project: Project, alice: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    with pytest.raises(NothingToSkip):
        skip(by=alice, assignment_id=ranking.assignment.public_id, reason="unclear")


def test_nobody_skips_for_somebody_else(project: Project, alice: User, bob: User, mallory: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    for person in (bob, mallory):
        with pytest.raises(NotYours):
            skip(by=person, assignment_id=assignment.public_id, reason="unclear")
    with pytest.raises(NotYours):
        skip(by=alice, assignment_id=uuid4(), reason="unclear")


def test_an_unknown_reason_is_refused(project: Project, alice: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    with pytest.raises(ValueError, match="bored"):
        skip(by=alice, assignment_id=assignment.public_id, reason="bored")
    assignment.refresh_from_db()
    assert assignment.state == "lent"
