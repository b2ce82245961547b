"""Reviewing by the API: what the reviewers' pages show and do, under pseudonyms and letters, and no policy."""

import re
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.models import Assignment, Completion, Placement, Prompt, Ranking, Remark, Slate
from annotations.queries.answers import MARKS
from annotations.services.demonstrations import submit_demonstration
from annotations.services.work import skip
from exchange.models import KeptAnswer
from tests import make
from tests.exchange.api.calls import Caller, problem, said

RANKINGS, WRITTEN = "/projects/turtles/rankings", "/projects/turtles/demonstrations"
SKIPS, UNDECIDED = "/projects/turtles/skips", "/projects/turtles/undecided"
TEXTS = ["In the sand.", "On a beach.", "In the sea.", "Nobody knows."]


def items(caller: Caller, path: str, **query: Any) -> list[dict[str, Any]]:
    return list(said(caller.get(path, **query))["items"])


def skipped(project: Project, kind: str = "rank", reasons: tuple[str, ...] = ("broken", "unclear", "unclear")) -> None:
    """The same work, given back until nobody is asked any more."""
    for reason in reasons:
        person = make.make_person(f"{kind}-{uuid4().hex[:6]}", project)
        skip(by=person, assignment_id=make.lent(person, project, kind).public_id, reason=reason)


def written(by: User, project: Project) -> Assignment:
    make.make_prompt(project, "Where do turtles lay eggs?", demonstrations=1)
    held = make.lent(by, project, "demonstrate")
    messages = [{"role": "assistant", "content": "In the sand."}]
    submit_demonstration(by=by, assignment_id=held.public_id, messages=messages, key=uuid4())
    return held


def decide(caller: Caller, kind: str, about: object, do: str) -> Any:
    return caller.post(UNDECIDED, {"kind": kind, "about": str(about), "do": do})


@pytest.fixture
def ranking(project: Project, alice: User) -> Ranking:
    slate = make.make_slate(project, TEXTS, policy=make.make_policy(project, "r7-ppo-secret"))
    return make.make_ranking(alice, slate, [[2], [0, 3], [1]], cut=1)


def test_a_ranking_reads_as_on_the_page(ranking: Ranking, rita: User) -> None:
    Placement.objects.filter(ranking=ranking, tier=1).update(rating=6, flags=["false"], note="Salt?")
    Ranking.objects.update(flags=["alike"], note="hm", unsure=True)
    [told] = items(Caller(rita), RANKINGS)
    page = make.client_of(rita).get("/p/turtles/answers/").content.decode()
    [typed] = re.findall(r'class="push typed">([^<]+)<', page)
    assert told["order"] == " ".join(typed.lower().split())
    for answer in told["answers"]:
        assert re.search(rf"<b>{answer['letter'].upper()}</b>.*?{re.escape(answer['text'])}", page, re.DOTALL)
    [best] = [answer for answer in told["answers"] if answer["tier"] == 1]
    assert (best["text"], best["rating"], best["flags"], best["note"]) == ("In the sea.", 6, ["false"], "Salt?")
    assert (told["flags"], told["note"], told["unsure"], told["hurried"]) == (["alike"], "hm", True, False)
    assert said(Caller(rita).get(f"{RANKINGS}/{told['id']}")) == told


def test_nothing_is_told_of_who_said_it_and_who_wrote_it(ranking: Ranking, alice: User, rita: User) -> None:
    Completion.objects.update(tokens=98765)
    response = Caller(rita).get(RANKINGS)
    everything = response.content.decode() + str(dict(response.headers))
    policy = Completion.objects.earliest("pk").policy
    ids = [str(ranking.public_id), str(ranking.slate.public_id), str(ranking.slate.order.public_id)]
    ids += [str(row.public_id) for row in Completion.objects.all()]
    for tell in ("alice", "ppo", policy.digest, policy.path, str(policy.public_id), "98765", *ids):
        assert tell not in everything
    assert alice.pseudonym in everything


def test_a_revision_stands_in_the_place_of_what_it_revised(ranking: Ranking, alice: User, rita: User) -> None:
    path = f"/assignments/{ranking.assignment.public_id}/ranking"
    Caller(alice).post(path, {"tiers": [["a"], ["b"], ["c"], ["d"]], "base": 1})
    assert [(told["revision"], told["order"]) for told in items(Caller(rita), RANKINGS)] == [(2, "a b c d")]


