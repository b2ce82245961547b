"""Sign-in with the code of an authenticator app: for who wants it, and then without a way around it."""

import base64
import hashlib
import hmac
import re
import struct
import time

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from accounts.models import Project, User
from accounts.password_links import make_link_here
from tests import make

PASSWORD = "a turtle swims far"


def code_of(secret: str) -> str:
    """RFC 6238, written here again so that allauth's own arithmetic is checked too. Good for two seconds at least."""
    left = 30 - time.time() % 30
    if left < 2:
        time.sleep(left)
    made = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = made[-1] & 15
    number = struct.unpack(">I", made[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def sign_in(name: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/account/login/", {"login": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


@pytest.fixture
def person(alice: User) -> User:
    # Failed sign-ins are counted there, over all tests.
    cache.clear()
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def client(person: User) -> Client:
    """Signed in, and asked for the password once more."""
    signed_in = sign_in("alice")
    signed_in.post("/account/reauthenticate/", {"password": PASSWORD})
    return signed_in


@pytest.fixture
def secret(client: Client) -> str:
    """Of an app that is connected."""
    page = client.get("/account/2fa/totp/activate/").content.decode()
    [found] = re.findall(r'codes-key">([A-Z2-7]+)<', page)
    assert client.post("/account/2fa/totp/activate/", {"code": code_of(found)}).status_code == 302
    assert isinstance(found, str)
    return found


def test_without_an_app_the_password_is_enough(person: User) -> None:
    assert is_in(sign_in("alice"))


def test_with_an_app_the_password_alone_opens_nothing(secret: str) -> None:
    client = sign_in("alice")
    assert not is_in(client)
    client.post("/account/2fa/authenticate/", {"code": "000000" if code_of(secret) != "000000" else "000001"})
    assert not is_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)


def test_a_code_works_once(secret: str) -> None:
    first, second = sign_in("alice"), sign_in("alice")
    code = code_of(secret)
    first.post("/account/2fa/authenticate/", {"code": code})
    second.post("/account/2fa/authenticate/", {"code": code})
    assert (is_in(first), is_in(second)) == (True, False)


def test_a_recovery_code_works_instead_and_works_once(client: Client, secret: str) -> None:
    shown = client.get("/account/2fa/recovery-codes/").content.decode()
    codes = re.findall(r"<li>(\d{8})</li>", shown)
    assert len(codes) == 10
    first, second = sign_in("alice"), sign_in("alice")
    first.post("/account/2fa/authenticate/", {"code": codes[0]})
    second.post("/account/2fa/authenticate/", {"code": codes[0]})
    assert (is_in(first), is_in(second)) == (True, False)


def test_the_app_is_disconnected_by_its_owner(client: Client, secret: str) -> None:
    client.post("/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert is_in(sign_in("alice"))


def test_before_anything_changes_the_password_is_asked_again(person: User) -> None:
    client = sign_in("alice")
    assert client.get("/account/2fa/totp/activate/")["Location"].startswith("/account/reauthenticate/")


def test_the_picture_is_there_while_an_app_is_being_connected_and_never_kept(client: Client, person: User) -> None:
    picture = "/account/2fa/totp/activate/qr.svg"
    assert client.get(picture).status_code == 404
    page = client.get("/account/2fa/totp/activate/").content.decode()
    assert picture in page
    assert "data:" not in page
    answer = client.get(picture)
    assert answer["Content-Type"] == "image/svg+xml"
    assert "no-store" in answer["Cache-Control"]
    assert sign_in("alice").get(picture).status_code == 404
    assert Client().get(picture).status_code == 302
    [secret] = re.findall(r'codes-key">([A-Z2-7]+)<', page)
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert client.get(picture).status_code == 404


def test_a_password_link_leaves_the_app_in_force(secret: str, person: User) -> None:
    token = make_link_here(user=person)
    words = {"new_password1": "another turtle swims", "new_password2": "another turtle swims"}
    Client().post(f"/new-password/{token}/", words)
    assert not is_in(sign_in("alice", "another turtle swims"))


def test_who_runs_the_machine_can_take_a_lost_app_away(secret: str, person: User) -> None:
    call_command("password_link", "alice", "--forget-app")
    assert is_in(sign_in("alice"))


PAGES = ("", "reauthenticate/", "totp/activate/", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/")


def test_every_page_wears_the_sites_look_and_keeps_its_policy(client: Client, secret: str) -> None:
    answers = [client.get(f"/account/2fa/{page}", follow=True) for page in PAGES]
    answers += [client.get("/account/reauthenticate/"), sign_in("alice").get("/account/2fa/authenticate/")]
    assert {answer.status_code for answer in answers} == {200}
    for page in (answer.content.decode() for answer in answers):
        assert "tutelage/all.css" in page
        assert "data:" not in page
        assert "application/json" not in page


def test_who_tries_too_often_is_held_back_in_the_sites_look(client: Client) -> None:
    answers = [client.post("/account/reauthenticate/", {"password": "wrong"}) for _ in range(12)]
    assert answers[-1].status_code == 429
    assert "tutelage/all.css" in answers[-1].content.decode()


def test_security_keys_are_not_offered(client: Client, project: Project) -> None:
    assert client.get("/account/2fa/webauthn/").status_code == 404


def test_settings_lead_there(alice: User) -> None:
    assert 'href="/account/2fa/"' in make.client_of(alice).get("/settings/").content.decode()
