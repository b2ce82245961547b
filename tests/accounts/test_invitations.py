"""A one-time link lets exactly one person in, with exactly one role."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.invitations import InvitationGone, accept, invite, open_invitation
from accounts.models import Invitation, Membership, Project, Role, User
from accounts.people import PersonRefused
from accounts.permissions import NotAllowed


def join(client: Client, token: str, name: str = "carol") -> int:
    words = {"username": name, "password1": "a-long-enough-one", "password2": "a-long-enough-one"}
    return client.post(f"/join/{token}/", words).status_code


def test_a_link_makes_a_member_and_works_once(project: Project, client: Client) -> None:
    token = invite(by=None, project=project, role=Role.OPERATOR)
    assert join(client, token) == 302
    assert Membership.objects.get(user__username="carol").role == Role.OPERATOR
    assert join(Client(), token, "dave") == 404
    assert not User.objects.filter(username="dave").exists()


def test_only_operators_invite(project: Project, olga: User, alice: User) -> None:
    invite(by=olga, project=project, role=Role.LABELER)
    with pytest.raises(NotAllowed):
        invite(by=alice, project=project, role=Role.OPERATOR)


def test_an_expired_link_opens_nothing(project: Project, client: Client) -> None:
    token = invite(by=None, project=project, role=Role.LABELER)
    Invitation.objects.update(expires_at=timezone.now())
    assert join(client, token) == 404


def test_the_database_keeps_no_token(project: Project) -> None:
    token = invite(by=None, project=project, role=Role.LABELER)
    assert token not in str(list(Invitation.objects.values()))


def test_a_weak_password_is_refused_and_the_link_still_works(project: Project, client: Client) -> None:
    token = invite(by=None, project=project, role=Role.LABELER)
    refused = client.post(f"/join/{token}/", {"username": "carol", "password1": "12345", "password2": "12345"})
    assert refused.status_code == 200
    assert join(client, token) == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_wins(project: Project) -> None:
    token = invite(by=None, project=project, role=Role.OPERATOR)

    def attempt(number: int) -> bool:
        try:
            accept(token=token, person=User(username=f"racer-{number}"))
        except InvitationGone:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert User.objects.filter(username__startswith="racer").count() == 1


def test_a_name_that_was_taken_in_the_same_moment_leaves_the_link_as_it_was(project: Project, alice: User) -> None:
    token = invite(by=None, project=project, role=Role.LABELER)
    with pytest.raises(PersonRefused):
        accept(token=token, person=User(username=alice.username))
    assert open_invitation(token).used_at is None
