"""A page that is older than what is kept: nothing is written over, both answers are shown, the person chooses."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import Project, User
from annotations.both import marked, pairs
from annotations.models import Assignment, Demonstration, Draft, Ranking
from annotations.services.rankings import submit_ranking
from annotations.services.revisions import Stale
from annotations.services.undo import undo
from tests.make import client_of, lent, make_prompt, make_slate, tiers_of

KEY = uuid.UUID("0192f0c1-0000-4000-8000-000000000001")


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slate(project)
    return lent(alice, project)


def address(held: Assignment) -> str:
    return f"/{held.kind}/{held.public_id}/"


def send(client: Client, held: Assignment, **fields: Any) -> Any:
    return client.post(address(held), {"key": uuid.uuid4(), "order": "a b c d", "base": 0} | fields)


def hidden(page: str) -> dict[str, str]:
    """What the page of both answers would send again."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return dict(found) | dict(re.findall(r'<textarea name="([\w-]+)" hidden>\n(.*?)</textarea>', page, re.DOTALL))


def test_the_page_knows_the_newest_revision(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    assert 'name="base" value="0"' in client.get(address(held)).content.decode()
    send(client, held)
    assert 'name="base" value="1"' in client.get(address(held)).content.decode()


def test_an_answer_over_one_that_the_page_never_saw_is_refused_with_both(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    send(client, held, note="from the first window")
    answer = send(client, held, order="d c b a", note="from the second window")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert re.search(r"from the <mark>first</mark> window.*", page)
    assert re.search(r"from the <mark>second</mark> window.*", page)
    assert Ranking.objects.count() == 1


def test_keeping_this_one_makes_a_revision(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    send(client, held)
    sent = hidden(send(client, held, order="d c b a", note="é <b>\nline").content.decode())
    assert sent["base"] == "1"
    assert client.post(address(held), sent | {"note": "é <b>\nline", "do": "submit"}).status_code == 302
    current = Ranking.objects.get(is_current=True)
    assert (current.revision, current.note) == (2, "é <b>\nline")
    assert escape("é <b>\nline") == sent["note"]


def test_keeping_the_other_changes_nothing_and_drops_the_draft(held: Assignment, alice: User) -> None:
    send(client_of(alice), held)
    client = client_of(alice)
    Draft.objects.create(assignment=held, body={"order": ["d"]})
    answer = client.post(f"/drafts/{held.public_id}/discard/", follow=True)
    assert "The other answer stays" in answer.content.decode()
    assert "/undo/" not in answer.content.decode()
    assert not Draft.objects.exists()
    assert Ranking.objects.get().revision == 1


def test_editing_together_shows_mine_in_the_form_and_the_other_beside_it(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    send(client, held, note="theirs")
    sent = hidden(send(client, held, order="d c b a", note="mine").content.decode())
    answer = client.post(address(held), sent | {"do": "together"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "mine</textarea>" in page
    assert "<mark>theirs</mark>" in page
    assert 'name="base" value="1"' in page
    assert Ranking.objects.count() == 1


def test_one_key_with_another_text_shows_both_too(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    send(client, held, key=KEY)
    answer = send(client, held, key=KEY, order="d c b a")
    assert answer.status_code == 409
    assert str(KEY) not in answer.content.decode()


def test_an_old_page_may_not_silently_send_again_what_was_taken_back(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    send(client, held, key=KEY)
    undo(by=alice, assignment_id=held.public_id)
    assert send(client, held, key=KEY).status_code == 409
    assert not Ranking.objects.filter(is_current=True).exists()


def test_who_looked_at_no_page_is_not_asked(held: Assignment, alice: User) -> None:
    assert held.slate
    for revision in (1, 2):
        tiers = tiers_of(held.slate)
        made = submit_ranking(by=alice, assignment_id=held.public_id, tiers=tiers, key=uuid.uuid4())
        assert made.revision == revision
    with pytest.raises(Stale):
        submit_ranking(by=alice, assignment_id=held.public_id, tiers=tiers, base=1, key=uuid.uuid4())


def test_a_written_answer_is_held_to_the_same(project: Project, alice: User) -> None:
    make_prompt(project, demonstrations=1)
    held, client = lent(alice, project, "demonstrate"), client_of(alice)
    send(client, held, content="On the beach at night.")
    answer = send(client, held, content="On the beach by day.")
    assert answer.status_code == 409
    assert "On the beach <mark>by day</mark>." in answer.content.decode()
    assert Demonstration.objects.count() == 1
    kept = client.post(address(held), hidden(answer.content.decode()) | {"do": "submit"})
    assert kept.status_code == 302
    assert Demonstration.objects.get(is_current=True).messages[0]["content"] == "On the beach by day."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"state": "lapsed", "slot": None}, "it went to somebody else"),
        ({"state": "skipped", "slot": None, "skip_reason": "other"}, "You skipped this question"),
    ],
)
def test_late_the_page_says_so_before_and_after(
    held: Assignment, alice: User, change: dict[str, Any], sentence: str
) -> None:
    client = client_of(alice)
    Assignment.objects.filter(pk=held.pk).update(**change)
    assert sentence in client.get(address(held)).content.decode()
    send(client, held)
    assert "It came late" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("column", "sentence"), [("retired_at", "no longer asked"), ("in_review_at", "A reviewer is looking")]
)
def test_of_a_slate_that_is_not_lent_any_more_the_answer_is_still_kept(
    held: Assignment, alice: User, column: str, sentence: str
) -> None:
    client = client_of(alice)
    assert held.slate
    type(held.slate).objects.update(**{column: "2026-01-01T00:00Z"})
    assert sentence in client.get(address(held)).content.decode()
    assert send(client, held).status_code == 302
    assert Ranking.objects.count() == 1


def as_script(person: User | None, writer: User, *, csrf: bool = False) -> Client:
    client = client_of(person, csrf=csrf) if person else Client(enforce_csrf_checks=csrf)
    client.defaults["HTTP_X_WRITTEN_BY"] = str(writer.pk)
    return client


def test_a_script_is_told_where_to_go_on_and_the_message_waits_there(held: Assignment, alice: User) -> None:
    client = as_script(alice, alice)
    assert send(client, held).json() == {"next": "/p/turtles/rank/"}
    assert "Ranking submitted" in client.get("/p/turtles/rank/").content.decode()


def test_a_script_of_who_is_signed_out_gets_401(held: Assignment, alice: User) -> None:
    answer = send(as_script(None, alice), held)
    assert (answer.status_code, answer.json()) == (401, {"problem": "signed_out"})


def test_what_one_person_wrote_is_never_taken_as_anothers(held: Assignment, alice: User, bob: User) -> None:
    answer = send(as_script(bob, alice), held)
    assert (answer.status_code, answer.json()) == (403, {"problem": "somebody_else", "name": "bob"})
    assert not Ranking.objects.exists()


def test_a_script_with_an_old_token_gets_one_that_works(held: Assignment, alice: User) -> None:
    client = as_script(alice, alice, csrf=True)
    refused = send(client, held)
    assert (refused.status_code, refused.json()["problem"]) == (403, "out_of_date")
    assert send(client, held, csrfmiddlewaretoken=refused.json()["csrf"]).status_code == 200


def test_who_is_signed_in_is_told_with_a_token(alice: User) -> None:
    found = client_of(alice).get("/account/here/").json()
    assert (found["person"], found["name"]) == (str(alice.pk), "alice")
    assert Client().get("/account/here/").status_code == 302


def test_the_page_for_people_stays_as_it_is(held: Assignment, alice: User) -> None:
    assert client_of(alice, csrf=True).post(address(held)).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("one", "other", "middle"),
    [
        ("a medium heat is best", "a low to medium heat is best", ("", "low to ")),
        ("same", "same", ("", "")),
        ("", "all new", ("", "all new")),
        ("绿海龟在沙滩产卵", "绿海龟在海里产卵", ("沙滩", "海里")),
        ("aaa", "aa", ("aaa", "aa")),
    ],
)
def test_what_differs_is_marked_by_words(one: str, other: str, middle: tuple[str, str]) -> None:
    both = marked(one, other)
    assert tuple(side.differs for side in both) == middle
    assert [side.before + side.differs + side.after for side in both] == [one, other]


def test_fields_that_are_empty_in_both_are_left_out() -> None:
    found = pairs({"Note": "", "Your order": "a b"}, {"Note": "", "Your order": "", "Flags": "x"})
    assert [pair.label for pair in found] == ["Your order", "Flags"]
