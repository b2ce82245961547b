"""Two policies side by side: what differs in settings, data, figures and answers."""

import pytest

from accounts.models import Project, User
from annotations.choices import Split
from annotations.models import Policy, Prompt
from rounds.machine import State
from rounds.models import Artifact, Vote
from rounds.queries.compared import answers_of, compare, figures
from rounds.services import rounds, taking_in
from rounds.store import full_path
from tests import make
from tests.rounds import loop, signs


def policy(name: str) -> Policy:
    return Policy.objects.select_related("project", "parent").get(name=name)


def evaluated(project: Project, prompts: list[Prompt], **choices: object) -> None:
    found = loop.work_until(loop.start(project, **choices), State.PPO)
    made = loop.finish(loop.live_stage(found), None, config={"beta": 0.1 * found.number, "clip": 0.2})
    taking_in.take_in_stage(made.pk)
    waiting = signs.evaluate(loop.again(found), prompts)
    rounds.reject(by=None, round_id=waiting.pk)


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return [make.make_prompt(ranked, split=Split.EVAL) for _ in range(3)]


@pytest.fixture
def two(ranked: Project, prompts: list[Prompt], bob: User) -> Project:
    """Two refused rounds; the second saw one ranking more and answered other prompts."""
    evaluated(ranked, prompts[:2])
    make.make_ranking(bob, make.make_slate(ranked, policy=Policy.objects.get(name="base")))
    evaluated(ranked, prompts[1:])
    return ranked


def page(person: User, a: Policy, b: Policy) -> str:
    return make.client_of(person).get(f"/p/turtles/policies/compare/?a={a.public_id}&b={b.public_id}").content.decode()


def test_only_settings_that_differ_are_told(two: Project) -> None:
    found = {each.name: (each.a, each.b) for each in compare(policy("r1-ppo"), policy("r2-ppo")).differences}
    assert found["config.beta"] == ("0.1", "0.2")
    assert "config.clip" not in found
    assert "preset" not in found


def test_what_one_snapshot_pins_and_the_other_does_not_is_counted(two: Project) -> None:
    data = compare(policy("r1-ppo"), policy("r2-ppo")).data
    assert (data.rankings.only_a, data.rankings.only_b, data.rankings.both) == (0, 1, 1)
    base = compare(policy("base"), policy("r2-ppo")).data
    assert (base.rankings.only_a, base.rankings.only_b, base.rankings.both) == (0, 2, 0)
    same = compare(policy("r2-ppo"), policy("r2-ppo")).data
    assert (same.rankings.only_a, same.rankings.only_b, same.rankings.both) == (0, 0, 2)


def test_answers_stand_beside_each_other_where_both_gave_one(two: Project, prompts: list[Prompt], rita: User) -> None:
    pairs = answers_of(compare(policy("r1-ppo"), policy("r2-ppo")), reader=rita).pairs
    assert [pair.prompt for pair in pairs] == [prompts[1]]
    assert [answer["policy"] for answer in pairs[0].answers] == ["after", "after"]
    text = page(rita, policy("r1-ppo"), policy("r2-ppo"))
    assert text.count("The after answer to") == 2
    assert "two reward models" in text


def test_one_evaluation_of_both_is_preferred_and_its_rewards_are_shown(two: Project, rita: User) -> None:
    found = compare(policy("base"), policy("r2-ppo"))
    assert found.together
    assert found.a.part
    assert (found.a.part.role, found.a.part.round.number) == ("before", 2)
    rows = {name: (a.value if a else None, b.value if b else None) for name, a, b in figures(found)}
    assert rows["reward"] == (0.0, 1.0)
    assert rows["wins"] == (None, 0.7)
    assert "reward 0.25" in page(rita, policy("base"), policy("r2-ppo"))


def test_answers_of_a_changed_directory_are_not_shown(two: Project, rita: User) -> None:
    [artifact] = Artifact.objects.filter(kind="evaluation", stage__round__number=2)
    path = full_path(artifact.path) / "completions.jsonl"
    path.write_text(path.read_text().replace("answer", "forgery"))
    text = page(rita, policy("r1-ppo"), policy("r2-ppo"))
    assert "is not what was taken in" in text
    assert "forgery" not in text


def test_while_a_round_is_reviewed_only_what_the_reader_voted_on_has_names(
    ranked: Project, prompts: list[Prompt], rita: User, olga: User
) -> None:
    waiting = signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), prompts)
    base, candidate = policy("base"), policy("r1-ppo")
    assert "3 questions of the round that is reviewed" in page(rita, base, candidate)
    assert "answer to" not in page(rita, base, candidate)
    Vote.objects.create(round=waiting, prompt_id=str(prompts[1].public_id), voter=rita, choice="tie")
    found = answers_of(compare(base, candidate), reader=rita)
    assert ([pair.prompt for pair in found.pairs], found.hidden) == ([prompts[1]], 2)
    assert answers_of(compare(base, candidate), reader=olga).pairs == []
    rounds.reject(by=None, round_id=waiting.pk)
    assert len(answers_of(compare(base, candidate), reader=olga).pairs) == 3


def test_without_two_policies_the_page_asks_for_them(two: Project, rita: User) -> None:
    client = make.client_of(rita)
    assert "Choose two different policies" in client.get("/p/turtles/policies/compare/").content.decode()
    assert "Choose two different policies" in page(rita, policy("base"), policy("base"))
    assert client.get("/p/turtles/policies/compare/?a=x&b=y").status_code == 404
