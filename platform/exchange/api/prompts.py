"""The prompts of a project, for its operators."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field, StringConstraints

from accounts.models import Role, Scope
from accounts.permissions import project_for
from annotations.choices import Split
from annotations.services.prompts import MOST_PRIORITY, PromptRow, add_prompts
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.security import Asked, person
from rounds.prompt_forms import LONGEST_TAG, MOST_TAGS
from rounds.queries.prompts import Filters, Row, matching, rows_of

# With what a body may hold, a batch stays a moment's work; more comes as an import.
MOST_PROMPTS = 1000

router = Router(tags=["Prompts"])

Tag = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TAG, pattern=r"^[^\x00-\x1f,]+$")]


class Message(Schema):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptIn(Schema):
    """One prompt to be added. Its messages end with a user's."""

    messages: list[Message] = Field(min_length=1, max_length=200)
    tags: list[Tag] = Field([], max_length=MOST_TAGS)
    priority: int = Field(0, ge=-MOST_PRIORITY, le=MOST_PRIORITY)
    sensitive: bool = False


class PromptsIn(Schema):
    """A batch of prompts: all of them, or none and the place that is wrong."""

    prompts: list[PromptIn] = Field(min_length=1, max_length=MOST_PROMPTS)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompts": [
                        {"messages": [{"role": "user", "content": "Why do turtles have shells?"}], "tags": ["biology"]},
                        {"messages": [{"role": "user", "content": "How old can a turtle get?"}], "priority": 5},
                    ]
                }
            ]
        }
    )


class PromptsAdded(Schema):
    """How many of them are new here, and how many the project had already."""

    added: int
    known: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"added": 2, "known": 0}]})


class PromptOut(Schema):
    """One prompt, and how many current rankings and demonstrations it has."""

    id: UUID
    messages: list[Message]
    split: Split
    tags: list[str]
    priority: int
    sensitive: bool
    created_at: datetime
    retired_at: datetime | None
    rankings: int
    demonstrations: int

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11",
                    "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
                    "split": "train",
                    "tags": ["biology"],
                    "priority": 0,
                    "sensitive": False,
                    "created_at": "2026-11-20T10:00:00Z",
                    "retired_at": None,
                    "rankings": 3,
                    "demonstrations": 1,
                }
            ]
        }
    )


class PromptsAt(At):
    """Which page of which prompts."""

    state: Literal["asked", "retired", "all"] = "asked"
    tag: str = Field("", max_length=200, pattern=r"^[^\x00]*$")
    text: str = Field("", max_length=200, pattern=r"^[^\x00]*$", description="what one of the messages says")


@reads(router, "/projects/{slug}/prompts", answer=Page[PromptOut])
def list_prompts(request: Asked, slug: Slug, at: Query[PromptsAt]) -> Page[PromptOut]:
    """A project's prompts, newest first, for its operators."""
    project = project_for(person(request), slug, Role.OPERATOR)
    found = matching(project, Filters(tag=at.tag, state=at.state, text=at.text))
    return page(found, at, shape=lambda prompts: [_prompt(row) for row in rows_of(prompts)])


@changes(router, "POST", "/projects/{slug}/prompts", scope=Scope.OPERATE, answer=PromptsAdded)
def create_prompts(request: Asked, slug: Slug, batch: PromptsIn) -> PromptsAdded:
    """Add prompts; each text is asked once, so what the project has already is passed over."""
    project = project_for(person(request), slug, Role.OPERATOR)
    added = add_prompts(by=person(request), project=project, rows=[_row(each) for each in batch.prompts])
    ring()
    return PromptsAdded(added=added, known=len(batch.prompts) - added)


def _row(told: PromptIn) -> PromptRow:
    messages = [message.model_dump() for message in told.messages]
    return PromptRow(messages=messages, tags=told.tags, priority=told.priority, sensitive=told.sensitive)


def _prompt(row: Row) -> PromptOut:
    prompt = row.prompt
    return PromptOut(
        id=prompt.public_id,
        messages=[Message.model_validate(message) for message in prompt.messages],
        split=Split(prompt.split),
        tags=prompt.tags,
        priority=prompt.priority,
        sensitive=prompt.sensitive,
        created_at=prompt.created_at,
        retired_at=prompt.retired_at,
        rankings=row.rankings,
        demonstrations=row.demonstrations,
    )