def test_a_demonstration_reads_as_on_the_page(project: Project, alice: User, rita: User) -> None:
    held = written(alice, project)
    [told] = items(Caller(rita), WRITTEN)
    assert (told["id"], told["labeler"]) == (str(held.public_id), alice.pseudonym)
    assert told["messages"][-1]["content"] == "Where do turtles lay eggs?"
    assert told["turns"] == [{"role": "assistant", "content": "In the sand."}]
    assert said(Caller(rita).get(f"{WRITTEN}/{held.public_id}")) == told
    assert problem(Caller(rita).get(f"{RANKINGS}/{held.public_id}")) == (404, "not-found")


def test_the_lists_are_narrowed_by_labeler_and_mark(project: Project, alice: User, bob: User, rita: User) -> None:
    caller = Caller(rita)
    mine, his = (
        make.make_ranking(by, slate) for by, slate in zip((alice, bob), make.make_slates(project, 2), strict=True)
    )
    Ranking.objects.filter(pk=mine.pk).update(hurried=True, unsure=True, note="Why?", flags=["alike"])
    Assignment.objects.filter(pk=mine.assignment_id).update(surplus=True, slot=None)
    Remark.objects.create(assignment=mine.assignment, author=rita, text="Look again.")
    for mark in (*MARKS, "remarked"):
        assert [told["id"] for told in items(caller, RANKINGS, mark=mark)] == [str(mine.assignment.public_id)]
    found = items(caller, RANKINGS, labeler=bob.pseudonym)
    assert [told["id"] for told in found] == [str(his.assignment.public_id)]
    assert problem(caller.get(RANKINGS, mark="good")) == (422, "invalid")
    assert problem(caller.get(WRITTEN, mark="hurried")) == (422, "invalid")


def test_pages_of_rankings_meet_each_once(project: Project, alice: User, rita: User) -> None:
    made = [make.make_ranking(alice, slate) for slate in make.make_slates(project, 5)]
    found, cursor = [], None
    while True:
        told = said(Caller(rita).get(RANKINGS, limit=2, **({"cursor": cursor} if cursor else {})))
        found += [each["id"] for each in told["items"]]
        cursor = told["next"]
        if cursor is None:
            break
    assert found == [str(ranking.assignment.public_id) for ranking in made[::-1]]


def test_a_remark_reaches_its_labeler_once(ranking: Ranking, rita: User, alice: User, bob: User) -> None:
    path = f"/projects/turtles/assignments/{ranking.assignment.public_id}/remarks"
    first = Caller(rita)
    told = first.post(path, {"text": " D has no fur. "}, key="r-1")
    assert (told.status_code, said(told)["text"], said(told)["read"]) == (201, "D has no fur.", False)
    KeptAnswer.objects.all().delete()
    assert said(first.post(path, {"text": " D has no fur. "}, key="r-1"))["id"] == said(told)["id"]
    assert Remark.objects.count() == 1
    [unread] = said(Caller(alice).get("/projects/turtles/desk"))["remarks"]
    assert (unread["text"], unread["assignment"]) == ("D has no fur.", str(ranking.assignment.public_id))
    assert "rita" not in str(unread)
    read = f"/remarks/{unread['id']}/read"
    assert problem(Caller(bob).post(read)) == (404, "not-found")
    assert said(Caller(alice).post(read))["read"]
    assert said(Caller(alice).get("/projects/turtles/desk"))["remarks"] == []
    assert [remark["read"] for remark in items(Caller(rita), RANKINGS)[0]["remarks"]] == [True]


@pytest.mark.parametrize("text", ["", "  ", "\0", "x" * 4001])
def test_a_remark_that_says_nothing_or_too_much_is_refused(ranking: Ranking, rita: User, text: str) -> None:
    path = f"/projects/turtles/assignments/{ranking.assignment.public_id}/remarks"
    assert problem(Caller(rita).post(path, {"text": text})) == (422, "invalid")
    assert not Remark.objects.exists()


def test_what_nobody_answered_gets_no_remark(project: Project, rita: User) -> None:
    make.make_slate(project)
    path = f"/projects/turtles/assignments/{Assignment.objects.get().public_id}/remarks"
    assert problem(Caller(rita).post(path, {"text": "Hm."})) == (422, "invalid")


