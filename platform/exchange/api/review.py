"""What is known of a candidate: gates, alarms, reward model, evaluation, frontier, answers, votes."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from ninja import Router, Schema
from pydantic import ConfigDict

from exchange.api.endpoints import Slug, reads
from exchange.api.problems import Problem
from exchange.api.round_shapes import GateOut, gates_of
from exchange.api.rounds import Number
from exchange.api.security import Asked, person
from rounds.machine import State
from rounds.models import RewardModel, Round
from rounds.queries import ballots, evaluation
from rounds.queries.access import round_of
from rounds.queries.alarms import alarms_of
from rounds.queries.evaluation import candidate_name, evaluation_of, rival_name
from rounds.queries.frontier import frontier_of
from rounds.queries.verdicts import needs_reason
from trainer.manifest import ManifestError

router = Router(tags=["Review"])

Facts = dict[str, Any]
Version = Literal["before", "sft", "after"]
Found = TypeVar("Found")


class PointOut(Schema):
    """Reward for distance of one policy. Standard errors are null where none is known."""

    kind: Literal["before", "sft", "after", "point", "best", "earlier"]
    name: str
    kl: float
    kl_error: float | None
    reward: float
    reward_error: float | None


class VotesOut(Schema):
    """People's blind votes: the candidate's win rate over questions with its interval, a tie counting half."""

    votes: int
    questions: int
    value: float
    low: float
    high: float


class ReviewOut(Schema):
    """All that decides. `evaluation` is the evaluation's own report; null before there is one.

    `candidate` and `rival` name what is compared: `after` is the candidate, `before` what wrote when the round began.
    `needs_reason`: some gate did not simply pass, so an approval says why.
    """

    decides: bool
    needs_reason: bool
    candidate: str
    rival: str
    gates: list[GateOut]
    alarms: list[str]
    evaluation: Facts | None
    frontier: list[PointOut]
    votes: VotesOut | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decides": True,
                    "needs_reason": False,
                    "candidate": "r3-ppo",
                    "rival": "r2-ppo",
                    "gates": [
                        {
                            "name": "kl",
                            "title": "KL to SFT",
                            "verdict": "passed",
                            "value": 4.2,
                            "low": None,
                            "high": None,
                            "n": None,
                            "limit": 40.0,
                            "note": "",
                            "figure": "4.2 nats, limit 40 nats",
                        }
                    ],
                    "alarms": [],
                    "evaluation": {"kl": {"mean": 4.2, "se": 0.3}},
                    "frontier": [
                        {
                            "kind": "after",
                            "name": "candidate",
                            "kl": 4.2,
                            "kl_error": 0.3,
                            "reward": 0.9,
                            "reward_error": 0.05,
                        }
                    ],
                    "votes": {"votes": 24, "questions": 20, "value": 0.65, "low": 0.43, "high": 0.82},
                }
            ]
        }
    )


class RewardModelOut(Schema):
    """A round's reward model and all that was measured of it on held-out rankings."""

    digest: str
    report: Facts

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"digest": "9f2c…", "report": {"accuracy": {"value": 0.71, "low": 0.66, "high": 0.76, "n_slates": 71}}}
            ]
        }
    )


class AnswerOut(Schema):
    """One policy's completion of an evaluation prompt."""

    version: Version
    text: str
    finished: bool
    tokens: int
    reward: float | None


class ComparisonOut(Schema):
    """One evaluation prompt with what each policy answered. `chosen`: what you found better, blind."""

    number: int
    prompt: str
    messages: list[Facts]
    answers: list[AnswerOut]
    chosen: Literal["", "before", "after", "tie"]


class AnswersOut(Schema):
    """The answers with their policies. `waiting`: questions that are kept back until you have voted on them."""

    items: list[ComparisonOut]
    waiting: int

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "number": 1,
                            "prompt": "3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11",
                            "chosen": "after",
                            "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
                            "answers": [
                                {
                                    "version": "after",
                                    "text": "To be safe.",
                                    "finished": True,
                                    "tokens": 4,
                                    "reward": 0.8,
                                }
                            ],
                        }
                    ],
                    "waiting": 0,
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/rounds/{number}/review", answer=ReviewOut)
def get_review(request: Asked, slug: Slug, number: Number) -> ReviewOut:
    """What decides about a candidate, for reviewers and operators."""
    found = round_of(person(request), slug, number)
    tried = whole(lambda: evaluation_of(found))
    frontier = frontier_of(found, tried) if tried else None
    return ReviewOut(
        decides=found.state == State.REVIEW and not found.failure,
        needs_reason=needs_reason(found),
        candidate=candidate_name(found),
        rival=rival_name(found),
        gates=gates_of(found),
        alarms=alarms_of(found, tried),
        evaluation=tried.report if tried else None,
        frontier=[PointOut(**vars(line)) for line in frontier.lines] if frontier else [],
        votes=_votes(found),
    )


@reads(router, "/projects/{slug}/rounds/{number}/reward-model", answer=RewardModelOut)
def get_reward_model(request: Asked, slug: Slug, number: Number) -> RewardModelOut:
    """The report of a round's reward model, for reviewers and operators."""
    model = RewardModel.objects.get(round=round_of(person(request), slug, number))
    return RewardModelOut(digest=model.digest, report=model.report)


@reads(router, "/projects/{slug}/rounds/{number}/answers", answer=AnswersOut)
def list_answers(request: Asked, slug: Slug, number: Number) -> AnswersOut:
    """The answers of the evaluation side by side, but for those that wait for your blind vote."""
    by, found = person(request), round_of(person(request), slug, number)
    tried = whole(lambda: evaluation_of(found))
    if tried is None:
        return AnswersOut(items=[], waiting=0)
    choices = ballots.choices_of(found, by)
    waiting = ballots.booth_of(found, by, tried, choices).waiting
    shown = [each for each in tried.comparisons if each.number not in waiting]
    evaluation.complete(found, shown)
    return AnswersOut(items=[_comparison(each, choices) for each in shown], waiting=len(waiting))


def whole(read: Callable[[], Found]) -> Found:
    """What lies in an evaluation's directory; one that was tampered with is said, not shown."""
    try:
        return read()
    except ManifestError as error:
        raise Problem("refused", f"The evaluation is not what was taken in: {error}") from error


def _votes(found: Round) -> VotesOut | None:
    tally = ballots.tally_of(found)
    if tally is None:
        return None
    win = tally.win
    return VotesOut(votes=tally.votes, questions=win.n, value=win.value, low=win.low, high=win.high)


def _comparison(each: evaluation.Comparison, choices: ballots.Choices) -> ComparisonOut:
    told: Facts = {"chosen": choices.get(each.prompt_id, "")}
    return ComparisonOut(
        **told,
        number=each.number,
        prompt=each.prompt_id,
        messages=each.prompt.messages if each.prompt else [],
        answers=[AnswerOut(**vars(answer)) for answer in each.answers],
    )
