"""Membership after joining: another role, an end, a way back; and never a project without an operator."""

from functools import partial

import pytest
from django.http import Http404

from accounts import people
from accounts.models import JournalEntry, Membership, Project, Role, User
from accounts.people import PersonRefused
from accounts.permissions import Deactivated, NotAllowed, project_for, require_role
from tests import make
from tests.race import race


def membership(person: User) -> Membership:
    return Membership.objects.get(user=person)


def deactivate(by: User, person: User) -> Membership:
    return people.deactivate(by=by, project=membership(person).project, membership_id=membership(person).pk)


def change_role(by: User, person: User, role: Role) -> Membership:
    project = membership(person).project
    return people.change_role(by=by, project=project, membership_id=membership(person).pk, role=role)


def test_who_is_deactivated_is_a_stranger_and_told_apart_from_who_has_another_role(
    project: Project, olga: User, alice: User
) -> None:
    deactivate(olga, alice)
    with pytest.raises(Http404):
        project_for(alice, project.slug)
    with pytest.raises(Deactivated):
        require_role(user=alice, project=project, roles=[Role.LABELER])


def test_an_end_in_one_project_is_none_in_another(project: Project, olga: User, alice: User) -> None:
    other = make.make_project("tortoises")
    Membership.objects.create(user=alice, project=other, role=Role.REVIEWER)
    people.deactivate(by=olga, project=project, membership_id=Membership.objects.get(user=alice, project=project).pk)
    assert project_for(alice, other.slug, Role.REVIEWER) == other


def test_who_is_let_back_in_has_the_role_of_before(project: Project, olga: User, rita: User) -> None:
    deactivate(olga, rita)
    people.let_back_in(by=olga, project=project, membership_id=membership(rita).pk)
    assert project_for(rita, project.slug, Role.REVIEWER) == project


def test_each_of_it_is_in_the_journal(project: Project, olga: User, rita: User) -> None:
    change_role(olga, rita, Role.LABELER)
    deactivate(olga, rita)
    people.let_back_in(by=olga, project=project, membership_id=membership(rita).pk)
    entries = JournalEntry.objects.filter(subject="membership", subject_id=str(membership(rita).pk)).order_by("pk")
    assert [(entry.actor, entry.verb, entry.old, entry.new) for entry in entries] == [
        (olga, "change_role", "reviewer", "labeler"),
        (olga, "deactivate", "labeler", ""),
        (olga, "let_back_in", "", "labeler"),
    ]


def test_what_is_so_already_is_refused_in_words(project: Project, olga: User, rita: User) -> None:
    with pytest.raises(PersonRefused, match="has this role already"):
        change_role(olga, rita, Role.REVIEWER)
    with pytest.raises(PersonRefused, match="is a member already"):
        people.let_back_in(by=olga, project=project, membership_id=membership(rita).pk)
    deactivate(olga, rita)
    with pytest.raises(PersonRefused, match="is deactivated"):
        deactivate(olga, rita)
    with pytest.raises(PersonRefused, match="is deactivated"):
        change_role(olga, rita, Role.LABELER)


def test_the_last_operator_can_neither_be_deactivated_nor_demoted(project: Project, olga: User) -> None:
    with pytest.raises(PersonRefused, match="only operator"):
        deactivate(olga, olga)
    with pytest.raises(PersonRefused, match="only operator"):
        change_role(olga, olga, Role.REVIEWER)
    assert project_for(olga, project.slug, Role.OPERATOR) == project


@pytest.mark.parametrize("gone", ["deactivated", "account closed"])
def test_an_operator_who_is_gone_does_not_count(project: Project, olga: User, gone: str) -> None:
    omar = make.make_person("omar", project, Role.OPERATOR)
    if gone == "deactivated":
        deactivate(olga, omar)
    else:
        User.objects.filter(pk=omar.pk).update(is_active=False)
    with pytest.raises(PersonRefused, match="only operator"):
        change_role(olga, olga, Role.LABELER)


def test_with_a_second_operator_the_first_may_go(project: Project, olga: User) -> None:
    omar = make.make_person("omar", project, Role.OPERATOR)
    deactivate(olga, olga)
    assert project_for(omar, project.slug, Role.OPERATOR) == project


@pytest.mark.parametrize("name", ["alice", "rita", "erik", "mallory"])
def test_only_operators_change_memberships(project: Project, name: str, request: pytest.FixtureRequest) -> None:
    person: User = request.getfixturevalue(name)
    bob = make.make_person("bob", project)
    with pytest.raises(NotAllowed):
        deactivate(person, bob)
    with pytest.raises(NotAllowed):
        change_role(person, bob, Role.OPERATOR)
    with pytest.raises(NotAllowed):
        people.let_back_in(by=person, project=project, membership_id=membership(bob).pk)


def test_a_member_of_another_project_is_not_found(project: Project, olga: User) -> None:
    stranger = make.make_person("stranger", make.make_project("tortoises"), Role.OPERATOR)
    with pytest.raises(PersonRefused, match="no such person"):
        people.deactivate(by=olga, project=project, membership_id=membership(stranger).pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["deactivate", "demote"])
def test_of_two_operators_who_end_each_other_at_once_one_stays(project: Project, olga: User, act: str) -> None:
    omar = make.make_person("omar", project, Role.OPERATOR)

    def end(by: User, other: User) -> bool:
        try:
            deactivate(by, other) if act == "deactivate" else change_role(by, other, Role.LABELER)
        except NotAllowed:
            return False
        return True

    assert sorted(race([partial(end, olga, omar), partial(end, omar, olga)])) == [False, True]
    operators = Membership.objects.filter(project=project, role=Role.OPERATOR, deactivated_at=None)
    assert operators.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_who_leave_at_once_one_stays(project: Project, olga: User) -> None:
    omar = make.make_person("omar", project, Role.OPERATOR)

    def leave(person: User) -> bool:
        try:
            deactivate(person, person)
        except PersonRefused:
            return False
        return True

    assert sorted(race([partial(leave, olga), partial(leave, omar)])) == [False, True]
