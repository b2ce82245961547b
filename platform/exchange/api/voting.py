"""The voting booth: one question, two answers, nobody's name; and the way out of it, by which the names are shown."""

from typing import Annotated, Literal

from ninja import Path, Query, Router, Schema
from pydantic import Field

from accounts.models import Scope, User
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.problems import Problem
from exchange.api.prompts import Message
from exchange.api.security import Asked, person
from exchange.api.sent_shapes import shown
from rounds.models import Round
from rounds.queries.access import round_of
from rounds.queries.ballots import Booth, ballot, booth_of, choices_of
from rounds.queries.evaluation import Comparison, Evaluation, complete, evaluation_of
from rounds.services import votes
from trainer.manifest import ManifestError

router = Router(tags=["Review"])

RoundNumber = Annotated[int, Path(..., ge=1, le=2**31 - 1, examples=[3])]
Question = Annotated[int, Field(ge=1, le=1000)]


class BallotOut(Schema):
    """One question with its two answers in the order drawn for this person. `chosen`: their vote so far."""

    question: int
    messages: list[Message]
    left: str
    right: str
    chosen: Literal["", "left", "right", "tie"]


class BoothOut(Schema):
    """Where the person stands. Votes count while the round waits for its review and they have seen no names.

    `waiting` numbers the questions that wait for their vote; `ballot` is the one asked for, else the first of those.
    """

    open: bool
    revealed: bool
    questions: int
    waiting: list[int]
    ballot: BallotOut | None

    model_config = shown(
        {
            "open": True,
            "revealed": False,
            "questions": 20,
            "waiting": [3, 4],
            "ballot": {
                "question": 3,
                "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
                "left": "To be safe.",
                "right": "Nobody knows.",
                "chosen": "",
            },
        }
    )


class VoteIn(Schema):
    """Which answer is better: the left, the right, or neither."""

    question: Question
    side: Literal["left", "right", "tie"]

    model_config = shown({"question": 3, "side": "left"})


class QuestionAsked(Schema):
    """Which question is to be shown."""

    question: Question | None = None


@reads(router, "/projects/{slug}/rounds/{number}/booth", answer=BoothOut)
def get_booth(request: Asked, slug: Slug, number: RoundNumber, asked: Query[QuestionAsked]) -> BoothOut:
    """The question that waits for the person's blind vote, for reviewers and operators.

    404 before the candidate has answered the held-out questions.
    """
    return _booth(person(request), round_of(person(request), slug, number), asked.question)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/votes", scope=Scope.REVIEW, answer=BoothOut)
def cast_vote(request: Asked, slug: Slug, number: RoundNumber, vote: VoteIn) -> BoothOut:
    """Vote on a question, and get the next. Another vote takes the place of the first, until the round is decided."""
    by, found = person(request), round_of(person(request), slug, number)
    asked = _comparison(_evaluation(found), vote.question)
    votes.vote(by=by, round_id=found.pk, prompt_id=asked.prompt_id, side=vote.side)
    return _booth(by, found, None)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/reveal", scope=Scope.REVIEW, status=204)
def reveal_names(request: Asked, slug: Slug, number: RoundNumber) -> None:
    """Ask for the names of who answered what: from then on the person votes no more in this round."""
    votes.reveal(by=person(request), round_id=round_of(person(request), slug, number).pk)


def _booth(by: User, found: Round, asked: int | None) -> BoothOut:
    evaluation, choices = _evaluation(found), choices_of(found, by)
    booth = booth_of(found, by, evaluation, choices)
    shown_now = _shown(booth, asked)
    return BoothOut(
        open=booth.open,
        revealed=booth.revealed,
        questions=len(booth.questions),
        waiting=booth.waiting,
        ballot=_ballot(found, by, _comparison(evaluation, shown_now), choices) if shown_now else None,
    )


def _shown(booth: Booth, asked: int | None) -> int | None:
    if not booth.votes_count:
        return None
    return asked if asked in booth.questions else next(iter(booth.waiting), None)


def _ballot(found: Round, by: User, comparison: Comparison, choices: dict[str, str]) -> BallotOut:
    complete(found, [comparison])
    told = ballot(found, by, comparison, choices)
    turns = [*told.earlier, {"role": "user", "content": told.question}]
    said = {"question": told.number, "left": told.left, "right": told.right, "chosen": told.chosen}
    return BallotOut.model_validate({**said, "messages": turns})


def _evaluation(found: Round) -> Evaluation:
    try:
        evaluation = evaluation_of(found)
    except ManifestError:
        raise Problem("not-found", "The evaluation's directory is not what was taken in: nothing is shown.") from None
    if evaluation is None:
        raise Problem("not-found", "The candidate has not answered the held-out questions yet.")
    return evaluation


def _comparison(evaluation: Evaluation, number: int) -> Comparison:
    found = next((each for each in evaluation.comparisons if each.number == number and each.differs), None)
    if found is None:
        raise Problem("not-found", f"There is no question {number} to vote on.")
    return found
