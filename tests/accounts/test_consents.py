"""Consent: versions of a text, who accepted which, and the pages that ask and that write it."""

import pytest

from accounts.consents import (
    ConsentMoved,
    ConsentWithdrawn,
    accept_consent,
    acceptances_of,
    consent_given,
    consent_owed,
    current_consent,
    publish_consent,
    withdraw_consent,
)
from accounts.models import Acceptance, Consent, JournalEntry, Project, User
from accounts.permissions import NotAllowed
from tests import make

WORDS = "We keep what you write."


@pytest.fixture
def consent(project: Project, olga: User) -> Consent:
    return publish_consent(by=olga, project=project, text=WORDS, after=0)


def test_without_a_text_nothing_is_owed(project: Project, alice: User) -> None:
    assert current_consent(project) is None
    assert consent_owed(user=alice, project=project) is None
    assert consent_given(user=alice, project=project) is None


def test_a_version_is_owed_until_it_is_accepted(project: Project, consent: Consent, alice: User, bob: User) -> None:
    assert consent_owed(user=alice, project=project) == consent
    accept_consent(by=alice, project=project, version=1)
    assert consent_owed(user=alice, project=project) is None
    assert consent_owed(user=bob, project=project) == consent


def test_a_new_version_asks_again_and_the_old_acceptance_stays(
    project: Project, consent: Consent, olga: User, alice: User
) -> None:
    accept_consent(by=alice, project=project, version=1)
    newer = publish_consent(by=olga, project=project, text=WORDS + " And rankings.", after=1)
    assert consent_owed(user=alice, project=project) == newer
    assert consent_given(user=alice, project=project) == consent
    with pytest.raises(ConsentMoved):
        accept_consent(by=alice, project=project, version=1)


def test_an_empty_text_asks_nothing_any_more(project: Project, consent: Consent, olga: User, alice: User) -> None:
    publish_consent(by=olga, project=project, text="", after=1)
    assert consent_owed(user=alice, project=project) is None
    with pytest.raises(ConsentMoved):
        accept_consent(by=alice, project=project, version=2)


def test_accepting_twice_is_accepting_once(project: Project, consent: Consent, alice: User) -> None:
    assert accept_consent(by=alice, project=project, version=1) == accept_consent(by=alice, project=project, version=1)
    assert Acceptance.objects.count() == JournalEntry.objects.filter(verb="accept_consent").count() == 1


def test_nobody_overwrites_a_version_that_they_did_not_see(project: Project, consent: Consent, olga: User) -> None:
    with pytest.raises(ConsentMoved, match="Somebody else"):
        publish_consent(by=olga, project=project, text="Mine.", after=0)
    with pytest.raises(ConsentMoved, match="current text"):
        publish_consent(by=olga, project=project, text=WORDS, after=1)
    assert Consent.objects.get() == consent


@pytest.mark.parametrize("name", ["alice", "rita", "erik", "mallory"])
def test_only_operators_publish(project: Project, name: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotAllowed):
        publish_consent(by=request.getfixturevalue(name), project=project, text=WORDS, after=0)


@pytest.mark.parametrize("name", ["rita", "olga", "erik", "mallory"])
def test_only_labelers_accept(project: Project, consent: Consent, name: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotAllowed):
        accept_consent(by=request.getfixturevalue(name), project=project, version=1)


def test_the_journal_holds_no_word_of_the_text(project: Project, consent: Consent) -> None:
    assert WORDS not in str(list(JournalEntry.objects.values()))


def test_a_labeler_reads_the_text_accepts_it_and_goes_on(project: Project, consent: Consent, alice: User) -> None:
    client = make.client_of(alice)
    assert WORDS in client.get("/p/turtles/consent/").content.decode()
    answer = client.post("/p/turtles/consent/", {"version": "1", "next": "/p/turtles/rank/"})
    assert (answer.status_code, answer["Location"]) == (302, "/p/turtles/rank/")
    assert "I accept this" not in client.get("/p/turtles/consent/").content.decode()


def test_the_way_on_leads_nowhere_else(project: Project, consent: Consent, alice: User) -> None:
    words = {"version": "1", "next": "https://evil.example/"}
    assert make.client_of(alice).post("/p/turtles/consent/", words)["Location"] == "/"


