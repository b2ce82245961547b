"""Rounds: what there is, what a new one would take, and all that may be done to one."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Path, Query, Router, Schema
from pydantic import ConfigDict, Field

from accounts.models import Project, Scope
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.problems import Problem
from exchange.api.round_shapes import RoundLineOut, RoundOut, shown
from exchange.api.security import Asked, person
from rounds.algorithms import BUDGETS, DEFAULTS, Algorithm, why_not_chosen
from rounds.forms import LONGEST_NOTE, MOST_SEED
from rounds.models import Facts, Round
from rounds.presets import DEFAULT
from rounds.queries.access import operated_project, operated_round, project_of, round_of
from rounds.queries.status import line_facts
from rounds.queries.verdicts import needs_reason
from rounds.services import pausing
from rounds.services import rounds as services

router = Router(tags=["Rounds"])

Number = Annotated[int, Path(..., ge=1, le=2**31 - 1, description="the round's number", examples=[3])]
Preset = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
Note = Annotated[str, Field(max_length=LONGEST_NOTE, pattern=r"^[^\x00]*$")]
_LEAST, _MOST = min(least for least, _most in BUDGETS.values()), max(most for _least, most in BUDGETS.values())


class ChoicesIn(Schema):
    """How a round learns. `sft` null: when there are new demonstrations. `init` null: from what writes now."""

    preset: Preset = DEFAULT
    algorithm: Algorithm = Algorithm.PPO
    init: UUID | None = Field(default=None, description="the policy that the round starts from")
    budget: int | None = Field(default=None, ge=_LEAST, le=_MOST, description="updates, readings (dpo) or n (best_of)")
    sft: bool | None = None
    approve: Literal["person", "rule"] = "person"

    model_config = ConfigDict(json_schema_extra={"examples": [{"preset": "small", "algorithm": "dpo", "budget": 3}]})

    def chosen(self) -> Facts:
        """The choices as a round keeps them. Raises `Problem` for what no round can have."""
        told = self.model_dump() | {"algorithm": self.algorithm.value, "init": str(self.init) if self.init else None}
        if why := why_not_chosen(DEFAULTS | told):
            raise Problem("invalid", why)
        return told


class RoundIn(ChoicesIn):
    """The choices of a round that begins now. `seed` null: the round's number."""

    seed: int | None = Field(default=None, ge=0, le=MOST_SEED)


class RetryIn(Schema):
    """With which preset the round goes on; null: with the same."""

    preset: Preset | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"preset": "small"}]})


class NoteIn(Schema):
    """Why."""

    note: Note = ""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "The answers grew worse on long questions."}]})


class ReasonIn(Schema):
    """Why; it must be said, and is kept."""

    note: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Short answers are wanted here."}]})


class ApprovalIn(NoteIn):
    """A note, needed where a gate did not simply pass; below 100 the candidate begins as a canary of this share."""

    share: int = Field(100, ge=1, le=100)

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Reads well.", "share": 10}]})


@reads(router, "/projects/{slug}/rounds", answer=Page[RoundLineOut])
def list_rounds(request: Asked, slug: Slug, at: Query[At]) -> Page[RoundLineOut]:
    """A project's rounds, newest first, for its reviewers and operators."""
    rows = project_of(person(request), slug).rounds.select_related("candidate")
    return page(rows, at, shape=lambda rows: [RoundLineOut(**line_facts(each)) for each in rows])


@reads(router, "/projects/{slug}/rounds/{number}", answer=RoundOut)
def get_round(request: Asked, slug: Slug, number: Number) -> RoundOut:
    """One round: its state, stages, gates, and how long it will still take."""
    return shown(round_of(person(request), slug, number))


@changes(router, "POST", "/projects/{slug}/rounds", scope=Scope.OPERATE, answer=RoundOut, status=201)
def start_round(request: Asked, slug: Slug, told: RoundIn) -> RoundOut:
    """Begin a round.

    Refused (409) with the reason while another is open, a canary is out, nothing is ranked, or the disk is full.
    """
    by = person(request)
    project = operated_project(by, slug)
    opened = services.open_round(by=by, project=project, choices=told.chosen())
    return _told(request, project, opened.number)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/pause", scope=Scope.OPERATE, answer=RoundOut)
def pause_round(request: Asked, slug: Slug, number: Number) -> RoundOut:
    """Let a round wait; its trainer stops at its next resume point."""
    return _operated(request, slug, number, pausing.pause)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/resume", scope=Scope.OPERATE, answer=RoundOut)
def resume_round(request: Asked, slug: Slug, number: Number) -> RoundOut:
    """Let a paused round go on."""
    return _operated(request, slug, number, pausing.resume)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/retry", scope=Scope.OPERATE, answer=RoundOut)
def retry_round(request: Asked, slug: Slug, number: Number, told: RetryIn) -> RoundOut:
    """Go on where a round stopped; with another preset the stage is ordered anew."""
    return _operated(request, slug, number, services.retry, preset=told.preset)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/cancel", scope=Scope.OPERATE, answer=RoundOut)
def cancel_round(request: Asked, slug: Slug, number: Number) -> RoundOut:
    """End a round without a result."""
    return _operated(request, slug, number, services.cancel)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/override", scope=Scope.OPERATE, answer=RoundOut)
def override_gate(request: Asked, slug: Slug, number: Number, told: ReasonIn) -> RoundOut:
    """Go on past a gate that holds the round back, for a reason that is kept."""
    return _operated(request, slug, number, services.override_gate, note=told.note)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/approve", scope=Scope.REVIEW, answer=RoundOut)
def approve_round(request: Asked, slug: Slug, number: Number, told: ApprovalIn) -> RoundOut:
    """Let the candidate be deployed, for reviewers and operators."""
    found = round_of(person(request), slug, number)
    if needs_reason(found) and not told.note.strip():
        raise Problem("refused", "A gate did not simply pass. Say why the candidate is deployed all the same.")
    return _acted(request, found, services.approve, note=told.note.strip(), share=told.share)


@changes(router, "POST", "/projects/{slug}/rounds/{number}/reject", scope=Scope.REVIEW, answer=RoundOut)
def reject_round(request: Asked, slug: Slug, number: Number, told: NoteIn) -> RoundOut:
    """End the round without deploying its candidate, for reviewers and operators."""
    return _acted(request, round_of(person(request), slug, number), services.reject, note=told.note.strip())


def _operated(request: Asked, slug: str, number: int, verb: Callable[..., None], **told: Any) -> RoundOut:
    return _acted(request, operated_round(person(request), slug, number), verb, **told)


def _acted(request: Asked, found: Round, verb: Callable[..., None], **told: Any) -> RoundOut:
    verb(by=person(request), round_id=found.pk, **told)
    return _told(request, found.project, found.number)


def _told(request: Asked, project: Project, number: int) -> RoundOut:
    ring()
    return shown(round_of(person(request), project.slug, number))
