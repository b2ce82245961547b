"""No work is lent before the current consent is accepted, and every judgement knows under which version it was made."""

import uuid

import pytest

from accounts.consents import ConsentOwed, accept_consent, publish_consent
from accounts.models import Membership, Project, User
from annotations.choices import Kind
from annotations.models import Ranking
from annotations.queries.waiting import stock
from annotations.services import people
from annotations.services.demonstrations import submit_demonstration
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work
from tests import make


@pytest.fixture
def work(project: Project, olga: User) -> Project:
    """A project with a text to accept, two slates to rank and a prompt to answer."""
    publish_consent(by=olga, project=project, text="We keep what you write.", after=0)
    make.make_slates(project, 2)
    make.make_prompt(project, demonstrations=1)
    return project


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_lent_before_the_consent(work: Project, alice: User, kind: Kind) -> None:
    with pytest.raises(ConsentOwed):
        lend_work(to=alice, project=work, kind=kind)
    assert stock(work) == 2
    assert Membership.objects.get(user=alice).last_lent_at is None
    accept_consent(by=alice, project=work, version=1)
    assert make.lent(alice, work, kind)


def test_who_starts_is_asked_and_then_led_on(work: Project, alice: User) -> None:
    client = make.client_of(alice)
    asked = client.get("/p/turtles/rank/")
    assert asked["Location"] == "/p/turtles/consent/?next=%2Fp%2Fturtles%2Frank%2F"
    page = client.get(asked["Location"]).content.decode()
    assert 'name="next" value="/p/turtles/rank/"' in page
    answer = client.post("/p/turtles/consent/", {"version": "1", "next": "/p/turtles/rank/"}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/rank/")


def test_a_new_version_asks_again_but_lets_begun_work_be_finished(work: Project, olga: User, alice: User) -> None:
    accept_consent(by=alice, project=work, version=1)
    begun = make.lent(alice, work)
    publish_consent(by=olga, project=work, text="We keep more.", after=1)
    with pytest.raises(ConsentOwed):
        lend_work(to=alice, project=work, kind=Kind.RANK)
    assert begun.slate
    tiers = make.tiers_of(begun.slate)
    ranking = submit_ranking(by=alice, assignment_id=begun.public_id, tiers=tiers, key=uuid.uuid4())
    assert ranking.consent
    assert ranking.consent.version == 1


def test_every_judgement_keeps_the_version_it_was_made_under(work: Project, olga: User, alice: User) -> None:
    accept_consent(by=alice, project=work, version=1)
    first = make.lent(alice, work)
    assert first.slate
    said = {"by": alice, "assignment_id": first.public_id, "tiers": make.tiers_of(first.slate)}
    before = submit_ranking(**said, key=uuid.uuid4())
    publish_consent(by=olga, project=work, text="We keep more.", after=1)
    accept_consent(by=alice, project=work, version=2)
    revised = submit_ranking(**said, note="On second thoughts.", key=uuid.uuid4())
    asked = make.lent(alice, work, Kind.DEMONSTRATE)
    words = [{"role": "assistant", "content": "In the sand."}]
    written = submit_demonstration(by=alice, assignment_id=asked.public_id, messages=words, key=uuid.uuid4())
    versions = [one.consent.version if one.consent else None for one in (before, revised, written)]
    assert versions == [1, 2, 2]


def test_without_a_text_a_judgement_has_no_version(project: Project, alice: User) -> None:
    assert make.make_ranking(alice, make.make_slate(project)).consent is None


def test_withdrawing_gives_work_back_and_lends_none_until_it_is_accepted_again(work: Project, alice: User) -> None:
    accept_consent(by=alice, project=work, version=1)
    held = make.lent(alice, work)
    assert stock(work) == 1
    assert people.withdraw_consent(by=alice, project=work) == 1
    assert stock(work) == 2
    with pytest.raises(ConsentOwed):
        lend_work(to=alice, project=work, kind=Kind.RANK)
    accept_consent(by=alice, project=work, version=1)
    assert make.lent(alice, work).slate != held.slate


def test_what_is_sent_after_withdrawing_is_not_kept_and_the_page_says_so(work: Project, alice: User) -> None:
    accept_consent(by=alice, project=work, version=1)
    held, client = make.lent(alice, work), make.client_of(alice)
    client.post("/p/turtles/consent/withdraw/")
    sent = {"key": str(uuid.uuid4()), "order": "a b c d"}
    answer = client.post(f"/rank/{held.public_id}/", sent)
    assert answer.status_code == 403
    assert "You withdrew your consent" in answer.content.decode()
    assert not Ranking.objects.exists()
    accept_consent(by=alice, project=work, version=1)
    assert client.post(f"/rank/{held.public_id}/", sent).status_code == 302
    assert Ranking.objects.get().consent


def test_what_was_said_before_withdrawing_keeps_its_version(work: Project, alice: User) -> None:
    accept_consent(by=alice, project=work, version=1)
    held = make.lent(alice, work)
    assert held.slate
    said = {"assignment_id": held.public_id, "tiers": make.tiers_of(held.slate), "key": uuid.uuid4()}
    submit_ranking(by=alice, **said)
    people.withdraw_consent(by=alice, project=work)
    kept = Ranking.objects.get()
    assert kept.is_current
    assert kept.consent
