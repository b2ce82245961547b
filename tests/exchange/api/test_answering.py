"""Rankings and demonstrations by the API: what a page makes, an API makes alike, once, or says what is wrong."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Project, User
from annotations.choices import AssignmentState
from annotations.models import Assignment, Completion, Demonstration, Placement, Ranking
from annotations.services.work import lend_work
from exchange.models import KeptAnswer
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.exchange.api.labeling_calls import lent, letters_of, send, tiers

# Neither the same row twice, nor what differs between two people's slots.
_OWN = ("id", "assignment_id", "labeler_id", "public_id", "created_at", "making", "_state")


def test_a_ranking_by_program_is_the_row_that_the_page_makes(work: Project, alice: User, bob: User) -> None:
    alices, bobs = lent(Caller(alice)), make.lent(bob, work)
    answers = {"c": {"rating": 6}, "d": {"flags": ["false"], "note": " D is off "}}
    making = {"visible_ms": dict.fromkeys("abcd", 60_000), "seen": list("abcd")}
    body = {"tiers": tiers("c ab d"), "cut": 2, "answers": answers, "flags": ["alike"], "note": "hm", "unsure": True}
    told = send(Caller(alice), alices, {**body, "base": 0, "making": making})
    assert (told.status_code, said(told)) == (
        200,
        {"id": alices["id"], "revision": 1, "late": False, "hurried": False},
    )
    fields: dict[str, Any] = {"order": "c a = b | d", "rating-c": "6", "flags-d": ["false"], "note-d": " D is off "}
    fields |= {"flags": ["alike"], "note": "hm", "unsure": "on", "base": "0"}
    fields |= {"making": json.dumps(making), "key": uuid.uuid4()}
    make.client_of(bob).post(f"/rank/{bobs.public_id}/", fields)
    by_program, by_page = Ranking.objects.get(labeler=alice), Ranking.objects.get(labeler=bob)
    assert by_program.assignment.slate == by_page.assignment.slate
    assert _plain(by_program) == _plain(by_page)
    assert by_program.making == by_page.making == making
    assert letters_of(by_program) == letters_of(by_page) == {"c": 1, "a": 2, "b": 2, "d": 3}
    assert by_program.assignment.state == AssignmentState.DONE


def _plain(ranking: Ranking) -> tuple[dict[str, Any], list[Any]]:
    row = {name: value for name, value in vars(ranking).items() if name not in _OWN}
    placed = ranking.placements.order_by("tier", "note").values_list("tier", "rating", "flags", "note")
    return {name: value for name, value in row.items() if not name.startswith("_")}, list(placed)


def test_what_was_said_comes_back_and_can_be_revised(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    send(caller, told, {"tiers": tiers("c ab d"), "cut": 2, "answers": {"c": {"rating": 6}}})
    again = said(caller.get(f"/assignments/{told['id']}"))
    assert (again["state"], again["revision"]) == ("done", 1)
    assert (again["ranking"]["tiers"], again["ranking"]["cut"]) == (tiers("c ab d"), 2)
    assert again["ranking"]["answers"]["c"] == {"rating": 6, "flags": [], "note": ""}
    assert said(send(caller, told, {"tiers": tiers("a b c d"), "base": 1}))["revision"] == 2
    assert problem(send(caller, told, {"tiers": tiers("d c b a"), "base": 1})) == (409, "moved")
    assert Ranking.objects.filter(is_current=True).get().revision == 2


def test_one_idempotency_key_is_one_ranking(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told, body = lent(caller), {"tiers": tiers("a b c d")}
    first, again = send(caller, told, body, key="k-1"), send(caller, told, body, key="k-1")
    assert said(first) == said(again)
    assert Ranking.objects.count() == 1
    assert problem(send(caller, told, {"tiers": tiers("d c b a")}, key="k-1")) == (422, "other-request")


def test_a_key_holds_the_ranking_when_its_kept_answer_is_gone(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told, body = lent(caller), {"tiers": tiers("a b c d")}
    send(caller, told, body, key="k-1")
    KeptAnswer.objects.all().delete()
    assert said(send(caller, told, body, key="k-1"))["revision"] == 1
    assert Ranking.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"tiers": tiers("a b")}, "body.ranking.tiers"),
        ({"tiers": []}, "body.ranking.tiers"),
        ({"tiers": tiers("a a b c d")}, "body.ranking.tiers"),
        ({"tiers": tiers("a b c e")}, "body.ranking.tiers"),
        ({"tiers": tiers("a b c d"), "cut": 5}, "body.ranking.cut"),
        ({"tiers": tiers("a b c d"), "strength": 2}, "body.ranking.strength"),
        ({"tiers": tiers("a b c d"), "answers": {"e": {"rating": 3}}}, "body.ranking.answers"),
        ({"tiers": tiers("a b c d"), "answers": {"a": {"rating": 8}}}, "body.ranking.answers.a.rating"),
        ({"tiers": tiers("a b c d"), "note": "\0"}, "body.ranking.note"),
        ({"tiers": [["a"], [], ["b", "c", "d"]]}, "body.ranking.tiers.1"),
    ],
)
def test_a_mistake_is_told_beside_its_cause(work: Project, alice: User, body: dict[str, Any], place: str) -> None:
    response = send(Caller(alice), lent(Caller(alice)), body)
    assert problem(response) == (422, "invalid")
    assert [fault["location"] for fault in said(response)["errors"]] == [place]
    assert not Ranking.objects.exists()


def test_a_partial_order_is_for_projects_that_allow_it(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    assert said(send(caller, told, {"tiers": tiers("b a")}))["detail"] == "C, D are not placed yet."
    Project.objects.update(partial_order=True)
    assert said(send(caller, told, {"tiers": tiers("b a")}))["revision"] == 1
    assert Placement.objects.filter(tier=None).count() == 2


def test_what_a_project_does_not_ask_is_left_out_as_on_the_page(work: Project, alice: User) -> None:
    Project.objects.update(asks_cut=False, asks_flags=False, asks_ratings=False, asks_note=False)
    caller = Caller(alice)
    told = lent(caller)
    assert told["asks"] == {
        **dict.fromkeys(("partial_order", "cut", "ratings", "note", "strength"), False),
        "flags": [],
        "slate_flags": [],
    }
    send(caller, told, {"tiers": tiers("a b c d"), "cut": 1, "answers": {"a": {"rating": 7, "note": "x"}}})
    kept = Ranking.objects.get()
    assert (kept.cut, kept.note) == (None, "")
    assert not Placement.objects.exclude(rating=None, note="").exists()


def test_who_sends_faster_than_anybody_reads_is_marked_as_on_the_page(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    quick = {"visible_ms": dict.fromkeys("abcd", 10), "seen": list("abcd")}
    assert said(send(caller, told, {"tiers": tiers("a b c d"), "making": quick}))["hurried"]
    assert Ranking.objects.get().hurried


def test_an_answer_after_the_lease_went_to_somebody_else_is_late(work: Project, alice: User, bob: User) -> None:
    told = lent(Caller(alice))
    Assignment.objects.exclude(labeler=alice).update(state=AssignmentState.CLOSED, slot=None)
    Assignment.objects.filter(labeler=alice).update(lease_until=timezone.now() - timedelta(minutes=1))
    assert lend_work(to=bob, project=work, kind="rank") is not None
    assert said(Caller(alice).get(f"/assignments/{told['id']}"))["standing"] == "lapsed"
    assert said(send(Caller(alice), told, {"tiers": tiers("a b c d")}))["late"]
    assert Assignment.objects.get(labeler=alice).surplus


def test_past_its_lease_work_is_the_persons_until_somebody_takes_it(work: Project, alice: User) -> None:
    told = lent(Caller(alice))
    Assignment.objects.filter(labeler=alice).update(lease_until=timezone.now() - timedelta(minutes=1))
    read = said(Caller(alice).get(f"/assignments/{told['id']}"))
    assert (read["state"], read["standing"]) == ("lent", "")
    assert not said(send(Caller(alice), told, {"tiers": tiers("a b c d")}))["late"]


def test_of_two_answers_the_strength_is_asked(project: Project, alice: User) -> None:
    make.make_slate(project, k=2)
    caller = Caller(alice)
    told = lent(caller)
    assert told["asks"]["strength"]
    assert problem(send(caller, told, {"tiers": tiers("a b"), "strength": 2})) == (422, "invalid")
    assert said(send(caller, told, {}))["detail"] == "Nothing is chosen yet."
    assert send(caller, told, {"strength": 2, "both_bad": True}).status_code == 200
    kept = Ranking.objects.get()
    assert (kept.strength, kept.cut, letters_of(kept)) == (2, 0, {"b": 1, "a": 2})
    before = said(caller.get(f"/assignments/{told['id']}"))["ranking"]
    assert (before["strength"], before["both_bad"], before["tiers"]) == (2, True, [])


def test_a_correction_comes_with_its_ranking(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    send(caller, told, {"tiers": tiers("b a c d"), "correction": {"text": "Better so."}})
    corrected = Demonstration.objects.get()
    assert corrected.origin
    [best] = [answer["text"] for answer in told["answers"] if answer["letter"] == "b"]
    assert (corrected.messages[0]["content"], corrected.origin.text) == ("Better so.", best)
    again = said(caller.get(f"/assignments/{told['id']}"))
    assert again["ranking"]["correction"] == {"text": "Better so.", "letter": "b"}


def test_how_it_was_made_never_stops_anybody(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    for making in ({"x": "\0"}, {"x": "x" * 30_000}, {"visible_ms": {"a": "soon"}}):
        assert send(caller, told, {"tiers": tiers("a b c d"), "making": making}).status_code == 200


def test_a_demonstration_by_program_is_the_row_that_the_page_makes(project: Project, alice: User, bob: User) -> None:
    prompt = make.make_prompt(project, "Where do turtles lay eggs?", demonstrations=2)
    make.make_slate(project)
    Completion.objects.update(prompt=prompt)
    alices, bobs = lent(Caller(alice), "demonstrate"), make.lent(bob, project, "demonstrate")
    turns, handle = ["In the sand.", "Which?", "Warm sand."], alices["starts"][0]["handle"]
    path = f"/assignments/{alices['id']}/demonstration"
    assert said(Caller(alice).post(path, {"turns": turns, "origin": handle, "base": 0}))["revision"] == 1
    page = f"/demonstrate/{bobs.public_id}/"
    told = said(Caller(bob).get(f"/assignments/{bobs.public_id}"))
    [start] = [one["handle"] for one in told["starts"] if one["text"] == alices["starts"][0]["text"]]
    assert start != handle
    make.client_of(bob).post(page, {"content": turns, "origin": start, "base": "0", "key": uuid.uuid4()})
    columns = ("prompt", "messages", "origin", "edit_distance", "revision", "is_current", "guideline", "consent")
    by_program, by_page = Demonstration.objects.values_list(*columns).order_by("pk")
    assert by_program == by_page
    assert said(Caller(alice).get(f"/assignments/{alices['id']}"))["turns"] == turns


def test_one_idempotency_key_is_one_demonstration(project: Project, alice: User) -> None:
    make.make_prompt(project, demonstrations=1)
    caller = Caller(alice)
    path = f"/assignments/{lent(caller, 'demonstrate')['id']}/demonstration"
    for _ in range(2):
        assert said(caller.post(path, {"turns": ["Yes."]}, key="d-1"))["revision"] == 1
        KeptAnswer.objects.all().delete()
    assert Demonstration.objects.count() == 1


@pytest.mark.parametrize("turns", [[""], ["One.", "And?"], ["One.", " ", "Two."], ["x"] * 22, ["x" * 64_001]])
def test_a_demonstration_that_is_none_is_refused(project: Project, alice: User, turns: list[str]) -> None:
    make.make_prompt(project, demonstrations=1)
    path = f"/assignments/{lent(Caller(alice), 'demonstrate')['id']}/demonstration"
    assert problem(Caller(alice).post(path, {"turns": turns})) == (422, "invalid")
    assert problem(Caller(alice).post(path, {"turns": ["Yes."], "origin": "other"})) == (422, "invalid")


def test_advice_is_told_before_a_text_is_sent(project: Project, alice: User) -> None:
    make.make_prompt(project, demonstrations=1)
    path = f"/assignments/{lent(Caller(alice), 'demonstrate')['id']}/advice"
    assert "short" in [one["kind"] for one in said(Caller(alice).post(path, {"text": "Yes."}))["items"]]