@pytest.mark.parametrize("version", ["7", "", "x", "0"])
def test_a_version_that_is_not_the_current_one_is_shown_the_text_again(
    project: Project, consent: Consent, alice: User, version: str
) -> None:
    answer = make.client_of(alice).post("/p/turtles/consent/", {"version": version})
    assert answer.status_code == 409
    assert WORDS in answer.content.decode()
    assert not Acceptance.objects.exists()


def test_an_operator_writes_a_version_and_sees_how_many_accepted_it(
    project: Project, consent: Consent, olga: User, alice: User
) -> None:
    accept_consent(by=alice, project=project, version=1)
    client = make.client_of(olga)
    assert "1 person accepted it" in client.get("/p/turtles/people/consent/").content.decode()
    assert client.post("/p/turtles/people/consent/", {"text": "Newer.\r\n", "after": "1"}).status_code == 302
    newest = current_consent(project)
    assert newest
    assert (newest.version, newest.text) == (2, "Newer.")


def test_what_an_operator_wrote_is_kept_when_it_is_refused(project: Project, consent: Consent, olga: User) -> None:
    answer = make.client_of(olga).post("/p/turtles/people/consent/", {"text": "My words.", "after": "0"})
    assert answer.status_code == 400
    assert "My words." in answer.content.decode()
    assert "Somebody else published a version" in answer.content.decode()


CAST = {"alice": (200, 403), "bob": (200, 403), "rita": (403, 403), "erik": (403, 403), "olga": (403, 200)}


@pytest.mark.parametrize("name", [*CAST, "mallory"])
def test_each_page_is_for_its_role(project: Project, name: str, request: pytest.FixtureRequest) -> None:
    client = make.client_of(request.getfixturevalue(name))
    asks, writes = client.get("/p/turtles/consent/"), client.get("/p/turtles/people/consent/")
    assert (asks.status_code, writes.status_code) == CAST.get(name, (404, 404))


def test_a_labeler_withdraws_and_owes_the_text_again(project: Project, consent: Consent, alice: User) -> None:
    accept_consent(by=alice, project=project, version=1)
    assert withdraw_consent(by=alice, project=project) == 1
    assert consent_owed(user=alice, project=project) == consent
    assert withdraw_consent(by=alice, project=project) == 0
    accept_consent(by=alice, project=project, version=1)
    assert consent_owed(user=alice, project=project) is None
    assert consent_given(user=alice, project=project) == consent
    assert Acceptance.objects.count() == 2


def test_every_version_is_withdrawn_at_once(project: Project, consent: Consent, olga: User, alice: User) -> None:
    accept_consent(by=alice, project=project, version=1)
    publish_consent(by=olga, project=project, text="Newer.", after=1)
    accept_consent(by=alice, project=project, version=2)
    assert withdraw_consent(by=alice, project=project) == 2
    assert acceptances_of(alice) == []
    with pytest.raises(ConsentWithdrawn):
        consent_given(user=alice, project=project)


def test_withdrawing_touches_nobody_elses(project: Project, consent: Consent, alice: User, bob: User) -> None:
    accept_consent(by=alice, project=project, version=1)
    accept_consent(by=bob, project=project, version=1)
    withdraw_consent(by=alice, project=project)
    assert consent_owed(user=bob, project=project) is None


def test_the_settings_name_what_was_accepted_and_lead_to_withdrawing(
    project: Project, consent: Consent, alice: User
) -> None:
    client = make.client_of(alice)
    assert "/p/turtles/consent/" not in client.get("/settings/").content.decode()
    accept_consent(by=alice, project=project, version=1)
    assert "/p/turtles/consent/" in client.get("/settings/").content.decode()
    assert 'action="/p/turtles/consent/withdraw/"' in client.get("/p/turtles/consent/").content.decode()
    assert client.post("/p/turtles/consent/withdraw/")["Location"] == "/settings/"
    assert "I accept this" in client.get("/p/turtles/consent/").content.decode()


def test_an_operator_counts_only_who_still_accepts(project: Project, consent: Consent, olga: User, alice: User) -> None:
    accept_consent(by=alice, project=project, version=1)
    withdraw_consent(by=alice, project=project)
    assert "0 people accepted it" in make.client_of(olga).get("/p/turtles/people/consent/").content.decode()
