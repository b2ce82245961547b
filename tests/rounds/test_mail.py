"""Mail: where a server is configured, a notice that nobody has read goes out once, after what it tells of stands."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.models import Membership, Project, Role, User
from rounds import tasks
from rounds.machine import State
from rounds.models import Notice, Round
from rounds.services import notices, rounds
from tests import make
from tests.race import race
from tests.rounds import loop

SITE = "https://label.example.org"


class NobodyAnswers(EmailBackend):
    """A server that is down."""

    def open(self) -> bool:
        raise ConnectionRefusedError


class RefusesAll(EmailBackend):
    """A server that takes no mail."""

    def send_messages(self, messages: object) -> int:
        raise OSError("550 no such mailbox")


@pytest.fixture(autouse=True)
def server(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.SENDS_MAIL, settings.SITE_URL = True, SITE
    settings.DEFAULT_FROM_EMAIL = "tutelage@example.org"
    mail.outbox = []


@pytest.fixture
def reachable(olga: User) -> User:
    User.objects.filter(pk=olga.pk).update(email="olga@example.org")
    olga.refresh_from_db()
    return olga


def send() -> int:
    return notices.send_mail(now=timezone.now())


def in_review(project: Project) -> Round:
    return loop.work_until(loop.start(project), State.REVIEW)


def test_a_mail_says_what_waits_and_where(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    assert send() == 1
    [sent] = mail.outbox
    assert (sent.to, sent.from_email) == (["olga@example.org"], "tutelage@example.org")
    assert sent.subject == "Turtles: Round 1 waits for a review"
    assert f"{SITE}/p/turtles/rounds/1/review/" in sent.body
    assert f"{SITE}/settings/" in sent.body
    assert sent.content_subtype == "plain"


def test_a_mail_is_in_the_language_of_who_gets_it(ranked: Project, reachable: User) -> None:
    User.objects.filter(pk=reachable.pk).update(language="zh-hans", time_zone="Asia/Shanghai")
    in_review(ranked)
    Notice.objects.update(created_at="2026-11-22T20:00Z")
    notices.send_mail(now=Notice.objects.get().created_at)
    assert "04:00" in mail.outbox[0].body


def test_no_notice_is_mailed_twice(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    assert (send(), send()) == (1, 0)
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_it_once(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    now = timezone.now()
    assert sorted(race([lambda: notices.send_mail(now=now)] * 3)) == [0, 0, 1]


def test_what_was_read_in_the_product_is_not_mailed(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    notices.read_all(by=reachable)
    assert send() == 0


def test_who_gave_no_address_gets_none(ranked: Project, olga: User) -> None:
    in_review(ranked)
    assert send() == 0
    assert Notice.objects.get().mailed_at is None


def test_old_news_is_not_mailed_when_a_server_is_configured_later(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    Notice.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert send() == 0


def test_who_lost_the_role_in_between_gets_none(ranked: Project, reachable: User) -> None:
    in_review(ranked)
    Membership.objects.filter(user=reachable).update(role=Role.LABELER)
    assert send() == 0


def test_a_server_that_is_down_costs_no_mail(ranked: Project, reachable: User, settings: LazySettings) -> None:
    in_review(ranked)
    settings.EMAIL_BACKEND = f"{__name__}.NobodyAnswers"
    assert send() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send() == 1


def test_a_mail_that_was_refused_is_not_tried_again(ranked: Project, reachable: User, settings: LazySettings) -> None:
    """Whether it went out is not known: a second try might be a second mail."""
    in_review(ranked)
    settings.EMAIL_BACKEND = f"{__name__}.RefusesAll"
    assert send() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send() == 0


def test_a_stop_is_mailed_in_the_machines_words(ranked: Project, reachable: User, settings: LazySettings) -> None:
    found = loop.start(ranked)
    rounds.stop(round_id=found.pk, state=State.EXPORTING, kind="no_space", message="No space is left on the disk.")
    send()
    assert "No space is left on the disk." in mail.outbox[0].body
    assert "It goes on when somebody tries again" in mail.outbox[0].body


def test_a_name_of_two_lines_makes_no_header_of_its_own(ranked: Project, reachable: User) -> None:
    Project.objects.update(name="Turtles\r\nBcc: everybody@example.org")
    in_review(ranked)
    assert send() == 1
    assert mail.outbox[0].recipients() == ["olga@example.org"]
    assert "\n" not in mail.outbox[0].subject


def test_a_mail_can_be_kept_as_a_file(ranked: Project, reachable: User, settings: LazySettings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    in_review(ranked)
    assert send() == 1
    [kept] = (tmp_path / "mail").iterdir()
    assert "To: olga@example.org" in kept.read_text()


def test_without_a_server_nothing_is_asked_for_and_nothing_waits(
    ranked: Project, reachable: User, settings: LazySettings
) -> None:
    in_review(ranked)
    assert notices.mail_waits(now=timezone.now())
    assert 'name="email"' in make.client_of(reachable).get("/settings/").content.decode()
    settings.SENDS_MAIL = False
    assert not notices.mail_waits(now=timezone.now())
    assert 'name="email"' not in make.client_of(reachable).get("/settings/").content.decode()


FILLED = {"language": "en", "time_zone": "UTC", "email": "new@example.org"}


def test_an_address_is_kept_and_emptied(reachable: User) -> None:
    client = make.client_of(reachable)
    client.post("/settings/", FILLED)
    reachable.refresh_from_db()
    assert reachable.email == "new@example.org"
    client.post("/settings/", FILLED | {"email": ""})
    reachable.refresh_from_db()
    assert reachable.email == ""


def test_who_is_told_nothing_is_asked_for_no_address(alice: User) -> None:
    client = make.client_of(alice)
    assert 'name="email"' not in client.get("/settings/").content.decode()
    client.post("/settings/", FILLED)
    alice.refresh_from_db()
    assert alice.email == ""


@pytest.mark.parametrize("left_out", ["SITE_URL", "MAIL_FROM"])
def test_a_server_without_a_sender_or_a_place_for_links_is_refused_at_start(left_out: str, tmp_path: Path) -> None:
    whole = {"EMAIL_URL": "smtp+tls://u:p@mail.example.org:587", "SITE_URL": SITE, "MAIL_FROM": "t@example.org"}
    given = {name: value for name, value in whole.items() if name != left_out}
    known = {"SECRET_KEY": "x" * 50, "TUTELAGE_DATA": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "import tutelage.settings as s; print(s.EMAIL_HOST, s.EMAIL_USE_TLS)"]
    refused = subprocess.run(command, env=known | given, capture_output=True, text=True)
    assert "EMAIL_URL needs SITE_URL" in refused.stderr
    taken = subprocess.run(command, env=known | whole, capture_output=True, text=True)
    assert taken.stdout.split() == ["mail.example.org", "True"]


@pytest.mark.django_db(transaction=True)
def test_the_tick_hands_the_mail_over(ranked: Project, reachable: User, worker: None) -> None:
    Project.objects.update(stock_target=0)
    in_review(ranked)
    tasks.tick()
    assert [sent.to for sent in mail.outbox] == [["olga@example.org"]]
