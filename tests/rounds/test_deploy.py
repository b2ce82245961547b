"""Deploying is one flip behind a check of every file; a project's first policy is deployed when it is brought in."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.choices import Split
from annotations.models import Policy, SamplingOrder, Slate
from rounds.machine import StageState, State
from rounds.models import Deployment, Round, Stage
from rounds.queries.deployed import current_deployment
from rounds.services import deployments, rounds, sampling
from rounds.services.deployments import PolicyRefused
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop


def deployed(project: Project) -> Policy | None:
    current = current_deployment(project)
    return None if current is None else current.policy


def approved(project: Project, by: User | None = None) -> Round:
    round = loop.work_until(loop.start(project), State.REVIEW)
    rounds.approve(by=by, round_id=round.pk)
    return loop.again(round)


def test_the_first_policy_is_deployed_and_asked_for_completions(project: Project, store: Path) -> None:
    prompts = {make.make_prompt(project), make.make_prompt(project, split=Split.EVAL)}
    policy = loop.install(project, "base")
    order = SamplingOrder.objects.get()
    assert deployed(project) == policy
    assert (order.policy, set(order.prompts.all()), order.per_prompt) == (policy, prompts, project.k)


def test_a_second_policy_that_is_brought_in_waits(project: Project, base: Policy) -> None:
    loop.install(project, "other")
    assert deployed(project) == base


def test_the_same_directory_again_is_the_same_policy(project: Project, base: Policy) -> None:
    path = Path(settings.STORE) / base.path
    again = deployments.install_policy(project=project, path=path, name="base", preset="tiny")
    assert (again, Deployment.objects.count()) == (base, 1)


def test_a_directory_from_elsewhere_is_copied_into_the_store(project: Project, store: Path, tmp_path: Path) -> None:
    path = loop.write_policy(tmp_path / "elsewhere")
    policy = deployments.install_policy(project=project, path=path, name="My base", preset="tiny")
    assert policy.path == "policies/my-base"
    assert (store / policy.path / "model/model.safetensors").is_file()


def test_a_damaged_policy_is_refused_by_the_name_of_its_file(project: Project, store: Path) -> None:
    path = loop.write_policy(store / "policies/base")
    (path / "model/model.safetensors").write_bytes(b"flipped")
    with pytest.raises(PolicyRefused, match=r"model\.safetensors"):
        deployments.install_policy(project=project, path=path, name="base", preset="tiny")
    assert not Policy.objects.exists()


def test_the_command_says_what_is_no_policy(project: Project, store: Path) -> None:
    (store / "policies").mkdir(parents=True)
    with pytest.raises(CommandError, match=r"manifest\.json"):
        call_command("import_policy", project="turtles", path=store / "policies")
    with pytest.raises(CommandError, match="no project 'newts'"):
        call_command("import_policy", project="newts", path=store)


def test_an_approved_candidate_becomes_the_one_that_writes(ranked: Project, base: Policy, rita: User) -> None:
    round = loop.deploy(approved(ranked, rita))
    assert (round.state, deployed(ranked)) == (State.DONE, round.candidate)
    assert round.ended_at is not None
    retired = Deployment.objects.get(policy=base)
    assert (retired.retired_reason, retired.rolled_back) == ("replaced", False)
    assert JournalEntry.objects.get(verb="approve").actor == rita


def test_the_new_policy_is_asked_for_completions(ranked: Project) -> None:
    make.make_prompt(ranked, split=Split.EVAL)
    round = loop.deploy(approved(ranked))
    order = SamplingOrder.objects.latest("pk")
    assert (order.policy, order.preset) == (round.candidate, "tiny")
    assert set(order.prompts.values_list("split", flat=True)) == {"train", "eval"}
    assert loop.sample_stage(ranked).sampling_order == order


def test_deploying_twice_flips_once(ranked: Project) -> None:
    round = loop.deploy(approved(ranked))
    loop.deploy(round)
    assert Deployment.objects.filter(project=ranked).count() == 2
    assert SamplingOrder.objects.filter(policy=round.candidate).count() == 1


def test_old_slates_stay_until_the_new_policy_has_written(ranked: Project, base: Policy) -> None:
    old = make.make_slate(ranked, policy=base)
    loop.deploy(approved(ranked))
    old.refresh_from_db()
    assert old.retired_at is None
    loop.finish_orders(ranked)
    old.refresh_from_db()
    assert old.retired_at is not None
    assert Slate.objects.filter(project=ranked, retired_at=None, order__policy=deployed(ranked)).exists()


def test_what_the_old_policy_still_owed_is_cancelled(ranked: Project, base: Policy) -> None:
    round = approved(ranked)
    prompts = [make.make_prompt(ranked)]
    owed = sampling.order_completions(project=ranked, policy=base, prompts=prompts, per_prompt=4, preset="tiny", seed=9)
    loop.deploy(round)
    assert Stage.objects.get(sampling_order=owed).state == StageState.CANCELLED
    owed.refresh_from_db()
    assert owed.finished_at is not None


def test_a_candidate_damaged_after_its_review_is_not_deployed(ranked: Project, base: Policy) -> None:
    round = approved(ranked)
    assert round.candidate is not None
    (Path(settings.STORE) / round.candidate.path / "weights").write_bytes(b"flipped")
    stopped = loop.deploy(round)
    assert (stopped.state, stopped.failure_kind, deployed(ranked)) == (State.DEPLOYING, "artifact", base)
    assert "weights" in stopped.failure


def test_without_a_review_nothing_is_deployed(ranked: Project, base: Policy) -> None:
    assert loop.deploy(loop.work_until(loop.start(ranked), State.REVIEW)).state == State.REVIEW
    assert deployed(ranked) == base


def test_a_rejected_candidate_is_never_deployed(ranked: Project, base: Policy, rita: User) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.reject(by=rita, round_id=round.pk, note="It flatters.")
    assert (loop.deploy(round).state, deployed(ranked)) == (State.REJECTED, base)
    assert loop.again(round).choices["note"] == "It flatters."
    assert "It flatters." not in str(list(JournalEntry.objects.values_list("facts", flat=True)))


def test_a_round_is_decided_once(ranked: Project, rita: User) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.approve(by=rita, round_id=round.pk)
    with pytest.raises(RoundRefused, match="does not wait"):
        rounds.reject(by=rita, round_id=round.pk)


@pytest.mark.parametrize("person", ["alice", "erik", "mallory"])
def test_only_reviewers_and_operators_decide(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    for decide in (rounds.approve, rounds.reject):
        with pytest.raises(NotAllowed):
            decide(by=request.getfixturevalue(person), round_id=round.pk)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_deploys(ranked: Project) -> None:
    round = approved(ranked)
    loop.at_once(lambda: loop.deploy(round), times=6)
    assert loop.again(round).state == State.DONE
    assert Deployment.objects.filter(project=ranked, retired_at=None).count() == 1
    assert SamplingOrder.objects.filter(policy=round.candidate).count() == 1
    prompt_files = list((Path(settings.STORE) / "orders").iterdir())
    assert len(prompt_files) == SamplingOrder.objects.filter(stage__isnull=False).count()
