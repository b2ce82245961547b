"""The list of policies: who made each, where it stands, what was measured of it, what people made of its texts."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project, User
from annotations.choices import Split
from annotations.models import Policy, SlateCompletion
from rounds.machine import State
from rounds.models import Artifact, Deployment, Round, Vote
from rounds.queries.policies import lines, statuses_of
from rounds.queries.preferences import preferred, written_by
from rounds.queries.registry import policies_of
from rounds.services import deployments, retention, rounds
from rounds.store import full_path
from tests import make
from tests.rounds import loop, signs

PAGE = "/p/turtles/policies/"


def page(person: User) -> str:
    return make.client_of(person).get(PAGE).content.decode()


def words(project: Project) -> dict[str, str]:
    policies = list(policies_of(project))
    statuses = statuses_of(policies)
    return {policy.name: statuses[policy.pk].word for policy in policies}


def reviewed(project: Project) -> Round:
    prompt = make.make_prompt(project, split=Split.EVAL)
    return signs.evaluate(loop.work_until(loop.start(project), State.EVALUATING), [prompt])


def test_a_project_without_policies_says_how_to_bring_one_in(project: Project, olga: User) -> None:
    assert "import_policy" in page(olga)


def test_policies_stand_newest_first_with_who_made_them(ranked: Project, rita: User) -> None:
    loop.whole_turn(ranked)
    assert [policy.name for policy in policies_of(ranked)] == ["r1-ppo", "base"]
    found = lines(ranked, list(policies_of(ranked)))
    assert [line.round.number if line.round else None for line in found] == [1, None]
    text = page(rita)
    assert text.index("r1-ppo</a>") < text.index("base</a>")
    assert "from base" in text


def test_where_a_policy_stands_follows_its_deployments(ranked: Project) -> None:
    waiting = reviewed(ranked)
    assert words(ranked) == {"r1-ppo": "waits for a review", "base": "writes now"}
    rounds.approve(by=None, round_id=waiting.pk)
    assert words(ranked)["r1-ppo"] == "being deployed"
    loop.deploy(waiting)
    assert words(ranked) == {"r1-ppo": "writes now", "base": "replaced"}
    deployments.roll_back(by=None, project=ranked, reason="It says the same to everything.")
    assert words(ranked) == {"r1-ppo": "rolled back", "base": "writes now"}
    [bad] = [status for status in statuses_of(list(policies_of(ranked))).values() if status.tone == "bad"]
    assert bad.reason == "It says the same to everything."


def test_a_canary_and_what_it_leaves_to_the_current_one_are_said(ranked: Project) -> None:
    candidate = reviewed(ranked).candidate
    assert candidate
    Deployment.objects.create(project=ranked, policy=candidate, canary=True, share=10, preset="tiny")
    assert words(ranked) == {"r1-ppo": "canary, 10%", "base": "writes now, 90%"}


def test_a_refused_candidate_keeps_the_reason(ranked: Project, rita: User) -> None:
    waiting = reviewed(ranked)
    rounds.reject(by=None, round_id=waiting.pk, note="Longer, not <b>better</b>.")
    assert words(ranked)["r1-ppo"] == "refused"
    assert "Longer, not &lt;b&gt;better&lt;/b&gt;." in page(rita)


def test_a_cancelled_round_a_reference_and_a_base_that_never_wrote_are_told_apart(ranked: Project, alice: User) -> None:
    loop.install(ranked, "spare")
    loop.demonstrate(alice, ranked)
    tried = loop.work_until(loop.start(ranked, sft=True), State.EVALUATING)
    assert words(ranked)["r1-ppo"] == "being evaluated"
    rounds.cancel(by=None, round_id=tried.pk)
    found = words(ranked)
    assert (found["r1-ppo"], found["r1-sft"], found["spare"]) == (
        "round cancelled",
        "reference of round 1",
        "never deployed",
    )


def test_collected_weights_are_said(ranked: Project, olga: User) -> None:
    waiting = reviewed(ranked)
    rounds.reject(by=None, round_id=waiting.pk)
    assert "weights collected" not in page(olga)
    assert retention.collect_now(by=olga, project=ranked, now=timezone.now()) > 0
    assert "weights collected" in page(olga)


def test_figures_come_from_the_evaluation_it_was_on_trial_in(ranked: Project, rita: User) -> None:
    reviewed(ranked)
    newest, base = lines(ranked, list(policies_of(ranked)))
    assert newest.part
    assert base.part is None
    assert newest.part.wins
    assert (newest.part.wins.value, newest.part.wins.low, newest.part.wins.high) == (0.7, 0.6, 0.8)
    assert newest.part.reward
    assert newest.part.reward.value == 1.0
    assert newest.part.reward.low == pytest.approx(1.0 - 0.196)
    assert "70%" in page(rita)


def test_an_evaluation_that_was_changed_is_said_and_not_shown(ranked: Project, rita: User) -> None:
    reviewed(ranked)
    [artifact] = Artifact.objects.filter(kind="evaluation")
    (full_path(artifact.path) / "report.json").write_text("{}")
    text = page(rita)
    assert "evaluation was changed" in text
    assert "70%" not in text


def test_completions_and_their_rankings_are_counted(ranked: Project, bob: User) -> None:
    base = Policy.objects.get(name="base")
    before = written_by([base])[base.pk]
    make.make_ranking(bob, make.make_slate(ranked, policy=base))
    after = written_by([base])[base.pk]
    assert after.completions == before.completions + 4
    assert after.rankings == before.rankings + 1
    assert after.quarantined == 0


def test_policies_that_never_met_on_a_slate_are_not_compared(ranked: Project) -> None:
    assert preferred(list(policies_of(ranked))) == {}


def test_where_slates_mix_the_share_of_won_comparisons_is_said(ranked: Project, alice: User, bob: User) -> None:
    base, other = Policy.objects.get(name="base"), make.make_policy(ranked)
    mixed, foreign = make.make_slate(ranked, policy=base, k=3), make.make_slate(ranked, policy=other, k=2)
    [swapped] = SlateCompletion.objects.filter(slate=mixed, position=0)
    taken = SlateCompletion.objects.get(slate=foreign, position=0)
    swapped.completion = taken.completion
    swapped.save()
    # The stranger first, then one of the policy's own, a tie between both, and its own last.
    make.make_ranking(alice, mixed, [[0, 1], [2]])
    found = preferred([base, other])
    assert found[other.pk].value == pytest.approx(0.75)
    assert found[base.pk].value == pytest.approx(0.25)
    assert found[other.pk].n == 1
    assert 0 < (found[other.pk].low or 0) < 0.75


def test_blind_votes_count_a_tie_as_half_and_a_question_as_one_case(ranked: Project, rita: User, olga: User) -> None:
    waiting = reviewed(ranked)
    for voter, prompt, choice in [(rita, "a", "after"), (olga, "a", "tie"), (rita, "b", "before")]:
        Vote.objects.create(round=waiting, prompt_id=prompt, voter=voter, choice=choice)
    [line] = [line for line in lines(ranked, list(policies_of(ranked))) if line.policy.name == "r1-ppo"]
    assert line.part
    assert line.part.votes
    assert (line.part.votes.value, line.part.votes.n) == (0.5, 2)


def test_the_number_of_queries_does_not_grow_with_the_policies(ranked: Project, rita: User) -> None:
    client = make.client_of(rita)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE)
    for number in range(6):
        loop.install(ranked, f"more-{number}")
    reviewed(ranked)
    with CaptureQueriesContext(connection) as many:
        client.get(PAGE)
    assert len(many) <= len(few) + 2


def test_the_list_is_paged(ranked: Project, rita: User) -> None:
    for number in range(21):
        make.make_policy(ranked, f"more-{number}")
    client: Client = make.client_of(rita)
    assert "base</a>" not in client.get(PAGE).content.decode()
    assert "base</a>" in client.get(PAGE + "?page=2").content.decode()
