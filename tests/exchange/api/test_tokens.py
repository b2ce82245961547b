"""Tokens: shown once, kept as a digest, good for what they say until the day they say, and only their owner's."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import api_tokens
from accounts.models import ApiToken, JournalEntry, Project, Role, User
from exchange.services.forgetting import forget
from tests import make
from tests.exchange.api.calls import Caller, problem, prompt_body, said

PATH = "/projects/turtles/prompts"


def answered(secret: str | None) -> int:
    headers = {} if secret is None else {"Authorization": secret}
    return Client(headers=headers).get("/api/v1/me").status_code


def test_no_token_and_no_such_token_are_turned_away_and_told_how(alice: User) -> None:
    for header in (None, "Bearer", "Bearer tut_nothing", "Basic YTpi", f"Bearer {Caller(alice).token.digest}"):
        assert answered(header) == 401
    response = Client().get("/api/v1/me")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert problem(response) == (401, "no-token")


def test_a_cookie_opens_no_address_of_the_api(alice: User) -> None:
    assert make.client_of(alice).get("/api/v1/me").status_code == 401


def test_only_the_digest_is_stored(alice: User) -> None:
    token, secret = api_tokens.issue(by=alice, name="script", scopes=["read"], days=1)
    assert secret.startswith("tut_")
    assert answered(f"Bearer {secret}") == 200
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in str(row)
    assert secret not in str(list(JournalEntry.objects.values()))
    assert secret.startswith(row["prefix"])


def test_an_expired_token_opens_nothing(alice: User) -> None:
    caller = Caller(alice)
    then = timezone.now() - timedelta(days=3)
    ApiToken.objects.update(created_at=then, expires_at=then + timedelta(days=1))
    assert problem(caller.get("/me")) == (401, "no-token")


def test_a_revoked_token_opens_nothing_and_is_revoked_once(alice: User, bob: User) -> None:
    caller = Caller(alice)
    with pytest.raises(api_tokens.TokenGone):
        api_tokens.revoke(by=bob, token_id=caller.token.pk)
    assert caller.get("/me").status_code == 200
    api_tokens.revoke(by=alice, token_id=caller.token.pk)
    assert problem(caller.get("/me")) == (401, "no-token")
    with pytest.raises(api_tokens.TokenGone):
        api_tokens.revoke(by=alice, token_id=caller.token.pk)
    assert JournalEntry.objects.filter(verb="revoke_token").count() == 1


def test_who_is_switched_off_is_switched_off_here_too(alice: User) -> None:
    caller = Caller(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert problem(caller.get("/me")) == (401, "no-token")


def test_a_scope_narrows_what_the_role_allows(olga: User) -> None:
    reader, writer = Caller(olga, "read"), Caller(olga, "operate")
    assert reader.get(PATH).status_code == 200
    assert problem(reader.post(PATH, prompt_body("Why?"))) == (403, "wrong-scope")
    assert problem(writer.get(PATH)) == (403, "wrong-scope")
    assert writer.post(PATH, prompt_body("Why?")).status_code == 200


def test_a_scope_widens_nothing(alice: User) -> None:
    assert problem(Caller(alice, "operate").post(PATH, prompt_body("Why?"))) == (403, "not-allowed")


def test_the_role_is_the_one_of_this_moment(olga: User, alice: User, project: Project) -> None:
    caller = Caller(alice)
    alice.memberships.update(role=Role.OPERATOR)
    assert caller.get(PATH).status_code == 200
    alice.memberships.update(deactivated_at=timezone.now())
    assert problem(caller.get(PATH)) == (404, "not-found")


def test_use_is_noted_once_a_minute(alice: User) -> None:
    caller = Caller(alice)
    caller.get("/me")
    first = ApiToken.objects.get().last_used_at
    caller.get("/me")
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    caller.get("/me")
    assert ApiToken.objects.get().last_used_at >= first


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["read"], 1),
        ("x" * 61, ["read"], 1),
        ("x", [], 1),
        ("x", ["root"], 1),
        ("x", ["read"], 0),
        ("x", ["read"], 366),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(alice: User, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(api_tokens.TokenRefused):
        api_tokens.issue(by=alice, name=name, scopes=scopes, days=days)


def test_who_is_forgotten_leaves_no_token(alice: User, olga: User) -> None:
    Caller(alice)
    forget(username="alice", words=False)
    assert not ApiToken.objects.exists()


def test_the_command_prints_a_secret_that_works(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("api_token", "alice", "--name", "nightly", "--scopes", "read", "label", "--days", "7")
    secret = capsys.readouterr().out.strip()
    assert answered(f"Bearer {secret}") == 200
    assert ApiToken.objects.get().scopes == ["read", "label"]
    with pytest.raises(CommandError):
        call_command("api_token", "nobody", "--name", "x", "--scopes", "read", "--days", "7")
    with pytest.raises(CommandError):
        call_command("api_token", "alice", "--name", "x", "--scopes", "read", "--days", "400")


def test_answers_are_english_whatever_a_program_accepts(olga: User) -> None:
    caller = Caller(olga)
    caller._client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
    batch = {"prompts": [{"messages": [{"role": "assistant", "content": "Because."}]}]}
    assert said(caller.post(PATH, batch))["detail"].isascii()
