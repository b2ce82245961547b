"""The registry of policies: all of a project's, one with its lineage and its card, and two side by side."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import ConfigDict

from exchange.api.endpoints import Slug, reads
from exchange.api.paging import At, Page, page
from exchange.api.problems import Problem
from exchange.api.review import whole
from exchange.api.security import Asked, person
from rounds.queries.access import project_of
from rounds.queries.card import body_of, card_of
from rounds.queries.compared import Comparison, Pair, answers_of, compare, figures
from rounds.queries.evaluated import Estimate
from rounds.queries.lineage import lineage_of
from rounds.queries.policies import lines
from rounds.queries.policy_facts import line_facts, lineage_facts
from rounds.queries.registry import policies_of, policy_of

router = Router(tags=["Policies"])

Facts = dict[str, Any]


class StandingOut(Schema):
    """Where a policy stands, in words; `reason` is a person's."""

    word: str
    reason: str
    at: datetime | None


class ValueOut(Schema):
    """A figure, where it likely lies, and of how many cases."""

    value: float
    low: float | None
    high: float | None
    n: int | None


class PolicyLineOut(Schema):
    """One policy: who made it, where it stands, what was measured, what people made of it."""

    id: UUID
    name: str
    digest: str
    parent: str | None
    made: datetime
    round: int | None
    stage: str | None
    collected: bool
    status: StandingOut
    reward: ValueOut | None
    wins: ValueOut | None
    completions: int
    quarantined: int
    rankings: int
    preferred: ValueOut | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa",
                    "name": "r2-ppo",
                    "digest": "9f2c",
                    "round": 2,
                    "parent": "r2-sft",
                    "made": "2026-11-18T03:20:00Z",
                    "stage": "ppo",
                    "collected": False,
                    "status": {"word": "writes now", "reason": "", "at": "2026-11-18T03:41:00Z"},
                    "reward": {"value": 0.9, "low": 0.8, "high": 1.0, "n": None},
                    "wins": {"value": 0.7, "low": 0.6, "high": 0.8, "n": 100},
                    "completions": 160,
                    "quarantined": 0,
                    "rankings": 38,
                    "preferred": None,
                }
            ]
        }
    )


class PolicyOut(Schema):
    """One policy with its lineage: what `manage.py policy show --json` prints, all that it came from and came to."""

    id: UUID
    name: str
    digest: str
    parent: str | None
    made: datetime
    status: StandingOut
    lineage: Facts

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa",
                    "name": "r2-ppo",
                    "digest": "9f2c",
                    "parent": "r2-sft",
                    "made": "2026-11-18T03:20:00Z",
                    "status": {"word": "writes now", "reason": "", "at": None},
                    "lineage": {"round": 2, "init": "r2-sft", "preset": "small", "deployments": []},
                }
            ]
        }
    )


class CardOut(Schema):
    """A policy's model card: YAML front matter and Markdown."""

    front: str
    body: str

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"front": "library_name: transformers\n", "body": "\n# r2-ppo\n"}]}
    )


class Two(Schema):
    """The two policies."""

    a: UUID
    b: UUID

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"a": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa", "b": "5a0c8e0e-54b1-43f6-8f0a-6e2a1d3b9c11"}]
        }
    )


class DifferenceOut(Schema):
    """A setting that differs; an empty side has none of that name."""

    name: str
    a: str
    b: str


class ApartOut(Schema):
    """How many rankings, or demonstrations, went into one policy only, and into both."""

    only_a: int
    only_b: int
    both: int


class FigureOut(Schema):
    """One figure of both."""

    name: str
    a: ValueOut | None
    b: ValueOut | None


class PairOut(Schema):
    """What both answered to one evaluation prompt."""

    prompt: str
    messages: list[Facts]
    a: str
    b: str


class ComparedOut(Schema):
    """Two policies side by side; what is the same is left out.

    `together`: one evaluation compared both, so that their rewards are of one reward model. `hidden`: answers that are
    kept back until you have voted on them in the round that is reviewed.
    """

    differences: list[DifferenceOut]
    rankings: ApartOut
    demonstrations: ApartOut
    together: bool
    figures: list[FigureOut]
    answers: list[PairOut]
    hidden: int

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "differences": [{"name": "seed", "a": "2", "b": "3"}],
                    "rankings": {"only_a": 0, "only_b": 38, "both": 374},
                    "demonstrations": {"only_a": 0, "only_b": 0, "both": 60},
                    "together": True,
                    "figures": [],
                    "answers": [],
                    "hidden": 0,
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/policies", answer=Page[PolicyLineOut])
def list_policies(request: Asked, slug: Slug, at: Query[At]) -> Page[PolicyLineOut]:
    """Every policy of a project, newest first, for reviewers and operators."""
    project = project_of(person(request), slug)
    return page(
        policies_of(project),
        at,
        shape=lambda rows: [PolicyLineOut(**line_facts(each)) for each in lines(project, rows)],
    )


@reads(router, "/projects/{slug}/policies/{policy_id}", answer=PolicyOut)
def get_policy(request: Asked, slug: Slug, policy_id: UUID) -> PolicyOut:
    """One policy: which rankings, snapshot, reward model and settings made it, and what came of it."""
    found = policy_of(project_of(person(request), slug), policy_id)
    facts = lineage_facts(lineage_of(found))
    named = {name: facts.pop(name) for name in PolicyOut.model_fields if name in facts}
    facts.pop("path")
    return PolicyOut(**named, lineage=facts)


@reads(router, "/projects/{slug}/policies/{policy_id}/card", answer=CardOut)
def get_card(request: Asked, slug: Slug, policy_id: UUID) -> CardOut:
    """A policy's model card, written anew."""
    front, body = body_of(card_of(policy_of(project_of(person(request), slug), policy_id)))
    return CardOut(front=front, body=body)


@reads(router, "/projects/{slug}/comparison", answer=ComparedOut)
def compare_policies(request: Asked, slug: Slug, two: Query[Two]) -> ComparedOut:
    """Two policies side by side: settings, data, figures, answers."""
    by, project = person(request), project_of(person(request), slug)
    a, b = policy_of(project, two.a), policy_of(project, two.b)
    if a == b:
        raise Problem("invalid", "Name two policies, not one twice.")
    found = compare(a, b)
    answers = whole(lambda: answers_of(found, reader=by))
    return _compared(found, [_pair(each) for each in answers.pairs], answers.hidden)


def _compared(found: Comparison, answers: list[PairOut], hidden: int) -> ComparedOut:
    return ComparedOut(
        differences=[DifferenceOut(**vars(each)) for each in found.differences],
        rankings=ApartOut(**vars(found.data.rankings)),
        demonstrations=ApartOut(**vars(found.data.demonstrations)),
        together=found.together,
        figures=[FigureOut(name=name, a=_estimate(a), b=_estimate(b)) for name, a, b in figures(found)],
        answers=answers,
        hidden=hidden,
    )


def _pair(each: Pair) -> PairOut:
    a, b = each.answers
    messages = each.prompt.messages if each.prompt else []
    return PairOut(prompt=each.prompt_id, messages=messages, a=a["text"], b=b["text"])


def _estimate(found: Estimate | None) -> ValueOut | None:
    return ValueOut(**vars(found)) if found else None
