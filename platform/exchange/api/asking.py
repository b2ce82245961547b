"""Which prompts are still asked, and which first: retired, brought back, put first."""

from uuid import UUID

from ninja import Router, Schema
from pydantic import ConfigDict, Field

from accounts.models import Project, Role, Scope
from accounts.permissions import project_for
from annotations.services import asking
from annotations.services.prompts import MOST_PRIORITY
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes
from exchange.api.prompts import MOST_PROMPTS
from exchange.api.safety import Changed
from exchange.api.security import Asked, person

router = Router(tags=["Prompts"])


class ChosenIn(Schema):
    """Prompts by their ids."""

    ids: list[UUID] = Field(min_length=1, max_length=MOST_PROMPTS)

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11"]}]})


class PriorityIn(ChosenIn):
    """Prompts, and how soon they are asked: the greater, the sooner."""

    priority: int = Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": ["3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11"], "priority": 5}]}
    )


@changes(router, "POST", "/projects/{slug}/prompts/retire", scope=Scope.OPERATE, answer=Changed)
def retire_prompts(request: Asked, slug: Slug, chosen: ChosenIn) -> Changed:
    """Ask these prompts no more; what people said of them stays."""
    return _rung(asking.retire(by=person(request), project=_operated(request, slug), ids=chosen.ids))


@changes(router, "POST", "/projects/{slug}/prompts/bring-back", scope=Scope.OPERATE, answer=Changed)
def bring_prompts_back(request: Asked, slug: Slug, chosen: ChosenIn) -> Changed:
    """Ask retired prompts again."""
    return _rung(asking.bring_back(by=person(request), project=_operated(request, slug), ids=chosen.ids))


@changes(router, "POST", "/projects/{slug}/prompts/priority", scope=Scope.OPERATE, answer=Changed)
def set_prompt_priority(request: Asked, slug: Slug, chosen: PriorityIn) -> Changed:
    """Give prompts another priority, and their open slots with them."""
    by, project = person(request), _operated(request, slug)
    return _rung(asking.set_priority(by=by, project=project, ids=chosen.ids, priority=chosen.priority))


def _operated(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.OPERATOR)


def _rung(changed: int) -> Changed:
    ring()
    return Changed(changed=changed)
