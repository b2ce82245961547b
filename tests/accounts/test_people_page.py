"""The operators' page of people: who may open it, what it shows once, and what its buttons do."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.invitations import invite
from accounts.models import Invitation, JournalEntry, Membership, PasswordLink, Project, Role, User
from tests import make

PAGE = "/p/turtles/people/"


def acts(person: User, invitation: Invitation) -> dict[str, dict[str, str]]:
    pk = Membership.objects.get(user=person).pk
    return {
        "invite/": {"role": "labeler"},
        f"invitations/{invitation.pk}/withdraw/": {},
        f"{pk}/password/": {},
        f"{pk}/role/": {"role": "operator"},
        f"{pk}/deactivate/": {},
        f"{pk}/back/": {},
    }


@pytest.fixture
def invitation(project: Project) -> Invitation:
    invite(by=None, project=project, role=Role.LABELER)
    return Invitation.objects.get()


def link_in(page: str) -> str:
    [link] = re.findall(r'id="link" readonly value="([^"]+)"', page)
    assert isinstance(link, str)
    return link


@pytest.mark.parametrize(
    ("name", "status"), [("alice", 403), ("rita", 403), ("erik", 403), ("mallory", 404), ("olga", 200)]
)
def test_the_page_and_its_acts_are_for_operators(
    project: Project, invitation: Invitation, name: str, status: int, request: pytest.FixtureRequest
) -> None:
    bob, client = make.make_person("bob", project), make.client_of(request.getfixturevalue(name))
    assert client.get(PAGE).status_code == status
    if status == 200:
        return
    before = list(Membership.objects.order_by("pk").values())
    assert {act: client.post(PAGE + act, words).status_code for act, words in acts(bob, invitation).items()} == (
        dict.fromkeys(acts(bob, invitation), status)
    )
    assert list(Membership.objects.order_by("pk").values()) == before
    assert (Invitation.objects.count(), PasswordLink.objects.count()) == (1, 0)
    assert not JournalEntry.objects.exclude(verb="invite").exists()


def test_who_is_not_signed_in_is_sent_to_sign_in(project: Project, invitation: Invitation, alice: User) -> None:
    addresses = [PAGE, *(PAGE + act for act in acts(alice, invitation))]
    answers = [Client().post(address) for address in addresses]
    assert {answer["Location"].split("?")[0] for answer in answers} == {"/account/login/"}


def test_nothing_is_done_by_a_link_or_without_the_token_of_our_own_form(
    project: Project, invitation: Invitation, olga: User, alice: User
) -> None:
    links, forged = make.client_of(olga), make.client_of(olga, csrf=True)
    for act, words in acts(alice, invitation).items():
        assert (links.get(PAGE + act).status_code, forged.post(PAGE + act, words).status_code) == (405, 403)


def test_an_operator_of_one_project_does_nothing_in_another(
    project: Project, olga: User, invitation: Invitation
) -> None:
    other = make.make_project("tortoises")
    stranger = make.make_person("stranger", other)
    Membership.objects.create(user=olga, project=other, role=Role.REVIEWER)
    client = make.client_of(olga)
    for act, words in acts(stranger, invitation).items():
        client.post(PAGE + act.replace("invite/", "x/"), words)
    membership = Membership.objects.get(user=stranger)
    assert (membership.role, membership.deactivated_at) == ("labeler", None)
    assert not PasswordLink.objects.exists()


def test_the_page_tells_who_is_in_since_when_and_in_which_role(project: Project, olga: User, alice: User) -> None:
    Membership.objects.filter(user=alice).update(joined_at=timezone.now() - timedelta(days=365 * 20))
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "2 people are in this project" in page
    assert str((timezone.now() - timedelta(days=365 * 20)).year) in page
    assert "not yet" in page


def test_an_invitations_link_is_shown_once_and_lets_one_person_in(project: Project, olga: User) -> None:
    client = make.client_of(olga)
    answer = client.post(PAGE + "invite/", {"role": "reviewer"})
    link = link_in(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert link not in client.get(PAGE).content.decode()
    words = {"username": "carol", "password1": "a-long-enough-one", "password2": "a-long-enough-one"}
    assert Client().post(link.removeprefix("http://testserver"), words).status_code == 302
    assert Membership.objects.get(user__username="carol").role == Role.REVIEWER


def test_an_unknown_role_is_refused(project: Project, olga: User, alice: User) -> None:
    client = make.client_of(olga)
    assert client.post(PAGE + "invite/", {"role": "king"}).status_code == 400
    client.post(f"{PAGE}{Membership.objects.get(user=alice).pk}/role/", {"role": "king"})
    assert not Invitation.objects.exists()
    assert Membership.objects.get(user=alice).role == Role.LABELER


def test_a_withdrawn_invitation_opens_nothing_and_is_not_listed(project: Project, olga: User) -> None:
    token = invite(by=olga, project=project, role=Role.LABELER)
    client, withdraw = make.client_of(olga), f"invitations/{Invitation.objects.get().pk}/withdraw/"
    assert withdraw in client.get(PAGE).content.decode()
    client.post(PAGE + withdraw)
    assert withdraw not in client.get(PAGE).content.decode()
    assert Client().get(f"/join/{token}/").status_code == 404
    assert "was used or withdrawn before" in client.post(PAGE + withdraw, follow=True).content.decode()
    assert JournalEntry.objects.filter(verb="withdraw").count() == 1


def test_a_password_link_is_shown_once(project: Project, olga: User, alice: User) -> None:
    client = make.client_of(olga)
    answer = client.post(f"{PAGE}{Membership.objects.get(user=alice).pk}/password/")
    link = link_in(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert link not in client.get(PAGE).content.decode()
    assert "For alice." in Client().get(link.removeprefix("http://testserver")).content.decode()


def test_a_refused_password_link_is_explained_on_the_page(project: Project, olga: User, alice: User) -> None:
    Membership.objects.create(user=alice, project=make.make_project("tortoises"), role=Role.LABELER)
    pk = Membership.objects.get(user=alice, project=project).pk
    answer = make.client_of(olga).post(f"{PAGE}{pk}/password/")
    assert answer.status_code == 409
    assert "manage.py password_link alice" in answer.content.decode()


def test_the_only_operator_is_offered_no_way_out_and_is_told_why(project: Project, olga: User, alice: User) -> None:
    pk, page = Membership.objects.get(user=olga).pk, make.client_of(olga).get(PAGE).content.decode()
    assert f"{PAGE}{pk}/deactivate/" not in page
    assert f"{PAGE}{pk}/role/" not in page
    assert "The only operator." in page
    said = make.client_of(olga).post(f"{PAGE}{pk}/deactivate/", follow=True).content.decode()
    assert "is the only operator" in said


def test_who_is_deactivated_stands_apart_and_is_let_back_in(project: Project, olga: User, alice: User) -> None:
    client, pk = make.client_of(olga), Membership.objects.get(user=alice).pk
    client.post(f"{PAGE}{pk}/deactivate/")
    page = client.get(PAGE).content.decode()
    assert f"{PAGE}{pk}/back/" in page
    assert f"{PAGE}{pk}/deactivate/" not in page
    client.post(f"{PAGE}{pk}/back/")
    assert make.client_of(alice).get("/p/turtles/rank/").status_code == 200


def test_who_gives_the_role_away_is_sent_home(project: Project, olga: User) -> None:
    make.make_person("omar", project, Role.OPERATOR)
    pk = Membership.objects.get(user=olga).pk
    assert make.client_of(olga).post(f"{PAGE}{pk}/role/", {"role": "reviewer"})["Location"] == "/"


def test_who_is_signed_in_joins_as_who_they_are(project: Project, olga: User) -> None:
    other = make.make_project("tortoises")
    token, client = invite(by=None, project=other, role=Role.REVIEWER), make.client_of(olga)
    assert "You are signed in as olga" in client.get(f"/join/{token}/").content.decode()
    client.post(f"/join/{token}/")
    assert Membership.objects.get(user=olga, project=other).role == Role.REVIEWER
    assert client.get(f"/join/{token}/").status_code == 404


def test_a_link_gives_no_second_role_and_no_way_back(project: Project, olga: User, alice: User) -> None:
    token = invite(by=olga, project=project, role=Role.OPERATOR)
    said = make.client_of(alice).post(f"/join/{token}/", follow=True).content.decode()
    assert "You are in this project already" in said
    Membership.objects.filter(user=alice).update(deactivated_at=timezone.now())
    said = make.client_of(alice).post(f"/join/{token}/", follow=True).content.decode()
    assert "An operator ended your membership here" in said
    assert Membership.objects.get(user=alice).role == Role.LABELER
    assert Invitation.objects.get().used_at is None
