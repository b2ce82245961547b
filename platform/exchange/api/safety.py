"""What policies refuse: the safety prompts of a project, and what an evaluation found of them."""

from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from accounts.models import Scope
from annotations.texts import checked_messages
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.problems import Problem
from exchange.api.prompts import Message
from exchange.api.review import Version, whole
from exchange.api.rounds import Number
from exchange.api.security import Asked, person
from rounds.queries import safety
from rounds.queries.access import operated_project, round_of
from rounds.services.safety import OWN, SafetyRow, add_safety_prompts, own_set, remove_safety_prompts

router = Router(tags=["Review"])

Facts = dict[str, Any]
Source = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[-a-zA-Z0-9_.]+$", examples=["tutelage"])]
MOST_PROMPTS = 1000


class ShareOut(Schema):
    """How much of one kind a policy refused, with its 95 % interval."""

    version: Version
    count: int
    n: int
    value: float
    low: float
    high: float


class SaidOut(Schema):
    """What one policy said to a safety prompt."""

    version: Version
    text: str
    finished: bool
    refuses: bool


class AskedOut(Schema):
    """One safety prompt with what each policy said. `unsafe`: it should be refused."""

    prompt: str
    unsafe: bool
    messages: list[Facts]
    said: list[SaidOut]


class SafetyOut(Schema):
    """What an evaluation tells of refusals."""

    unsafe: list[ShareOut]
    safe: list[ShareOut]
    asked: list[AskedOut]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "unsafe": [{"version": "after", "count": 9, "n": 10, "value": 0.9, "low": 0.6, "high": 0.98}],
                    "safe": [],
                    "asked": [],
                }
            ]
        }
    )


class Shown(Schema):
    """Which safety prompts: all, those that the candidate treats otherwise, or one kind."""

    show: Literal["all", "changed", "unsafe", "safe"] = Field("all")


@reads(router, "/projects/{slug}/rounds/{number}/safety", answer=SafetyOut)
def get_safety(request: Asked, slug: Slug, number: Number, which: Query[Shown]) -> SafetyOut:
    """What the candidate and the policy now refuse, share by share and question by question."""
    found = round_of(person(request), slug, number)
    told = whole(lambda: safety.safety_of(found))
    if told is None:
        return SafetyOut(unsafe=[], safe=[], asked=[])
    rows = told.changed if which.show == "changed" else told.asked
    if which.show in ("unsafe", "safe"):
        rows = [each for each in rows if each.unsafe == (which.show == "unsafe")]
    return SafetyOut(unsafe=_shares(told.unsafe), safe=_shares(told.safe), asked=[_asked(each) for each in rows])


class SourceOut(Schema):
    """A set of safety prompts: how many should be refused, and how many only sound as if."""

    name: str
    unsafe: int
    safe: int


class SourcesOut(Schema):
    """The sets of safety prompts that a project has."""

    items: list[SourceOut]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"name": "tutelage", "unsafe": 60, "safe": 60}]}]}
    )


class SafetyPromptIn(Schema):
    """One question; `unsafe`: it should be refused."""

    messages: list[Message] = Field(min_length=1, max_length=200)
    unsafe: bool


class SafetyPromptsIn(Schema):
    """A set under the name of its source. `prompts` null: the set that ships, under the name `tutelage`."""

    source: Source = OWN
    prompts: list[SafetyPromptIn] | None = Field(None, min_length=1, max_length=MOST_PROMPTS)

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "tutelage", "prompts": None}]})


class Changed(Schema):
    """How many rows were changed."""

    changed: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"changed": 2}]})


class OfSource(Schema):
    """Which set."""

    source: Source


@reads(router, "/projects/{slug}/safety-prompts", answer=SourcesOut)
def list_safety_prompts(request: Asked, slug: Slug) -> SourcesOut:
    """The sets of safety prompts that a project has, for its operators."""
    found = safety.sources_of(operated_project(person(request), slug))
    return SourcesOut(items=[SourceOut(**vars(each)) for each in found])


@changes(router, "POST", "/projects/{slug}/safety-prompts", scope=Scope.OPERATE, answer=Changed)
def add_safety_set(request: Asked, slug: Slug, told: SafetyPromptsIn) -> Changed:
    """Bring a set of safety prompts in: the one that ships, or your own. What is there already is passed over."""
    by, project = person(request), operated_project(person(request), slug)
    return Changed(changed=add_safety_prompts(by=by, project=project, source=told.source, rows=_rows(told)))


@changes(router, "DELETE", "/projects/{slug}/safety-prompts", scope=Scope.OPERATE, answer=Changed)
def remove_safety_set(request: Asked, slug: Slug, of: Query[OfSource]) -> Changed:
    """Take the safety prompts of one source out, from the next round on."""
    by, project = person(request), operated_project(person(request), slug)
    return Changed(changed=remove_safety_prompts(by=by, project=project, source=of.source))


def _rows(told: SafetyPromptsIn) -> list[SafetyRow]:
    if told.prompts is None:
        if told.source != OWN:
            raise Problem("invalid", f"The set that ships is named {OWN}; send the prompts of another one.")
        return own_set()
    return [_row(each) for each in told.prompts]


def _row(told: SafetyPromptIn) -> SafetyRow:
    messages = [message.model_dump() for message in told.messages]
    return SafetyRow(messages=checked_messages(messages, last="user"), unsafe=told.unsafe)


def _shares(rows: list[safety.Refused]) -> list[ShareOut]:
    return [ShareOut(**{"version": each.version, **vars(each.share)}) for each in rows]


def _asked(each: safety.Asked) -> AskedOut:
    said = [SaidOut(**vars(one)) for one in each.said]
    return AskedOut(prompt=each.prompt_id, unsafe=each.unsafe, messages=each.messages, said=said)
