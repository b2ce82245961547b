"""The review: what each policy answered side by side, the gates in words, and a decision that is kept."""

import re
from collections.abc import Sequence

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import JournalEntry, Project, User
from annotations.choices import Split
from annotations.models import Prompt
from rounds.machine import State
from rounds.models import Artifact, Round
from rounds.queries.evaluation import evaluation_of
from tests import make
from tests.rounds import loop, signs

ROUND = "/p/turtles/rounds/1/"
LOSING = loop.GOOD_EVALUATION | {"win_rate": {"after_over_before": {"value": 0.4, "low": 0.3, "high": 0.49, "n": 80}}}


@pytest.fixture
def reviewer(rita: User) -> Client:
    return make.client_of(rita)


@pytest.fixture
def seeing(reviewer: Client, candidate: Round) -> Client:
    """A reviewer who had the names shown."""
    reviewer.post(f"{ROUND}review/reveal/")
    return reviewer


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return [make.make_prompt(ranked, f"Which turtle is number {n}?", Split.EVAL) for n in range(12)]


@pytest.fixture
def candidate(ranked: Project, prompts: Sequence[Prompt]) -> Round:
    """A round that waits for its review."""
    return signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), prompts)


@pytest.fixture
def doubtful(ranked: Project, prompts: Sequence[Prompt], olga: User) -> Round:
    """A round whose candidate lost, and whose gate was overridden."""
    found = signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), prompts, LOSING)
    make.client_of(olga).post(f"{ROUND}override/", {"note": "The prompts were odd."})
    return loop.again(found)


def shown(client: Client, page: int = 1) -> str:
    answer = client.get(f"{ROUND}review/?page={page}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_answers_stand_side_by_side_in_one_order_ten_questions_a_page(seeing: Client) -> None:
    text = shown(seeing)
    asked = [text.index(f"Which turtle is number {n}?") for n in range(10)]
    assert asked == sorted(asked)
    first = text[asked[0] : asked[1]]
    assert first.index("The before answer") < first.index("The sft answer") < first.index("The after answer")
    assert "number 10?" not in text
    assert "number 10?" in shown(seeing, page=2)


def test_a_cut_off_answer_says_so(seeing: Client) -> None:
    assert shown(seeing).count("cut off after 64 tokens") == 10


def test_only_so_many_questions_are_ever_read(candidate: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rounds.queries.evaluation.MOST_PROMPTS", 3)
    found = evaluation_of(candidate)
    assert found is not None
    assert [len(each.answers) for each in found.comparisons] == [3, 3, 3]


def test_what_a_policy_wrote_is_shown_as_text(reviewer: Client, ranked: Project) -> None:
    hostile = make.make_prompt(ranked, "<img src=x onerror=alert(1)>", Split.EVAL)
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [hostile])
    reviewer.post(f"{ROUND}review/reveal/")
    text = shown(reviewer)
    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") == 4


def asked(project: Project, reviewer: Client, **choices: object) -> str:
    """What the review asks of a round with these choices."""
    loop.work_until(loop.start(project, **choices), State.REVIEW)
    return re.sub(r"[\s\S]*<h1>(.*)</h1>[\s\S]*", r"\1", shown(reviewer))


def test_the_question_names_what_writes_now_from_wherever_the_round_began(ranked: Project, reviewer: Client) -> None:
    other = loop.install(ranked, "other")
    assert asked(ranked, reviewer, init=str(other.public_id)) == "Should r1-ppo replace base?"


def test_the_question_says_that_the_candidate_chooses_among_its_answers(ranked: Project, reviewer: Client) -> None:
    assert asked(ranked, reviewer, algorithm="best_of", budget=8) == "Should base, best of 8 replace base?"


def test_gates_are_told_by_figure_limit_and_word(reviewer: Client, candidate: Round) -> None:
    text = shown(reviewer)
    assert "0.80, likely between 0.70 and 0.90, 60 questions, must stay above 0.50" in text
    assert "5.0 nats, limit 40.0 nats" in text
    assert text.count("passes") == 8
    assert "8 gates pass." in text


def test_an_evaluation_that_was_changed_on_disk_is_not_shown(reviewer: Client, candidate: Round) -> None:
    artifact = Artifact.objects.get(stage__kind="evaluate")
    path = settings.STORE / artifact.path / "completions.jsonl"
    path.write_text(path.read_text().replace("after answer", "bought answer"))
    text = shown(reviewer)
    assert "bought answer" not in text
    assert "is not what was taken in" in text


def test_before_the_evaluation_there_is_nothing_to_decide(reviewer: Client, ranked: Project) -> None:
    loop.work_until(loop.start(ranked), State.PPO)
    text = shown(reviewer)
    assert "has not answered the held-out questions yet" in text
    assert "approve/" not in text


def test_approving_sends_the_candidate_to_be_deployed(reviewer: Client, candidate: Round, rita: User) -> None:
    reviewer.post(f"{ROUND}approve/", {"note": ""})
    assert loop.again(candidate).state == State.DEPLOYING
    entry = JournalEntry.objects.get(subject="round", new=State.DEPLOYING)
    assert (entry.actor, entry.verb) == (rita, "approve")


def test_where_a_gate_did_not_simply_pass_approving_needs_a_reason(reviewer: Client, doubtful: Round) -> None:
    text = shown(reviewer)
    assert "overridden" in text
    assert "Approving needs a reason" in text
    answer = reviewer.post(f"{ROUND}approve/", {"note": "  "}, follow=True)
    assert "Say why" in answer.content.decode()
    assert loop.again(doubtful).state == State.REVIEW


def test_the_reason_is_kept_with_the_round_and_out_of_the_journal(reviewer: Client, doubtful: Round) -> None:
    reviewer.post(f"{ROUND}approve/", {"note": "All five are fiction."})
    found = loop.again(doubtful)
    assert (found.state, found.choices["note"]) == (State.DEPLOYING, "All five are fiction.")
    assert "fiction" not in str(list(JournalEntry.objects.values("facts", "verb", "old", "new")))


def test_rejecting_ends_the_round_and_leaves_what_is_deployed(reviewer: Client, candidate: Round) -> None:
    reviewer.post(f"{ROUND}reject/", {"note": "Too long."})
    assert loop.again(candidate).state == State.REJECTED
    assert candidate.project.deployments.get(retired_at=None).policy.name == "base"


def test_deciding_twice_is_refused_in_words(reviewer: Client, candidate: Round) -> None:
    reviewer.post(f"{ROUND}reject/", {"note": ""})
    answer = reviewer.post(f"{ROUND}approve/", {"note": ""}, follow=True)
    assert "does not wait for a review" in answer.content.decode()
    assert loop.again(candidate).state == State.REJECTED


def test_a_decided_round_offers_no_decision(reviewer: Client, candidate: Round) -> None:
    reviewer.post(f"{ROUND}reject/", {"note": ""})
    assert "approve/" not in shown(reviewer)