def test_what_was_skipped_too_often_waits_for_a_reviewer(project: Project, rita: User) -> None:
    slate = make.make_slate(project, TEXTS)
    skipped(project)
    caller = Caller(rita)
    [told] = items(caller, UNDECIDED)
    assert (told["kind"], told["about"]) == ("rank", str(slate.public_id))
    assert told["reasons"] == [{"reason": "unclear", "count": 2}, {"reason": "broken", "count": 1}]
    assert [(answer["letter"], answer["text"]) for answer in told["answers"]] == list(zip("abcd", TEXTS, strict=True))
    assert {each["now"] for each in items(caller, SKIPS)} == {"waits"}
    assert decide(caller, "rank", slate.public_id, "ask_again").status_code == 204
    assert items(caller, UNDECIDED) == []
    assert {each["now"] for each in items(caller, SKIPS)} == {"asked"}
    assert problem(decide(caller, "rank", slate.public_id, "retire")) == (409, "moved")
    assert JournalEntry.objects.filter(verb="ask_again", actor=rita).count() == 1


def test_a_slate_is_retired_by_a_reviewer_and_a_prompt_by_an_operator(project: Project, rita: User, olga: User) -> None:
    slate = make.make_slate(project)
    skipped(project)
    prompt = make.make_prompt(project, demonstrations=1)
    skipped(project, "demonstrate")
    assert [told["kind"] for told in items(Caller(rita), UNDECIDED)] == ["rank", "demonstrate"]
    assert decide(Caller(rita), "rank", slate.public_id, "retire").status_code == 204
    assert problem(decide(Caller(rita), "demonstrate", prompt.public_id, "retire")) == (403, "not-allowed")
    assert decide(Caller(olga), "demonstrate", prompt.public_id, "retire").status_code == 204
    assert items(Caller(rita), UNDECIDED) == []
    assert Slate.objects.get(pk=slate.pk).retired_at
    assert Prompt.objects.get(pk=prompt.pk).retired_at
    assert {each["now"] for each in items(Caller(rita), SKIPS)} == {"retired"}


@pytest.mark.parametrize("kind", ["rank", "demonstrate"])
def test_no_decision_is_about_another_projects_question(project: Project, olga: User, kind: str) -> None:
    other = make.make_project("parrots")
    about = make.make_slate(other) if kind == "rank" else make.make_prompt(other, demonstrations=1)
    skipped(other, kind, ("broken", "broken", "broken") if kind == "rank" else ())
    for do in ("ask_again", "retire"):
        assert decide(Caller(olga), kind, about.public_id, do).status_code in (404, 409)
    assert not Prompt.objects.exclude(retired_at=None).exists()
    assert not Slate.objects.exclude(retired_at=None).exists()


def test_skips_say_why_and_leave_out_what_is_sensitive(project: Project, alice: User, rita: User) -> None:
    make.make_slates(project, 2)
    for reason in ("cannot_judge", "harmful"):
        held = make.lent(alice, project)
        skip(by=alice, assignment_id=held.public_id, reason=reason)
    Prompt.objects.filter(pk=held.prompt_id).update(sensitive=True)
    newest, older = items(Caller(rita), SKIPS)
    assert (newest["reason"], newest["question"], newest["labeler"]) == ("harmful", None, alice.pseudonym)
    assert older["question"].startswith("What is turtle")


@pytest.mark.parametrize(
    ("who", "status"), [("rita", 200), ("olga", 200), ("alice", 403), ("erik", 403), ("mallory", 404)]
)
def test_answers_are_for_reviewers_and_operators(
    who: str, status: int, ranking: Ranking, request: pytest.FixtureRequest
) -> None:
    caller, about = Caller(request.getfixturevalue(who)), ranking.assignment.public_id
    calls = [caller.get(path) for path in (RANKINGS, f"{RANKINGS}/{about}", WRITTEN, SKIPS, UNDECIDED)]
    assert {each.status_code for each in calls} == {status}
    if status != 200:
        sent = [caller.post(f"/projects/turtles/assignments/{about}/remarks", {"text": "Hm."})]
        sent += [decide(caller, "rank", ranking.slate.public_id, "retire")]
        assert {each.status_code for each in sent} == {status}
        assert not Remark.objects.exists()


def test_a_token_to_look_with_changes_nothing(ranking: Ranking, rita: User) -> None:
    caller = Caller(rita, "read", "label", "data", "operate")
    path = f"/projects/turtles/assignments/{ranking.assignment.public_id}/remarks"
    calls = [caller.post(path, {"text": "Hm."}), decide(caller, "rank", ranking.slate.public_id, "retire")]
    calls += [caller.post("/projects/turtles/rounds/1/votes", {"question": 1, "side": "tie"})]
    calls += [caller.post("/projects/turtles/rounds/1/reveal")]
    assert {problem(each) for each in calls} == {(403, "wrong-scope")}
