"""A person's own language and time zone, and the language of who is not signed in yet."""

import pytest
from django.db import connection
from django.template.loader import get_template
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.make import client_of


def test_a_person_keeps_their_language_and_zone(alice: User) -> None:
    client = client_of(alice)
    client.post("/settings/", {"language": "zh-hans", "time_zone": "Asia/Shanghai"})
    alice.refresh_from_db()
    assert (alice.language, alice.time_zone) == ("zh-hans", "Asia/Shanghai")
    assert '<html lang="zh-hans">' in client.get("/settings/").content.decode()


@pytest.mark.parametrize(("language", "zone"), [("xx", "UTC"), ("en", "Mars/Base")])
def test_an_unknown_language_or_zone_is_refused(alice: User, language: str, zone: str) -> None:
    page = client_of(alice).post("/settings/", {"language": language, "time_zone": zone})
    alice.refresh_from_db()
    assert page.status_code == 400
    assert (alice.language, alice.time_zone) == ("en", "UTC")


def test_a_language_is_chosen_before_signing_in(db: None) -> None:
    client = Client()
    answer = client.post("/language/", {"language": "zh-hans", "next": "/account/login/"})
    assert answer["Location"] == "/account/login/"
    assert '<html lang="zh-hans">' in client.get("/account/login/").content.decode()


def test_the_language_chosen_at_the_door_is_kept_with_the_person(alice: User) -> None:
    alice.set_password("a turtle swims far")
    alice.save()
    client = Client()
    client.post("/language/", {"language": "zh-hans"})
    client.post("/account/login/", {"login": "alice", "password": "a turtle swims far"})
    alice.refresh_from_db()
    assert alice.language == "zh-hans"


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_choosing_a_language_leads_nowhere_else(db: None, next_url: str) -> None:
    assert Client().post("/language/", {"language": "en", "next": next_url})["Location"] == "/"


def test_the_sign_in_page_asks_a_wrong_password_again_and_keeps_the_name(alice: User, valkey: str) -> None:
    page = Client().post("/account/login/", {"login": "alice", "password": "wrong"}).content.decode()
    assert 'value="alice"' in page
    assert 'role="alert"' in page


def test_nobody_signs_up_alone(db: None) -> None:
    assert "By invitation only" in Client().get("/account/signup/").content.decode()


@pytest.mark.parametrize("path", ["logout", "password/change", "password/reset", "reauthenticate"])
def test_every_account_page_wears_the_sites_look(alice: User, path: str) -> None:
    page = client_of(alice).get(f"/account/{path}/", follow=True).content.decode()
    assert "tutelage/all.css" in page


@pytest.mark.parametrize("page", ["500.html", "404.html", "403.html", "403_csrf.html", "409.html"])
def test_error_pages_stand_without_a_request(page: str) -> None:
    assert "<h1>" in get_template(page).render()


@pytest.mark.parametrize("path", ["email/", "confirm-email/", "password/reset/done/", "password/reset/key/x-y/"])
def test_no_page_that_would_send_mail_is_there(alice: User, path: str) -> None:
    assert client_of(alice).get(f"/account/{path}").status_code == 404


def test_a_strangers_mail_address_is_not_taken_for_a_new_password(db: None) -> None:
    assert Client().post("/account/password/reset/", {"email": "stranger@example.org"}).status_code == 405


def test_saving_settings_writes_nothing_but_them(alice: User) -> None:
    client = client_of(alice)
    with CaptureQueriesContext(connection) as said:
        client.post("/settings/", {"language": "zh-hans", "time_zone": "Asia/Shanghai"})
    (update,) = [query["sql"] for query in said if query["sql"].startswith('UPDATE "accounts_user"')]
    assert "time_zone" in update
    assert "password" not in update


@override_settings(SECURE_SSL_REDIRECT=True)
def test_whoever_watches_the_process_is_answered_without_tls() -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/account/login/").status_code == 301
