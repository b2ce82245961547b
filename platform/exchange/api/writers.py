"""What writes completions: deployments and the canary, taken back, promoted, withdrawn; and what was asked of them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from ninja import Query, Router, Schema
from pydantic import ConfigDict

from accounts.models import Project, Scope
from annotations.models import SamplingOrder
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.rounds import NoteIn
from exchange.api.security import Asked, person
from rounds.machine import StageState
from rounds.models import Deployment
from rounds.queries.access import operated_project, project_of
from rounds.queries.deployed import name_of
from rounds.queries.deployment_card import Tried, card_of
from rounds.services import canary, deployments, sampling
from rounds.store import StoreFull

router = Router(tags=["Deployments"])


class DeploymentOut(Schema):
    """One deployment. `rolled_back`: it was taken back because it was bad; `reason` says why it ended."""

    policy: UUID
    name: str
    canary: bool
    share: int
    best_of: int
    round: int | None
    since: datetime
    until: datetime | None
    rolled_back: bool
    reason: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "policy": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa",
                    "name": "r2-ppo",
                    "canary": False,
                    "share": 100,
                    "best_of": 1,
                    "round": 2,
                    "since": "2026-11-18T03:41:00Z",
                    "until": None,
                    "rolled_back": False,
                    "reason": "",
                }
            ]
        }
    )


class CheckOut(Schema):
    """One figure of health over what was written; `failed`: it lies above its limit beyond chance."""

    name: str
    value: float
    limit: float
    failed: bool


class CanaryOut(Schema):
    """The canary, and what came of it so far."""

    deployment: DeploymentOut
    completions: int
    rankings: int
    health: list[CheckOut]


class WritersOut(Schema):
    """What writes now, what is tried beside it, and what a roll-back would return to."""

    current: DeploymentOut | None
    canary: CanaryOut | None
    back_to: str | None

    model_config = ConfigDict(json_schema_extra={"examples": [{"current": None, "canary": None, "back_to": "base"}]})


class OrderOut(Schema):
    """Completions that were asked of one policy. `failed`: it stands until somebody retries or cancels it."""

    id: UUID
    policy: str
    prompts: int
    per_prompt: int
    preset: str
    seed: int
    created_at: datetime
    finished_at: datetime | None
    state: StageState | None
    failure: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5a0c8e0e-54b1-43f6-8f0a-6e2a1d3b9c11",
                    "policy": "r2-ppo",
                    "prompts": 40,
                    "per_prompt": 4,
                    "preset": "small",
                    "seed": 12,
                    "created_at": "2026-11-18T03:41:00Z",
                    "finished_at": None,
                    "state": "failed",
                    "failure": "No space was left.",
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/deployments", answer=Page[DeploymentOut])
def list_deployments(request: Asked, slug: Slug, at: Query[At]) -> Page[DeploymentOut]:
    """Which policies wrote, newest first, for reviewers and operators."""
    rows = Deployment.objects.filter(project=project_of(person(request), slug)).select_related("policy", "round")
    return page(rows, at, shape=lambda rows: [_deployment(each) for each in rows])


@reads(router, "/projects/{slug}/writers", answer=WritersOut)
def get_writers(request: Asked, slug: Slug) -> WritersOut:
    """What writes this project's completions now, for reviewers and operators."""
    return _writers(project_of(person(request), slug))


@changes(router, "POST", "/projects/{slug}/roll-back", scope=Scope.OPERATE, answer=WritersOut, apart=True)
def roll_back(request: Asked, slug: Slug, told: NoteIn) -> WritersOut:
    """Take the current policy back: the one before it writes again, and nothing that the bad one wrote is lent."""
    by, project = person(request), operated_project(person(request), slug)
    # The roll-back stands then: only the order that would have followed it has no room, and waits for some.
    with suppress(StoreFull):
        deployments.roll_back(by=by, project=project, reason=told.note.strip())
    return _now(project)


