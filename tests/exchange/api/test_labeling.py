"""Labeling by the API: work is lent, given back and taken up as on the pages, and tells no more than they do."""

import re
import uuid

import pytest

from accounts.consents import publish_consent
from accounts.models import Project, User
from annotations.choices import AssignmentState
from annotations.forms.ranking import Flag
from annotations.models import Assignment, Completion, Draft, Prompt
from exchange.api.root import api
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.exchange.api.labeling_calls import WORK, lent, send, tiers


def test_the_same_work_is_lent_again_while_it_is_in_hand(work: Project, alice: User) -> None:
    caller = Caller(alice, "label")
    first = lent(caller)
    assert lent(caller)["id"] == first["id"]
    assert (first["state"], first["revision"], first["guideline_version"]) == ("lent", 0, 1)
    assert [answer["letter"] for answer in first["answers"]] == ["a", "b", "c", "d"]
    assert Assignment.objects.filter(labeler=alice).count() == 1


def test_letters_stand_as_the_page_shows_them(work: Project, alice: User) -> None:
    told = lent(Caller(alice))
    page = make.client_of(alice).get(f"/rank/{told['id']}/").content.decode()
    texts = [answer["text"] for answer in told["answers"]]
    assert sorted(texts, key=page.index) == texts


def test_a_draft_opens_on_the_page_and_no_window_writes_over_another(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    path, body = f"/assignments/{told['id']}/draft", {"order": ["c a"]}
    assert said(caller.send("PUT", path, {"version": 0, "revision": 0, "body": body}))["version"] == 1
    assert 'value="c a"' in make.client_of(alice).get(f"/rank/{told['id']}/").content.decode()
    stale = {"version": 0, "revision": 0, "body": {"order": ["d"]}}
    assert problem(caller.send("PUT", path, stale)) == (409, "moved")
    assert said(caller.get(f"/assignments/{told['id']}"))["draft"]["body"] == body
    assert caller.send("DELETE", path).status_code == 204
    assert not Draft.objects.exists()


def test_a_skip_gives_the_work_to_somebody_else_once(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    path = f"/assignments/{told['id']}/skip"
    assert caller.post(path, {"reason": "cannot_judge"}).status_code == 204
    assert problem(caller.post(path, {"reason": "cannot_judge"})) == (409, "refused")
    assert problem(caller.post(path, {"reason": "bored"})) == (422, "invalid")
    assert lent(caller)["id"] != told["id"]


def test_an_answer_is_taken_back_within_seconds_and_no_later(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    send(caller, told, {"tiers": tiers("a b c d")})
    back = said(caller.post(f"/assignments/{told['id']}/undo"))
    assert (back["state"], back["ranking"]["withdrawn"], back["revision"]) == ("lent", True, 1)
    assert problem(caller.post(f"/assignments/{told['id']}/undo")) == (409, "refused")


def test_a_pause_gives_back_and_resuming_takes_up_again(work: Project, alice: User) -> None:
    caller = Caller(alice)
    told = lent(caller)
    assert said(caller.post("/projects/turtles/pause")) == {"given_back": 1}
    assert said(caller.post(f"/assignments/{told['id']}/resume")) == {"held": True}
    assert lent(caller)["id"] == told["id"]


def test_nothing_is_lent_before_the_consent_and_the_detail_says_what_to_do(
    work: Project, alice: User, olga: User
) -> None:
    publish_consent(by=olga, project=work, text="We keep what you write.", after=0)
    refused = Caller(alice).post(WORK, {"kind": "rank"})
    assert problem(refused) == (403, "not-allowed")
    assert "/projects/turtles/consent" in said(refused)["detail"]


def test_where_nothing_waits_it_is_said_why(project: Project, alice: User) -> None:
    told = said(Caller(alice).post(WORK, {"kind": "rank"}))
    assert (told["assignment"], told["emptiness"]["reason"]) == (None, "no_prompts")


def test_nothing_of_a_sensitive_question_is_told_before_it_is_asked_for(work: Project, alice: User) -> None:
    Prompt.objects.update(sensitive=True)
    caller = Caller(alice)
    told = lent(caller)
    assert (told["hidden"], told["messages"], told["answers"], told["draft"]) == (True, [], [], None)
    shown = said(caller.get(f"/assignments/{told['id']}", show="true"))
    assert (shown["hidden"], len(shown["answers"])) == (False, 4)


def test_an_assignment_says_nothing_of_who_wrote_what_and_of_what_others_thought(
    project: Project, alice: User, bob: User
) -> None:
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    slate = make.make_slate(project, policy=make.make_policy(project, "r7-ppo-secret"))
    make.make_ranking(bob, slate)
    Completion.objects.update(tokens=98765)
    caller = Caller(alice)
    told = lent(caller)
    response = caller.get(f"/assignments/{told['id']}")
    everything = response.content.decode() + str(dict(response.headers))
    policy = Completion.objects.earliest("pk").policy
    ids = [str(slate.public_id), str(slate.order.public_id), str(slate.prompt.public_id)]
    ids += [str(row.public_id) for row in Completion.objects.all()]
    for tell in ("ppo", policy.digest, policy.path, str(policy.public_id), "98765", "bob", bob.pseudonym, *ids):
        assert tell not in everything
    assert "priority" not in everything


@pytest.mark.parametrize(("who", "status"), [("rita", 403), ("olga", 403), ("erik", 403), ("mallory", 404)])
def test_only_labelers_are_lent_work(who: str, status: int, work: Project, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    for path, body in ((WORK, {"kind": "rank"}), ("/projects/turtles/pause", None)):
        assert caller.post(path, body).status_code == status


@pytest.mark.parametrize("who", ["bob", "rita", "olga", "erik", "mallory"])
def test_another_persons_assignment_is_not_there(
    who: str, work: Project, alice: User, request: pytest.FixtureRequest
) -> None:
    path = f"/assignments/{lent(Caller(alice))['id']}"
    caller = Caller(request.getfixturevalue(who))
    calls = [caller.get(path), caller.post(f"{path}/ranking", {"tiers": tiers("a b c d")})]
    calls += [caller.post(f"{path}/skip", {"reason": "other"}), caller.post(f"{path}/undo")]
    calls += [caller.post(f"{path}/resume"), caller.post(f"{path}/demonstration", {"turns": ["x"]})]
    calls += [caller.send("PUT", f"{path}/draft", {"version": 0, "revision": 0, "body": {}})]
    calls += [caller.send("DELETE", f"{path}/draft"), caller.post(f"{path}/advice", {"text": "x"})]
    assert {problem(each) for each in calls} == {(404, "not-found")}
    assert Assignment.objects.get(labeler=alice).state == AssignmentState.LENT


def test_a_token_without_the_scope_does_no_work(work: Project, alice: User) -> None:
    assert problem(Caller(alice, "read", "review", "data").post(WORK, {"kind": "rank"})) == (403, "wrong-scope")


def test_a_token_to_label_with_does_nothing_else(work: Project, alice: User) -> None:
    caller = Caller(alice, "label")
    others = [
        (method.upper(), path, operation["x-scope"])
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
        if operation["x-scope"] not in ("label", "")
    ]
    assert {scope for _method, _path, scope in others} >= {"read", "review", "operate"}
    ids = {"slug": "turtles", "number": 1, "kind": "ppo"}
    for method, path, _scope in others:
        named = {name: ids.get(name, uuid.uuid4()) for name in re.findall(r"{(\w+)}", path)}
        assert problem(caller.send(method, path.removeprefix("/api/v1").format(**named))) == (403, "wrong-scope")


def test_every_flag_of_the_page_is_named(work: Project, alice: User) -> None:
    assert lent(Caller(alice))["asks"]["flags"] == list(Flag.values)
