"""A project through the API: its settings, guidelines and prompts, its people, its journal; and who may what."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import seals
from accounts.models import Invitation, JournalEntry, Membership, Project, Role, User
from annotations.models import Policy, Prompt
from exchange.models import KeptAnswer
from rounds.machine import State
from rounds.models import Notice
from rounds.services import rounds
from rounds.services import sealing as service
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.rounds import loop

PROJECT = "/projects/turtles"
SETTINGS = f"{PROJECT}/settings"


@pytest.fixture
def operator(olga: User) -> Caller:
    return Caller(olga, "read", "operate")


def member(person: User) -> str:
    return f"{PROJECT}/members/{Membership.objects.get(user=person).pk}"


def test_a_project_begins_with_its_operator_and_policy(ranked: Project, operator: Caller, olga: User) -> None:
    [base] = said(operator.get("/base-policies"))["items"]
    wanted = {"slug": "newts", "name": "Newts", "k": 3, "guideline": "Prefer dry wit.", "base": base["id"]}
    answer = operator.post("/projects", wanted, key="once")
    assert (answer.status_code, said(answer)["k"], said(answer)["overlap"]) == (201, 3, 1)
    begun = Project.objects.get(slug="newts")
    assert [(one.user, one.role) for one in begun.memberships.select_related("user")] == [(olga, Role.OPERATOR)]
    assert Policy.objects.get(project=begun).digest == base["digest"]
    assert said(operator.post("/projects", wanted, key="once")) == said(answer)
    assert problem(operator.post("/projects", wanted)) == (422, "invalid")


def test_settings_change_over_those_that_were_seen(project: Project, operator: Caller) -> None:
    seen = said(operator.get(SETTINGS))["seen"]
    told = said(operator.send("PATCH", SETTINGS, {"seen": seen, "overlap": 3}))
    assert (told["overlap"], told["k"], told["name"]) == (3, 4, "Turtles")
    assert JournalEntry.objects.get(verb="edit_project").facts["changed"] == ["overlap"]
    assert problem(operator.send("PATCH", SETTINGS, {"seen": seen, "overlap": 2})) == (409, "moved")


@pytest.mark.parametrize("wrong", [{"k": 1}, {"time_zone": "Mars/Olympus"}, {"name": " "}, {"name": "\x00"}])
def test_a_setting_that_cannot_be_changes_nothing(project: Project, operator: Caller, wrong: dict[str, Any]) -> None:
    seen = said(operator.get(SETTINGS))["seen"]
    assert problem(operator.send("PATCH", SETTINGS, {"seen": seen, "overlap": 3, **wrong})) == (422, "invalid")
    assert Project.objects.get().overlap == 1


def test_guidelines_have_versions_and_none_is_written_over_another(project: Project, operator: Caller) -> None:
    wanted = {"text": "# Truth", "after": 1}
    assert said(operator.post(f"{PROJECT}/guidelines", wanted))["version"] == 2
    assert problem(operator.post(f"{PROJECT}/guidelines", wanted))[0] in (409, 422)
    versions = said(operator.get(f"{PROJECT}/guidelines/versions"))["items"]
    assert [(each["version"], each["text"] == "# Truth") for each in versions] == [(2, True), (1, False)]


def test_prompts_are_put_first_retired_and_brought_back(project: Project, operator: Caller) -> None:
    ids = [str(make.make_prompt(project, text).public_id) for text in ("One?", "Two?")]
    assert said(operator.post(f"{PROJECT}/prompts/priority", {"ids": ids[:1], "priority": 5})) == {"changed": 1}
    assert said(operator.post(f"{PROJECT}/prompts/retire", {"ids": ids})) == {"changed": 2}
    assert said(operator.get(f"{PROJECT}/prompts"))["items"] == []
    assert said(operator.post(f"{PROJECT}/prompts/bring-back", {"ids": ids[:1]})) == {"changed": 1}
    assert list(Prompt.objects.filter(retired_at=None).values_list("priority", flat=True)) == [5]


def test_coverage_counts_what_people_answered(ranked: Project, operator: Caller) -> None:
    assert said(operator.get(f"{PROJECT}/coverage"))["whole"]["ranked"] == 1


def test_an_invitations_link_works_is_shown_once_and_can_be_withdrawn(project: Project, operator: Caller) -> None:
    answer = operator.post(f"{PROJECT}/invitations", {"role": "labeler"}, key="once")
    told = said(answer)
    page = told["link"].partition("testserver")[2]
    assert (answer.status_code, Client().get(page).status_code) == (201, 200)
    [listed] = said(operator.get(f"{PROJECT}/invitations"))["items"]
    assert {name: told[name] for name in told if name != "link"} == listed
    again = operator.post(f"{PROJECT}/invitations", {"role": "labeler"}, key="once")
    assert problem(again) == (409, "refused")
    assert (Invitation.objects.count(), KeptAnswer.objects.get().body) == (1, None)
    assert operator.send("DELETE", f"{PROJECT}/invitations/{told['id']}").status_code == 204
    assert said(operator.get(f"{PROJECT}/invitations"))["items"] == []
    assert problem(operator.send("DELETE", f"{PROJECT}/invitations/{told['id']}"))[0] in (404, 409)


def test_a_member_gets_another_role_ends_and_comes_back(project: Project, operator: Caller, bob: User) -> None:
    assert said(operator.post(f"{member(bob)}/role", {"role": "reviewer"}))["role"] == "reviewer"
    assert said(operator.post(f"{member(bob)}/deactivate"))["ended_at"] is not None
    assert problem(Caller(bob).get(PROJECT))[0] in (403, 404)
    assert problem(operator.post(f"{member(bob)}/deactivate")) == (409, "refused")
    assert said(operator.post(f"{member(bob)}/let-back-in"))["ended_at"] is None
    assert said(Caller(bob).get(PROJECT))["slug"] == "turtles"


def test_the_last_operator_stays(project: Project, operator: Caller, olga: User) -> None:
    assert problem(operator.post(f"{member(olga)}/deactivate")) == (409, "refused")
    assert problem(operator.post(f"{member(olga)}/role", {"role": "labeler"})) == (409, "refused")


def test_a_member_of_elsewhere_is_nobody_here(project: Project, operator: Caller) -> None:
    other = make.make_person("otto", make.make_project("tortoises"))
    assert problem(operator.post(f"{member(other)}/deactivate")) == (404, "not-found")
    assert Membership.objects.get(user=other).deactivated_at is None


def test_a_password_link_is_shown_once(project: Project, operator: Caller, bob: User) -> None:
    told = said(operator.post(f"{member(bob)}/password-link"))
    assert Client().get(told["link"].partition("testserver")[2]).status_code == 200


def test_a_consent_is_published_after_the_one_that_was_seen(project: Project, operator: Caller) -> None:
    path = f"{PROJECT}/consents"
    first = {"text": "Your rankings are kept.", "after": 0}
    assert said(operator.post(path, first))["version"] == 1
    assert problem(operator.post(path, first)) == (409, "moved")
    assert [each["text"] for each in said(operator.get(path))["items"]] == ["Your rankings are kept."]


def test_the_journal_is_read_in_pages_and_narrowed(ranked: Project, operator: Caller, olga: User) -> None:
    found = loop.start(ranked, olga)
    rounds.cancel(by=olga, round_id=found.pk)
    entries = said(operator.get(f"{PROJECT}/journal", kind="rounds", who="olga"))["items"]
    assert (entries[0]["verb"], entries[0]["who"], entries[0]["sealed"]) == ("cancel", "olga", False)
    assert "round 1" in entries[0]["said"]
    first = said(operator.get(f"{PROJECT}/journal", kind="all", limit=1))
    second = said(operator.get(f"{PROJECT}/journal", kind="all", limit=1, cursor=first["next"]))
    assert first["items"][0]["id"] > second["items"][0]["id"]
    assert said(operator.get(f"{PROJECT}/journal", since="2100-01-01T00:00:00Z"))["items"] == []
    assert problem(operator.get(f"{PROJECT}/journal", who="nobody")) == (404, "not-found")


def test_the_seals_are_told_and_verified_when_asked(ranked: Project, operator: Caller) -> None:
    path = f"{PROJECT}/journal/seals"
    assert (said(operator.get(path))["digest"], said(operator.get(path))["verified_at"]) == (None, None)
    seals.seal(now=timezone.now() + timedelta(hours=1))
    answer = operator.post(f"{PROJECT}/journal/verify")
    assert answer.status_code == 202
    service.claim_verification(now=timezone.now())
    service.verify(now=timezone.now())
    told = said(operator.get(path))
    assert (told["batches"], told["fault"], told["verified_at"] is not None) == (1, None, True)


def test_notices_are_ones_own_and_are_marked_as_read(ranked: Project, olga: User, rita: User) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    caller = Caller(rita)
    [notice] = said(caller.get("/notices"))["items"]
    assert (notice["kind"], notice["round"], notice["read_at"]) == ("waits", 1, None)
    assert said(caller.post("/notices/read")) == {"read": 1}
    assert [each.user for each in Notice.objects.filter(read_at=None)] == [olga]


READ = ["settings", "guidelines/versions", "coverage", "invitations", "consents", "journal", "journal/seals"]
WRITTEN: list[tuple[str, str, Any]] = [
    ("PATCH", "settings", {"seen": "x", "k": 2}),
    ("POST", "guidelines", {"text": "No.", "after": 1}),
    ("POST", "prompts/retire", {"ids": ["0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa"]}),
    ("POST", "invitations", {"role": "operator"}),
    ("POST", "members/1/role", {"role": "operator"}),
    ("POST", "members/1/deactivate", None),
    ("POST", "members/1/let-back-in", None),
    ("POST", "members/1/password-link", None),
    ("POST", "consents", {"text": "", "after": 0}),
    ("POST", "journal/verify", None),
]


@pytest.mark.parametrize(
    ("who", "answer"),
    [("alice", 0), ("rita", (403, "not-allowed")), ("erik", 0), ("mallory", (404, "not-found"))],
)
def test_all_of_it_is_an_operators(project: Project, who: str, answer: object, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    sent = [caller.get(f"{PROJECT}/{path}") for path in READ]
    sent += [caller.send(method, f"{PROJECT}/{path}", body) for method, path, body in WRITTEN]
    told = {problem(each) for each in sent}
    assert told <= {(403, "not-allowed"), (404, "not-found")}
    assert not answer or told == {answer}
    assert problem(caller.post("/projects", {"slug": "mine", "name": "Mine"})) == (403, "not-allowed")
    assert caller.get("/notices").status_code == (200 if who == "rita" else 404)
    assert not JournalEntry.objects.exclude(verb__in=["issue_token", "join"]).filter(actor__username=who).exists()


def test_a_token_to_read_with_changes_nothing(project: Project, olga: User) -> None:
    caller = Caller(olga, "read")
    sent = [caller.send(method, f"{PROJECT}/{path}", body) for method, path, body in WRITTEN]
    assert {problem(answer) for answer in sent} == {(403, "wrong-scope")}
