"""A person's page of their API tokens: what they may choose, what is shown once, and what withdrawing does."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import api_tokens
from accounts.models import ApiToken, Membership, Project, Role, User
from tests import make

PAGE = "/settings/tokens/"
NEW = {"name": "Nightly import", "scopes": ["read"], "days": "90"}


def offered(person: User) -> list[str]:
    return re.findall(r'name="scopes" value="(\w+)"', make.client_of(person).get(PAGE).content.decode())


def secret_in(page: str) -> str:
    [secret] = re.findall(r'id="secret" readonly value="([^"]+)"', page)
    assert isinstance(secret, str)
    return secret


def test_a_new_token_is_shown_once_and_works(alice: User) -> None:
    client = make.client_of(alice)
    page = client.post(PAGE, NEW)
    secret = secret_in(page.content.decode())
    assert Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert "no-store" in page["Cache-Control"]
    again = client.get(PAGE).content.decode()
    assert secret not in again
    assert "Nightly import" in again
    token = ApiToken.objects.get()
    assert (token.owner, token.scopes) == (alice, ["read"])
    assert token.expires_at - token.created_at == timedelta(days=90)


@pytest.mark.parametrize(
    ("who", "scopes"),
    [
        ("alice", ["read", "label"]),
        ("rita", ["read", "review"]),
        ("olga", ["read", "review", "operate", "data"]),
        ("erik", ["read", "data"]),
        ("mallory", ["read"]),
    ],
)
def test_only_what_the_roles_can_use_is_offered(who: str, scopes: list[str], request: pytest.FixtureRequest) -> None:
    assert offered(request.getfixturevalue(who)) == scopes


def test_every_role_in_any_project_counts(alice: User) -> None:
    Membership.objects.create(user=alice, project=make.make_project("second"), role=Role.EXPORTER)
    assert offered(alice) == ["read", "label", "data"]


def test_an_ended_membership_offers_nothing(alice: User) -> None:
    alice.memberships.update(deactivated_at=timezone.now())
    assert offered(alice) == ["read"]


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"scopes": []}, {"scopes": ["operate"]}, {"days": "400"}, {"days": ""}, {"name": "a\x00b"}]
)
def test_what_cannot_be_is_refused_beside_its_field(alice: User, wrong: dict[str, object]) -> None:
    page = make.client_of(alice).post(PAGE, NEW | wrong)
    assert page.status_code == 400
    assert "errorlist" in page.content.decode()
    assert not ApiToken.objects.exists()


def test_a_withdrawn_token_leaves_the_list_and_opens_nothing(alice: User) -> None:
    token, secret = api_tokens.issue(by=alice, name="old", scopes=["read"], days=1)
    client = make.client_of(alice)
    page = client.post(f"{PAGE}{token.pk}/withdraw/", follow=True).content.decode()
    assert "old is withdrawn" in page
    assert "tut_" not in page
    assert Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert "withdrawn before" in client.post(f"{PAGE}{token.pk}/withdraw/", follow=True).content.decode()


def test_nobody_sees_or_withdraws_the_token_of_somebody_else(alice: User, bob: User) -> None:
    token, _secret = api_tokens.issue(by=alice, name="mine alone", scopes=["read"], days=1)
    client = make.client_of(bob)
    assert "mine alone" not in client.get(PAGE).content.decode()
    client.post(f"{PAGE}{token.pk}/withdraw/")
    assert ApiToken.objects.get().revoked_at is None


def test_the_page_is_for_who_is_signed_in(db: None) -> None:
    assert Client().get(PAGE)["Location"].startswith("/account/login/")
    assert Client().post(f"{PAGE}1/withdraw/")["Location"].startswith("/account/login/")


def test_an_expired_token_says_so(alice: User, project: Project) -> None:
    token, _secret = api_tokens.issue(by=alice, name="old", scopes=["read"], days=1)
    then = timezone.now() - timedelta(days=3)
    ApiToken.objects.filter(pk=token.pk).update(created_at=then, expires_at=then + timedelta(days=1))
    assert "expired" in make.client_of(alice).get(PAGE).content.decode()
