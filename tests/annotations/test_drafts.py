"""Drafts: what is typed and not sent is kept by the server, version by version, and never written over unseen."""

import json
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Project, User
from annotations.models import Assignment, Draft
from annotations.queries.desk import NotYours
from annotations.services.drafts import LONGEST_DRAFT, BadDraft, DraftMoved, save_draft
from annotations.services.revisions import Stale
from annotations.services.work import skip
from tests.make import client_of, lent, make_prompt, make_slate
from tests.race import race

TYPED = {"order": ["c a"], "note": ["so far"], "flags-a": ["false", "harmful"], "rating-b": ["3"]}


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slate(project)
    return lent(alice, project)


def save(held: Assignment, body: Any = TYPED, *, version: int = 0, revision: int = 0) -> Draft:
    assert held.labeler
    return save_draft(by=held.labeler, assignment_id=held.public_id, version=version, revision=revision, body=body)


def put(client: Client, held: Assignment, **sent: Any) -> Any:
    body = json.dumps({"version": 0, "revision": 0, "body": TYPED} | sent)
    return client.put(f"/drafts/{held.public_id}/", body, content_type="application/json")


def submit(held: Assignment, **fields: Any) -> Any:
    assert held.labeler
    return client_of(held.labeler).post(f"/rank/{held.public_id}/", {"key": uuid.uuid4(), "order": "abcd"} | fields)


def test_each_save_counts_the_version_up(held: Assignment) -> None:
    assert save(held).version == 1
    assert save(held, {"order": ["c a b"]}, version=1).version == 2
    assert Draft.objects.get().body == {"order": ["c a b"]}


@pytest.mark.parametrize("version", [0, 2])
def test_a_save_over_another_version_is_refused_with_what_is_kept(held: Assignment, version: int) -> None:
    save(held)
    with pytest.raises(DraftMoved) as moved:
        save(held, {"order": ["d"]}, version=version)
    assert moved.value.draft
    assert (moved.value.draft.version, moved.value.draft.body) == (1, TYPED)
    assert Draft.objects.get().body == TYPED


def test_the_same_text_twice_is_no_other_window(held: Assignment) -> None:
    save(held)
    assert (save(held).version, Draft.objects.get().version) == (1, 1)


def test_a_save_over_a_draft_that_is_gone_says_so(held: Assignment) -> None:
    with pytest.raises(DraftMoved) as moved:
        save(held, version=4)
    assert moved.value.draft is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", [0, 1])
def test_of_eight_windows_that_save_at_once_one_is_kept(held: Assignment, version: int) -> None:
    def attempt(n: int) -> str:
        try:
            save(held, {"note": [str(n)]}, version=version)
        except DraftMoved:
            return "moved"
        return str(n)

    if version:
        save(held)
    answers = race([partial(attempt, n) for n in range(8)])
    kept = Draft.objects.get()
    assert sorted(answers) == sorted(["moved"] * 7 + kept.body["note"])
    assert kept.version == version + 1


def test_the_answer_takes_the_drafts_place_and_a_late_save_does_not_bring_it_back(held: Assignment) -> None:
    save(held)
    submit(held)
    with pytest.raises(Stale):
        save(held, version=0, revision=0)
    assert not Draft.objects.exists()
    assert save(held, revision=1).version == 1


def test_whoever_types_keeps_the_question(held: Assignment) -> None:
    Assignment.objects.update(lease_until=timezone.now())
    save(held)
    held.refresh_from_db()
    assert held.lease_until
    assert held.lease_until > timezone.now() + timedelta(minutes=44)


def test_typing_takes_no_question_back_from_who_has_it_now(held: Assignment) -> None:
    Assignment.objects.update(state="lapsed", slot=None, lease_until=None)
    save(held)
    held.refresh_from_db()
    assert (held.state, held.lease_until) == ("lapsed", None)


def test_a_skip_keeps_what_was_typed(held: Assignment, alice: User) -> None:
    save(held)
    skip(by=alice, assignment_id=held.public_id, reason="unclear")
    assert save(held, version=1).version == 2


def test_nobody_saves_on_the_work_of_another(held: Assignment, bob: User, mallory: User) -> None:
    for person in (bob, mallory):
        with pytest.raises(NotYours):
            save_draft(by=person, assignment_id=held.public_id, version=0, revision=0, body=TYPED)
        assert put(client_of(person), held).status_code == 404
    assert put(Client(), held).status_code == 302


def test_a_save_after_the_membership_ended_is_refused(held: Assignment, alice: User) -> None:
    Membership.objects.update(deactivated_at="2026-01-01T00:00Z")
    assert put(client_of(alice), held).status_code == 403


@pytest.mark.parametrize("body", [None, [], "text", {"order": "c a"}, {"order": [1]}, {"x" * 61: []}])
def test_what_no_page_sends_is_refused(held: Assignment, alice: User, body: Any) -> None:
    with pytest.raises(BadDraft):
        save(held, body)
    assert put(client_of(alice), held, body=body).status_code == 400


@pytest.mark.parametrize("sent", [b"", b"{}", b"[]", b'{"version": "x"}', b"\xff"])
def test_what_is_no_json_of_a_draft_is_refused(held: Assignment, alice: User, sent: bytes) -> None:
    answer = client_of(alice).put(f"/drafts/{held.public_id}/", sent, content_type="application/json")
    assert answer.status_code == 400


def test_a_draft_has_a_limit(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    assert put(client, held, body={"note": ["x" * (LONGEST_DRAFT + 1)]}).status_code == 413
    assert put(client, held, body={"note": ["x" * (LONGEST_DRAFT - 20)]}).status_code == 200


def test_what_a_database_cannot_hold_is_left_out(held: Assignment) -> None:
    assert save(held, {"note": ["a\0b\ud800c"]}).body == {"note": ["ab?c"]}


def test_over_the_wire_a_save_answers_with_its_version_and_a_clash_with_what_is_kept(
    held: Assignment, alice: User
) -> None:
    client = client_of(alice)
    assert put(client, held).json() == {"version": 1, "lease_minutes": 45}
    clash = put(client, held, body={"order": ["d"]})
    assert (clash.status_code, clash.json()["version"], clash.json()["body"]) == (409, 1, TYPED)
    submit(held)
    assert put(client, held).json() == {"problem": "answered"}


def test_a_save_needs_the_forms_token(held: Assignment, alice: User) -> None:
    assert put(client_of(alice, csrf=True), held).status_code == 403


def test_the_page_opens_with_what_was_typed(held: Assignment, alice: User) -> None:
    save(held)
    page = client_of(alice).get(f"/rank/{held.public_id}/").content.decode()
    assert 'value="c a"' in page
    assert "so far</textarea>" in page
    assert page.count(" checked") == 3
    assert 'data-version="1"' in page


def test_the_page_of_an_answer_opens_with_all_turns_that_were_typed(project: Project, alice: User) -> None:
    make_prompt(project, demonstrations=1)
    held = lent(alice, project, "demonstrate")
    save(held, {"content": ["On land.", "Where?", ""]})
    page = client_of(alice).get(f"/demonstrate/{held.public_id}/").content.decode()
    assert page.count('name="content"') == 3
    assert "Where?</textarea>" in page
