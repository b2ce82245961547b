"""A pause gives the work back at once; who comes back takes it up again where nobody else has it."""

from functools import partial
from uuid import uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Draft
from annotations.queries.desk import NotYours
from annotations.services.pausing import pause, take_up_again
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work
from tests import make
from tests.race import race


def left_with_a_draft(person: User, project: Project) -> Assignment:
    make.make_slate(project)
    held = make.lent(person, project)
    Draft.objects.create(assignment=held, body={"order": "c a"})
    assert pause(by=person, project=project) == 1
    return Assignment.objects.get(pk=held.pk)


def test_a_pause_lets_the_next_person_have_it_at_once(project: Project, alice: User, bob: User) -> None:
    left = left_with_a_draft(alice, project)
    assert (left.state, left.slot) == ("lapsed", None)
    assert make.lent(bob, project).slate == left.slate


def test_a_draft_stays_with_its_author_and_is_never_lent_with_the_slot(
    project: Project, alice: User, bob: User
) -> None:
    left = left_with_a_draft(alice, project)
    assert left.draft.body == {"order": "c a"}
    assert not Draft.objects.filter(assignment=make.lent(bob, project)).exists()


def test_home_offers_the_draft_and_resuming_lends_the_same_row_again(project: Project, alice: User) -> None:
    left = left_with_a_draft(alice, project)
    client = make.client_of(alice)
    assert f'action="/resume/{left.public_id}/"' in client.get("/").content.decode()
    assert client.post(f"/resume/{left.public_id}/")["Location"] == f"/rank/{left.public_id}/"
    again = Assignment.objects.get(pk=left.pk)
    assert (again.state, again.slot, again.shown) == ("lent", 0, left.shown)
    assert again.fence > left.fence
    assert JournalEntry.objects.filter(verb="take_up_again", subject_id=str(left.pk)).count() == 1
    ranking = submit_ranking(
        by=alice,
        assignment_id=left.public_id,
        tiers=make.tiers_of(left.slate),  # type: ignore[arg-type]
        key=uuid4(),
    )
    assert not ranking.assignment.surplus


def test_what_somebody_else_took_meanwhile_can_still_be_answered_late(project: Project, alice: User, bob: User) -> None:
    left = left_with_a_draft(alice, project)
    make.lent(bob, project)
    page = make.client_of(alice).post(f"/resume/{left.public_id}/", follow=True).content.decode()
    assert "Somebody else has this question now. You can still send your answer." in page
    assert not take_up_again(by=alice, assignment_id=left.public_id)


@pytest.mark.django_db(transaction=True)
def test_one_slot_is_never_two_peoples_when_one_resumes_and_the_other_starts(
    project: Project, alice: User, bob: User
) -> None:
    left = left_with_a_draft(alice, project)
    resumes = partial(take_up_again, by=alice, assignment_id=left.public_id)
    race([resumes, partial(lend_work, to=bob, project=project, kind="rank")])
    assert Assignment.objects.filter(slate=left.slate, state="lent").count() == 1


def test_a_retired_slate_is_not_taken_up_again(project: Project, alice: User) -> None:
    left = left_with_a_draft(alice, project)
    type(left.slate).objects.update(retired_at="2026-11-22T00:00Z")  # type: ignore[union-attr]
    assert not take_up_again(by=alice, assignment_id=left.public_id)


def test_nobody_pauses_or_resumes_for_somebody_else(project: Project, alice: User, bob: User, rita: User) -> None:
    left = left_with_a_draft(alice, project)
    with pytest.raises(NotYours):
        take_up_again(by=bob, assignment_id=left.public_id)
    with pytest.raises(NotAllowed):
        pause(by=rita, project=project)


def test_a_pause_leaves_what_was_answered_and_what_others_hold(project: Project, alice: User, bob: User) -> None:
    make.make_slates(project, 3)
    make.make_ranking(alice, Assignment.objects.filter(state="open").first().slate)  # type: ignore[union-attr, arg-type]
    make.lent(bob, project)
    assert pause(by=alice, project=project) == 0
    assert sorted(Assignment.objects.values_list("state", flat=True)) == ["done", "lent", "open"]


def test_the_page_says_what_a_pause_does_before_it_does_it(project: Project, alice: User) -> None:
    make.make_slate(project)
    make.lent(alice, project)
    client = make.client_of(alice)
    assert "A draft stays yours alone." in client.get("/p/turtles/pause/").content.decode()
    assert Assignment.objects.get().state == "lent"
    assert "1 question went back to the others." in client.post("/p/turtles/pause/", follow=True).content.decode()
    assert "You hold nothing" in client.get("/p/turtles/pause/").content.decode()


def test_a_sensitive_question_that_was_begun_is_not_quoted_on_home(project: Project, alice: User) -> None:
    left = left_with_a_draft(alice, project)
    said = left.prompt.messages[-1]["content"]
    assert said in make.client_of(alice).get("/").content.decode()
    type(left.prompt).objects.update(sensitive=True)
    page = make.client_of(alice).get("/").content.decode()
    assert said not in page
    assert "A sensitive question" in page
