"""Policies through the API: the registry, what writes, the canary, the way back, files; and who may what."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from annotations.choices import Split
from annotations.models import Completion, Policy
from rounds.machine import StageKind, State
from rounds.models import Deployment, Round, Stage
from rounds.services import retention, rounds
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.rounds import loop, measured, signs
from tests.rounds.deployed import names, tried, written
from trainer import manifest

PROJECT = "/projects/turtles"
POLICIES = f"{PROJECT}/policies"


@pytest.fixture
def operator(olga: User) -> Caller:
    return Caller(olga, "read", "operate", "data")


@pytest.fixture
def reader(rita: User) -> Caller:
    return Caller(rita, "read")


def one(name: str = "base") -> str:
    return f"{POLICIES}/{Policy.objects.get(name=name).public_id}"


def body_of(answer: HttpResponse) -> bytes:
    return b"".join(answer)


def test_the_registry_lists_every_policy_newest_first(ranked: Project, reader: Caller) -> None:
    loop.whole_turn(ranked)
    told = said(reader.get(POLICIES))["items"]
    assert [(each["name"], each["parent"], each["status"]["word"]) for each in told] == [
        ("r1-ppo", "base", "writes now"),
        ("base", None, "replaced"),
    ]
    assert (told[1]["completions"], told[1]["rankings"], told[0]["round"]) == (4, 1, 1)
    first = said(reader.get(POLICIES, limit=1))
    assert [each["name"] for each in said(reader.get(POLICIES, cursor=first["next"]))["items"]] == ["base"]


def test_a_policy_tells_what_it_came_from(ranked: Project, reader: Caller) -> None:
    loop.whole_turn(ranked)
    told = said(reader.get(one("r1-ppo")))
    assert (told["name"], told["digest"]) == ("r1-ppo", Policy.objects.get(name="r1-ppo").digest)
    assert (told["lineage"]["round"], told["lineage"]["snapshot"]["rankings"]["count"]) == (1, 1)
    assert "path" not in told["lineage"]


def test_its_card_is_told_in_parts_and_as_a_file(ranked: Project, reader: Caller) -> None:
    card = said(reader.get(f"{one()}/card"))
    file = reader.get(f"{one()}/card.md")
    assert file["Content-Type"] == "text/markdown; charset=utf-8"
    assert card["body"].strip() in file.content.decode()
    assert "# " in card["body"]


def test_two_are_compared_and_one_is_not_two(ranked: Project, reader: Caller) -> None:
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    waiting = signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt])
    rounds.reject(by=None, round_id=waiting.pk)
    a, b = (str(Policy.objects.get(name=name).public_id) for name in ("base", "r1-ppo"))
    told = said(reader.get(f"{PROJECT}/comparison", a=a, b=b))
    assert (told["rankings"]["only_b"], told["together"], told["hidden"]) == (1, True, 0)
    assert told["answers"][0]["b"].startswith("The after answer")
    assert problem(reader.get(f"{PROJECT}/comparison", a=a, b=a)) == (422, "invalid")


def test_what_writes_is_told_and_taken_back_for_a_reason(ranked: Project, operator: Caller) -> None:
    bad = loop.whole_turn(ranked)
    loop.finish_orders(ranked)
    told = said(operator.get(f"{PROJECT}/writers"))
    assert (told["current"]["name"], told["canary"], told["back_to"]) == ("r1-ppo", None, "base")
    back = operator.post(f"{PROJECT}/roll-back", {"note": "It repeats itself."}, key="once")
    assert said(back)["current"]["name"] == "base"
    assert said(operator.post(f"{PROJECT}/roll-back", {"note": "It repeats itself."}, key="once")) == said(back)
    [now, taken, _first] = said(operator.get(f"{PROJECT}/deployments"))["items"]
    assert (now["name"], now["until"]) == ("base", None)
    assert (taken["rolled_back"], taken["reason"]) == (True, "It repeats itself.")
    assert not Completion.objects.filter(policy=bad.candidate, quarantined_at=None).exists()
    assert said(operator.get(POLICIES))["items"][0]["quarantined"] > 0


def test_with_nothing_before_it_a_policy_stays(ranked: Project, operator: Caller) -> None:
    assert problem(operator.post(f"{PROJECT}/roll-back", {"note": "Bad."})) == (409, "refused")
    assert names(ranked) == ("base", None)


def test_a_canary_shows_its_health_and_is_promoted(ranked: Project, operator: Caller) -> None:
    written(ranked)
    told = said(operator.get(f"{PROJECT}/writers"))
    assert (told["current"]["name"], told["canary"]["deployment"]["share"]) == ("base", 99)
    assert told["canary"]["completions"] > 0
    assert not any(check["failed"] for check in told["canary"]["health"])
    after = said(operator.post(f"{PROJECT}/canary/promote"))
    assert (after["current"]["name"], after["canary"]) == ("r1-ppo", None)
    assert problem(operator.post(f"{PROJECT}/canary/promote"))[0] == 409


def test_a_canary_is_withdrawn_and_nothing_of_it_is_lent(ranked: Project, operator: Caller) -> None:
    tried(ranked)
    after = said(operator.post(f"{PROJECT}/canary/withdraw", {"note": "It flatters."}))
    assert (after["current"]["name"], after["canary"]) == ("base", None)
    assert Deployment.objects.get(policy__name="r1-ppo").retired_reason == "It flatters."
    assert not Completion.objects.filter(policy__name="r1-ppo", quarantined_at=None).exists()


def test_an_order_that_failed_is_retried_or_cancelled(ranked: Project, operator: Caller, reader: Caller) -> None:
    order = loop.sampling_order_that_failed(ranked)
    [told] = [each for each in said(reader.get(f"{PROJECT}/sampling-orders"))["items"] if each["state"] == "failed"]
    assert (told["id"], told["prompts"], told["failure"]) == (str(order.public_id), 1, "It failed.")
    path = f"{PROJECT}/sampling-orders/{order.public_id}"
    assert said(operator.post(f"{path}/retry"))["state"] == "waiting"
    assert said(operator.post(f"{path}/cancel"))["finished_at"] is not None
    assert Stage.objects.get(sampling_order=order).state == "cancelled"


def test_a_policys_files_arrive_whole_and_go_on_where_they_broke_off(
    ranked: Project, operator: Caller, tmp_path: Path
) -> None:
    answer = operator.get(f"{one()}/files")
    whole = body_of(answer)
    rest = operator.get_range(f"{one()}/files", "bytes=700-", answer["ETag"])
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 700-{len(whole) - 1}/{len(whole)}")
    assert whole[:700] + body_of(rest) == whole
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        tar.extractall(tmp_path)
    assert manifest.digest(tmp_path / "turtles-base") == Policy.objects.get(name="base").digest
    past = operator.get_range(f"{one()}/files", f"bytes={len(whole)}-", answer["ETag"])
    assert past.status_code == 416
    assert JournalEntry.objects.filter(verb__startswith="download").exists()


def test_a_rounds_snapshot_reward_model_and_curves_are_files(ranked: Project, operator: Caller) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    measured.finished(Stage.objects.get(kind=StageKind.PPO), 5)
    for path in ("snapshot", "reward-model/files", "tensorboard"):
        answer = operator.get(f"{PROJECT}/rounds/1/{path}")
        content = answer.content if path == "tensorboard" else body_of(answer)
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            assert tar.getnames(), path


def test_what_was_collected_is_refused(ranked: Project, operator: Caller, olga: User) -> None:
    waiting = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.reject(by=None, round_id=waiting.pk)
    retention.collect_now(by=olga, project=ranked, now=timezone.now())
    assert problem(operator.get(f"{one('r1-ppo')}/files")) == (409, "refused")
    assert said(operator.get(POLICIES))["items"][0]["collected"] is True


OPERATED: list[tuple[str, Any]] = [
    ("roll-back", {"note": ""}),
    ("canary/promote", None),
    ("canary/withdraw", {"note": ""}),
]
FILES = ["rounds/1/snapshot", "rounds/1/reward-model/files"]
SEEN = ["policies", "deployments", "writers", "sampling-orders"]


@pytest.fixture
def out(ranked: Project) -> Round:
    """A canary that is out."""
    return tried(ranked)


def test_a_reviewer_sees_all_and_takes_nothing_out(out: Round, rita: User) -> None:
    caller = Caller(rita)
    assert {caller.get(f"{PROJECT}/{path}").status_code for path in SEEN} == {200}
    sent = [caller.post(f"{PROJECT}/{path}", body) for path, body in OPERATED]
    sent += [caller.get(f"{PROJECT}/{path}") for path in FILES] + [caller.get(f"{one()}/files")]
    assert {problem(answer) for answer in sent} == {(403, "not-allowed")}


@pytest.mark.parametrize("who", ["alice", "erik", "mallory"])
def test_nobody_else_learns_of_policies(out: Round, who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    sent = [caller.get(f"{PROJECT}/{path}") for path in (*SEEN, *FILES)]
    sent += [caller.get(f"{one()}{end}") for end in ("", "/card", "/card.md", "/files")]
    sent += [caller.post(f"{PROJECT}/{path}", body) for path, body in OPERATED]
    assert {problem(answer) for answer in sent} == {(404, "not-found")}
    assert names(out.project) == ("base", "r1-ppo")


def test_files_need_a_token_to_take_data_out_with(ranked: Project, olga: User) -> None:
    assert problem(Caller(olga, "read", "operate").get(f"{one()}/files")) == (403, "wrong-scope")
