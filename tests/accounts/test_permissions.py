"""One role a project; strangers learn nothing; operators may what reviewers and exporters may, and never label."""

from itertools import product

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import Membership, Project, Role, User
from accounts.permissions import NotAllowed, project_for, require_role
from tests import make

MAY = {
    Role.LABELER: {Role.LABELER},
    Role.REVIEWER: {Role.REVIEWER},
    Role.EXPORTER: {Role.EXPORTER},
    Role.OPERATOR: {Role.OPERATOR, Role.REVIEWER, Role.EXPORTER},
}


@pytest.mark.parametrize(("role", "needed"), list(product(Role, Role)))
def test_each_role_covers_itself_and_an_operator_covers_reviewers_and_exporters_too(
    project: Project, role: Role, needed: Role
) -> None:
    person = make.make_person("somebody", project, role)
    if needed in MAY[role]:
        require_role(user=person, project=project, roles=[needed])
        assert project_for(person, project.slug, needed) == project
    else:
        with pytest.raises(NotAllowed):
            require_role(user=person, project=project, roles=[needed])
        with pytest.raises(PermissionDenied):
            project_for(person, project.slug, needed)


def test_every_member_may_open_what_asks_for_no_role(
    project: Project, alice: User, rita: User, olga: User, erik: User
) -> None:
    assert {project_for(person, project.slug) for person in (alice, rita, olga, erik)} == {project}


@pytest.mark.parametrize("roles", [(), (Role.LABELER,), tuple(Role)])
def test_a_stranger_cannot_tell_a_project_from_one_that_does_not_exist(
    project: Project, mallory: User, roles: tuple[Role, ...]
) -> None:
    for slug in (project.slug, "no-such-project"):
        with pytest.raises(Http404):
            project_for(mallory, slug, *roles)
    with pytest.raises(NotAllowed):
        require_role(user=mallory, project=project, roles=tuple(Role))


def test_a_member_of_one_project_is_a_stranger_to_the_next(project: Project, olga: User) -> None:
    other = make.make_project("tortoises")
    with pytest.raises(Http404):
        project_for(olga, other.slug)
    with pytest.raises(NotAllowed):
        require_role(user=olga, project=other, roles=[Role.OPERATOR])


def test_who_is_not_logged_in_is_a_stranger(project: Project) -> None:
    with pytest.raises(Http404):
        project_for(AnonymousUser(), project.slug)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["removed", "deactivated"])
def test_rights_end_with_the_membership_and_with_the_account(project: Project, olga: User, ending: str) -> None:
    if ending == "removed":
        Membership.objects.filter(user=olga).delete()
    else:
        User.objects.filter(pk=olga.pk).update(is_active=False)
    with pytest.raises(Http404):
        project_for(olga, project.slug)
    with pytest.raises(NotAllowed):
        require_role(user=olga, project=project, roles=[Role.OPERATOR])
