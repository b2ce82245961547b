"""A policy's lineage: what people said, what was made of it, where it went, in plain data and on the page."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Guideline, Project, User
from annotations.models import Policy
from rounds.machine import State
from rounds.queries.lineage import Lineage, lineage_of
from rounds.queries.making import making_of
from rounds.services import rounds, taking_in
from rounds.store import full_path
from tests import make
from tests.rounds import loop

VERSIONS = {"code": "0.1.0+abc", "torch": "2.13.0", "cpu": "a processor", "precision": "fp32"}


def lineage(project: Project, name: str) -> Lineage:
    return lineage_of(Policy.objects.select_related("project", "parent").get(project=project, name=name))


def page(person: User, policy: Policy) -> str:
    return make.client_of(person).get(f"/p/turtles/policies/{policy.public_id}/").content.decode()


def console(*words: str) -> Any:
    out = StringIO()
    call_command("policy", *words, "--project", "turtles", "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def turned(ranked: Project, alice: User, bob: User) -> Project:
    """One round with SFT, deployed; then a second that began from it and was refused."""
    Guideline.objects.create(project=ranked, version=2, text="Be brief.")
    make.make_ranking(bob, make.make_slate(ranked, policy=Policy.objects.get(name="base")))
    loop.demonstrate(alice, ranked)
    loop.whole_turn(ranked, sft=True)
    second = loop.work_until(loop.start(ranked, sft=False), State.REVIEW)
    rounds.reject(by=None, round_id=second.pk)
    return ranked


def test_rankings_are_counted_by_people_and_guideline_version(turned: Project) -> None:
    source = lineage(turned, "r1-ppo").source
    assert source
    assert (source.rankings.count, source.rankings.people, source.demonstrations.count) == (2, 2, 1)
    assert [(each.version, each.count) for each in source.rankings.versions] == [(1, 1), (2, 1)]
    assert source.rankings.first
    assert source.rankings.last
    assert source.rankings.first < source.rankings.last


def test_what_went_in_is_found_by_its_digest(turned: Project) -> None:
    found = lineage(turned, "r1-ppo")
    assert found.init
    assert found.judge
    assert (found.init.name, found.judge.model.round.number) == ("r1-sft", 1)
    assert found.judge.accuracy
    assert (found.judge.accuracy.value, found.judge.accuracy.low, found.judge.accuracy.n) == (0.8, 0.7, 60)
    sft = lineage(turned, "r1-sft")
    assert sft.init
    assert sft.imitates
    assert (sft.init.name, sft.judge) == ("base", None)


def test_ancestors_lead_from_the_base_to_the_parent(turned: Project) -> None:
    chain = lineage(turned, "r2-ppo").ancestors
    assert [each.policy.name for each in chain] == ["base", "r1-sft", "r1-ppo"]
    assert [each.round.number if each.round else None for each in chain] == [None, 1, 1]


def test_rounds_that_built_on_a_policy_are_its_future(turned: Project) -> None:
    assert [each.number for each in lineage(turned, "r1-ppo").onward] == [2]
    assert [each.number for each in lineage(turned, "r1-sft").onward] == [1, 2]
    assert lineage(turned, "r2-ppo").onward == []


def test_a_base_policy_begins_with_itself(turned: Project, rita: User) -> None:
    found = lineage(turned, "base")
    assert (found.source, found.init, found.judge, found.ancestors) == (None, None, None, [])
    assert "Brought in" in page(rita, found.policy)


def test_the_page_tells_versions_and_settings_of_the_manifest(ranked: Project, rita: User) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    stage = loop.finish(
        loop.live_stage(round), None, versions=VERSIONS, config={"beta": 0.3}, exact=False, seconds=90.0
    )
    taking_in.take_in_stage(stage.pk)
    text = page(rita, Policy.objects.get(name="r1-ppo"))
    for said in ("0.1.0+abc", "2.13.0", "beta", "resumed under other conditions"):
        assert said in text


def test_files_have_their_digests_and_a_manifest_that_changed_is_not_believed(turned: Project, rita: User) -> None:
    policy = Policy.objects.get(name="r1-ppo")
    making = making_of(policy)
    assert [each.name for each in making.files][-1] == "manifest.json"
    assert making.files[-1].digest == policy.digest
    assert making.bytes > 0
    (full_path(policy.path) / "manifest.json").write_text("{}")
    broken = making_of(policy)
    assert (broken.facts, broken.files, broken.there) == ({}, [], False)
    assert "Its directory is not what was taken in" in page(rita, policy)


def test_a_policy_of_another_project_is_not_found(turned: Project, mallory: User) -> None:
    other = make.make_project("newts")
    other.memberships.create(user=mallory, role="operator")
    policy = Policy.objects.get(name="r1-ppo")
    client = make.client_of(mallory)
    for page in ("", "card/", "card.md", "download/"):
        assert client.get(f"/p/newts/policies/{policy.public_id}/{page}").status_code == 404
    assert client.get(f"/p/newts/policies/compare/?a={policy.public_id}&b={policy.public_id}").status_code == 404


def test_the_console_lists_and_shows_the_same(turned: Project) -> None:
    assert [each["name"] for each in console("list")] == ["r2-ppo", "r1-ppo", "r1-sft", "base"]
    facts = console("show", "--name", "r1-ppo")
    assert facts["init"] == "r1-sft"
    assert facts["snapshot"]["rankings"]["by_guideline_version"] == {"1": 1, "2": 1}
    assert facts["rounds_from_it"] == [2]
    assert facts["status"]["word"] == "writes now"
    with pytest.raises(CommandError, match="no policy 'r9'"):
        console("show", "--name", "r9")