@changes(router, "POST", "/projects/{slug}/canary/promote", scope=Scope.OPERATE, answer=WritersOut, apart=True)
def promote_canary(request: Asked, slug: Slug) -> WritersOut:
    """Let the canary answer every prompt from now on."""
    by, project = person(request), operated_project(person(request), slug)
    canary.promote(by=by, project=project)
    return _now(project)


@changes(router, "POST", "/projects/{slug}/canary/withdraw", scope=Scope.OPERATE, answer=WritersOut, apart=True)
def withdraw_canary(request: Asked, slug: Slug, told: NoteIn) -> WritersOut:
    """Take the canary back: what is current goes on alone, and nothing that the canary wrote is lent."""
    by, project = person(request), operated_project(person(request), slug)
    # As in a roll-back.
    with suppress(StoreFull):
        canary.withdraw(by=by, project=project, reason=told.note.strip())
    return _now(project)


@reads(router, "/projects/{slug}/sampling-orders", answer=Page[OrderOut])
def list_sampling_orders(request: Asked, slug: Slug, at: Query[At]) -> Page[OrderOut]:
    """What was asked of policies, newest first, for reviewers and operators."""
    return page(_orders(project_of(person(request), slug)), at, shape=lambda rows: [_order(each) for each in rows])


@changes(router, "POST", "/projects/{slug}/sampling-orders/{order_id}/retry", scope=Scope.OPERATE, answer=OrderOut)
def retry_sampling_order(request: Asked, slug: Slug, order_id: UUID) -> OrderOut:
    """Let a failed order try again; what it delivered is kept."""
    return _act(request, slug, order_id, sampling.retry_order)


@changes(router, "POST", "/projects/{slug}/sampling-orders/{order_id}/cancel", scope=Scope.OPERATE, answer=OrderOut)
def cancel_sampling_order(request: Asked, slug: Slug, order_id: UUID) -> OrderOut:
    """End an order; what it delivered stays."""
    return _act(request, slug, order_id, sampling.cancel_order)


def _act(request: Asked, slug: str, order_id: UUID, verb: Callable[..., None]) -> OrderOut:
    by = person(request)
    project = operated_project(by, slug)
    verb(by=by, order=SamplingOrder.objects.select_related("project").get(project=project, public_id=order_id))
    ring()
    return _order(_orders(project).get(public_id=order_id))


def _orders(project: Project) -> "QuerySet[SamplingOrder]":
    asked = SamplingOrder.objects.filter(project=project).select_related("policy", "stage")
    return asked.annotate(asked=Count("prompts"))


def _order(order: Any) -> OrderOut:
    # What was brought in is an order that no stage worked on.
    stage = getattr(order, "stage", None)
    return OrderOut(
        id=order.public_id,
        policy=order.policy.name,
        prompts=order.asked,
        per_prompt=order.per_prompt,
        preset=order.preset,
        seed=order.seed,
        created_at=order.created_at,
        finished_at=order.finished_at,
        state=StageState(stage.state) if stage else None,
        failure=stage.failure if stage else "",
    )


def _now(project: Project) -> WritersOut:
    ring()
    return _writers(project)


def _writers(project: Project) -> WritersOut:
    card = card_of(project)
    return WritersOut(
        current=_deployment(card.current) if card.current else None,
        canary=_tried(card.canary) if card.canary else None,
        back_to=card.back_to,
    )


def _tried(found: Tried) -> CanaryOut:
    checks = [
        CheckOut(name=each.name, value=each.value, limit=each.limit, failed=each.failed) for each in found.health.checks
    ]
    deployment = _deployment(found.deployment)
    return CanaryOut(deployment=deployment, completions=found.answers, rankings=found.rankings, health=checks)


def _deployment(each: Deployment) -> DeploymentOut:
    return DeploymentOut(
        policy=each.policy.public_id,
        name=name_of(each),
        canary=each.canary,
        share=each.share,
        best_of=each.best_of,
        round=each.round.number if each.round else None,
        since=each.started_at,
        until=each.retired_at,
        rolled_back=each.rolled_back,
        reason=each.retired_reason,
    )
