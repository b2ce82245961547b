"""For seconds after sending it, an answer can be taken back, and everything is as it was."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import JournalEntry, Membership, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Demonstration, Ranking, Slate
from annotations.queries.desk import NotYours
from annotations.records import demonstrations_of, rankings_of
from annotations.services.undo import UNDO_WITHIN, TooLate, undo
from annotations.services.work import lend_work
from tests.make import client_of, lent, make_prompt, make_slate
from tests.race import race


@pytest.fixture
def slate(project: Project) -> Slate:
    return make_slate(project)


@pytest.fixture
def held(project: Project, alice: User, slate: Slate) -> Assignment:
    return lent(alice, project)


def submit(held: Assignment, **fields: Any) -> Any:
    assert held.labeler
    sent = {"key": uuid.uuid4(), "order": "c a = b | d"} | fields
    return client_of(held.labeler).post(f"/{held.kind}/{held.public_id}/", sent)


def take_back(held: Assignment) -> None:
    assert held.labeler
    undo(by=held.labeler, assignment_id=held.public_id)


def age(seconds: float) -> None:
    Ranking.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))


def said(held: Assignment) -> list[tuple[int, bool, bool]]:
    rows = held.rankings.order_by("revision")
    return [(row.revision, row.is_current, row.withdrawn_at is not None) for row in rows]


def test_a_first_answer_is_withdrawn_and_the_work_is_lent_as_before(held: Assignment) -> None:
    submit(held)
    take_back(held)
    held.refresh_from_db()
    assert (held.state, held.slot, held.surplus, held.done_at) == ("lent", 0, False, None)
    assert held.lease_until
    assert held.lease_until > timezone.now()
    assert said(held) == [(1, False, True)]
    last = JournalEntry.objects.latest("pk")
    assert (last.verb, last.old, last.new, last.facts) == ("undo", "done", "lent", {})


def test_a_revision_is_withdrawn_and_the_one_before_counts_again(held: Assignment) -> None:
    submit(held)
    submit(held, order="d c b a")
    take_back(held)
    held.refresh_from_db()
    assert held.state == "done"
    assert said(held) == [(1, True, False), (2, False, True)]


def test_what_is_sent_after_it_is_a_new_revision(held: Assignment) -> None:
    submit(held)
    take_back(held)
    assert submit(held, base=1).status_code == 302
    assert said(held) == [(1, False, True), (2, True, False)]


def test_a_late_answer_that_is_taken_back_gets_no_slot(held: Assignment) -> None:
    Assignment.objects.filter(pk=held.pk).update(state="lapsed", slot=None)
    submit(held)
    take_back(held)
    held.refresh_from_db()
    assert (held.state, held.slot, held.surplus) == ("lapsed", None, False)


def test_an_answer_after_a_skip_that_is_taken_back_is_skipped_again(held: Assignment) -> None:
    Assignment.objects.filter(pk=held.pk).update(state="skipped", slot=None, skip_reason="unclear")
    submit(held)
    take_back(held)
    held.refresh_from_db()
    assert (held.state, held.slot) == ("skipped", None)


def test_after_the_time_it_stays(held: Assignment) -> None:
    submit(held)
    age(UNDO_WITHIN.total_seconds() + 1)
    with pytest.raises(TooLate):
        take_back(held)
    assert said(held) == [(1, True, False)]


def test_it_is_taken_back_once(held: Assignment) -> None:
    submit(held)
    take_back(held)
    with pytest.raises(TooLate):
        take_back(held)


def test_only_its_author_takes_it_back(held: Assignment, alice: User, bob: User, olga: User) -> None:
    submit(held)
    for person in (bob, olga):
        with pytest.raises(NotYours):
            undo(by=person, assignment_id=held.public_id)
    Membership.objects.filter(user=alice).update(role="exporter")
    with pytest.raises(NotAllowed):
        take_back(held)
    assert said(held) == [(1, True, False)]


def test_nothing_that_was_taken_back_leaves_the_house(project: Project, alice: User, held: Assignment) -> None:
    submit(held)
    take_back(held)
    make_prompt(project, demonstrations=1)
    written = lent(alice, project, "demonstrate")
    submit(written, content="On land.")
    take_back(written)
    assert Demonstration.objects.get().withdrawn_at
    assert [*rankings_of(project), *demonstrations_of(project)] == []


def test_nobody_else_gets_the_slot_in_between(project: Project, bob: User, held: Assignment) -> None:
    submit(held)
    take_back(held)
    assert lend_work(to=bob, project=project, kind="rank") is None


def test_from_the_toast_the_page_opens_with_everything_as_it_was_sent(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    sent = {"key": uuid.uuid4(), "order": "c a = b | d", "note": "D is off", "rating-c": "6", "flags-d": ["false"]}
    next_page = client.post(f"/rank/{held.public_id}/", sent, follow=True).content.decode()
    assert f'action="/undo/{held.public_id}/"' in next_page
    answer = client.post(f"/undo/{held.public_id}/", follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(f"/rank/{held.public_id}/", 302)]
    assert "Taken back." in page
    assert 'value="c a = b | d"' in page
    assert "D is off</textarea>" in page
    assert page.count(" checked") == 2
    assert 'name="base" value="1"' in page


def test_too_late_the_page_says_so_and_shows_the_answer(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    submit(held)
    age(60)
    page = client.post(f"/undo/{held.public_id}/", follow=True).content.decode()
    assert "Too late to take it back" in page
    assert 'value="c a = b | d"' in page


def test_a_skip_offers_no_undo(held: Assignment, alice: User) -> None:
    page = client_of(alice).post(f"/skip/{held.public_id}/", {"reason": "unclear"}, follow=True).content.decode()
    assert "Skipped." in page
    assert "/undo/" not in page


def test_undo_is_asked_by_post_with_the_forms_token(held: Assignment, alice: User) -> None:
    submit(held)
    assert client_of(alice).get(f"/undo/{held.public_id}/").status_code == 405
    assert client_of(alice, csrf=True).post(f"/undo/{held.public_id}/").status_code == 403
    assert Client().post(f"/undo/{held.public_id}/")["Location"].startswith("/account/login/")
    assert said(held) == [(1, True, False)]


def test_a_correction_that_came_with_the_ranking_is_withdrawn_with_it(held: Assignment) -> None:
    submit(held, correction="On warm beaches, at night.", corrected="c")
    assert Demonstration.objects.get().is_current
    take_back(held)
    correction = Demonstration.objects.get()
    assert not correction.is_current
    assert correction.withdrawn_at


@pytest.mark.django_db(transaction=True)
def test_of_two_undos_and_a_revision_at_once_one_answer_at_the_most_is_current(held: Assignment) -> None:
    def attempt() -> str:
        try:
            take_back(held)
        except TooLate:
            return "too late"
        return "undone"

    submit(held)
    race([attempt, attempt, partial(submit, held, order="d c b a")])
    current = held.rankings.filter(is_current=True).count()
    held.refresh_from_db()
    assert (held.state, current) in [("done", 1), ("lent", 0)]
    assert not held.rankings.filter(is_current=True, withdrawn_at__isnull=False).exists()
