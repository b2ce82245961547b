"""When a membership ends, or a labeler's role: from the next request on, and what they held goes to the others."""

import uuid
from functools import partial

import pytest

from accounts.models import JournalEntry, Membership, Project, Role, User
from accounts.permissions import Deactivated, NotAllowed
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Demonstration, Ranking, Slate
from annotations.queries.waiting import stock
from annotations.services import people
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work
from tests import make
from tests.race import race


def deactivate(by: User, person: User, project: Project) -> int:
    membership = Membership.objects.get(user=person, project=project)
    return people.deactivate(by=by, project=project, membership_id=membership.pk)


def let_back_in(person: User) -> None:
    Membership.objects.filter(user=person).update(deactivated_at=None)


def sent(assignment: Assignment) -> dict[str, str]:
    return {"order": "a b c d", "key": str(uuid.uuid4()), "making": "{}"}


def test_what_a_person_holds_is_lent_to_others_at_once(project: Project, olga: User, alice: User, bob: User) -> None:
    make.make_slate(project)
    make.make_prompt(project, demonstrations=1)
    ranking, writing = make.lent(alice, project), make.lent(alice, project, Kind.DEMONSTRATE)
    assert lend_work(to=bob, project=project, kind=Kind.RANK) is None
    assert deactivate(olga, alice, project) == 2
    again = make.lent(bob, project)
    assert (again.slate, again.slot, again.shown) == (ranking.slate, ranking.slot, ranking.shown)
    assert again.fence > ranking.fence
    assert make.lent(bob, project, Kind.DEMONSTRATE).prompt == writing.prompt


def test_it_is_in_the_journal_who_took_what_back(project: Project, olga: User, alice: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    deactivate(olga, alice, project)
    entry = JournalEntry.objects.get(subject="assignment", subject_id=str(assignment.pk), verb="lay_down")
    assert (entry.actor, entry.old, entry.new) == (olga, "lent", "lapsed")


def test_what_was_given_stays_and_nothing_of_another_project_is_touched(
    project: Project, olga: User, alice: User
) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    other = make.make_project("tortoises")
    Membership.objects.create(user=alice, project=other, role=Role.LABELER)
    make.make_slate(other)
    elsewhere = make.lent(alice, other)
    assert deactivate(olga, alice, project) == 0
    assert Ranking.objects.get(is_current=True) == ranking
    elsewhere.refresh_from_db()
    assert elsewhere.state == AssignmentState.LENT


def test_a_slate_that_was_retired_meanwhile_opens_no_slot(project: Project, olga: User, alice: User) -> None:
    slate = make.make_slate(project)
    make.lent(alice, project)
    Slate.objects.filter(pk=slate.pk).update(retired_at="2026-01-01T00:00Z")
    assert deactivate(olga, alice, project) == 1
    assert stock(project) == 0


def test_a_refused_end_takes_nothing_back(project: Project, olga: User, alice: User, bob: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    with pytest.raises(NotAllowed):
        deactivate(bob, alice, project)
    assignment.refresh_from_db()
    assert assignment.state == AssignmentState.LENT


def test_nothing_is_lent_to_who_is_deactivated(project: Project, olga: User, alice: User) -> None:
    make.make_slate(project)
    deactivate(olga, alice, project)
    with pytest.raises(Deactivated):
        lend_work(to=alice, project=project, kind=Kind.RANK)
    assert stock(project) == 1


@pytest.mark.parametrize("kind", Kind)
def test_every_page_of_theirs_ends_with_the_next_request(project: Project, olga: User, alice: User, kind: Kind) -> None:
    make.make_slate(project)
    make.make_prompt(project, demonstrations=1)
    assignment, client = make.lent(alice, project, kind), make.client_of(alice)
    pages = [f"/{kind}/{assignment.public_id}/", f"/skip/{assignment.public_id}/"]
    assert {client.get(page).status_code for page in pages} == {200}
    deactivate(olga, alice, project)
    assert {client.get(page).status_code for page in pages} == {403}
    assert client.get(f"/p/turtles/{kind}/").status_code == 404


@pytest.mark.parametrize("kind", Kind)
def test_an_answer_that_comes_after_the_end_is_refused_on_a_plain_page(
    project: Project, olga: User, alice: User, kind: Kind
) -> None:
    make.make_slate(project)
    make.make_prompt(project, demonstrations=1)
    assignment, client = make.lent(alice, project, kind), make.client_of(alice)
    deactivate(olga, alice, project)
    answer = client.post(f"/{kind}/{assignment.public_id}/", sent(assignment) | {"content": "Words."})
    assert answer.status_code == 403
    assert "Your membership has ended" in answer.content.decode()
    assert not Ranking.objects.exists()
    assert not Demonstration.objects.exists()


def test_an_answer_of_who_was_let_back_in_is_late_and_kept(
    project: Project, olga: User, alice: User, bob: User
) -> None:
    slate = make.make_slate(project)
    assignment = make.lent(alice, project)
    deactivate(olga, alice, project)
    make.make_ranking(bob, slate)
    let_back_in(alice)
    submit_ranking(by=alice, assignment_id=assignment.public_id, tiers=make.tiers_of(slate), key=uuid.uuid4())
    assignment.refresh_from_db()
    assert (assignment.state, assignment.surplus, assignment.slot) == ("done", True, None)


def test_home_says_honestly_that_it_is_over_and_by_whom(project: Project, olga: User, alice: User) -> None:
    make.make_slate(project)
    client = make.client_of(alice)
    deactivate(olga, alice, project)
    page = client.get("/").content.decode()
    assert "You are in no project any more" in page
    assert project.name in page
    assert "/rank/" not in page


def test_who_becomes_a_reviewer_lays_down_what_they_hold(project: Project, olga: User, alice: User) -> None:
    make.make_slate(project)
    assignment = make.lent(alice, project)
    membership = Membership.objects.get(user=alice)
    people.change_role(by=olga, project=project, membership_id=membership.pk, role=Role.REVIEWER)
    assert stock(project) == 1
    assert make.client_of(alice).get(f"/rank/{assignment.public_id}/").status_code == 403


def test_the_button_says_how_much_went_back(project: Project, olga: User, alice: User) -> None:
    make.make_slate(project)
    make.lent(alice, project)
    page = f"/p/turtles/people/{Membership.objects.get(user=alice).pk}/deactivate/"
    assert "1 question went back to the others." in make.client_of(olga).post(page, follow=True).content.decode()
    assert stock(project) == 1


def test_when_a_person_was_last_at_work_is_noted(project: Project, alice: User) -> None:
    make.make_slate(project)
    assert Membership.objects.get(user=alice).last_lent_at is None
    make.lent(alice, project)
    assert Membership.objects.get(user=alice).last_lent_at is not None


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_work_while_being_deactivated_keeps_none(project: Project, olga: User, alice: User) -> None:
    make.make_slates(project, 4)

    def ask() -> None:
        try:
            lend_work(to=alice, project=project, kind=Kind.RANK)
        except NotAllowed:
            return

    race([ask, partial(deactivate, olga, alice, project), ask])
    assert not Assignment.objects.filter(labeler=alice, state=AssignmentState.LENT).exists()
    assert stock(project) == 4
