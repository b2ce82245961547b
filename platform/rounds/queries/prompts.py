"""The list of prompts: filtered in the database, paged by key, so that the last page costs what the first does."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Count, F, Func, QuerySet, TextField, Value
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Project
from annotations.models import Demonstration, Prompt, Ranking
from annotations.visible import visible

PROMPTS_A_PAGE = 50
TEXT_SHOWN = 160


class _Said(Func):
    """All that a message list says, in one text. JSON as text would match its own keys, and not Chinese."""

    output_field = TextField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "(SELECT group_concat(json_extract(value, '$.content'), char(10)) FROM json_each(%(expressions)s))"
        return self.as_sql(compiler, connection, **context, template=template)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "(SELECT string_agg(turn->>'content', E'\\n') FROM jsonb_array_elements(%(expressions)s) AS turn)"
        return self.as_sql(compiler, connection, **context, template=template)


class _HasTag(Func):
    """Whether a list of tags holds this one."""

    output_field = BooleanField()
    function = "jsonb_exists"

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "EXISTS (SELECT 1 FROM json_each(%(expressions)s)"
        return self.as_sql(compiler, connection, **context, template=template, arg_joiner=") WHERE value = ")


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty: by nothing."""

    tag: str = ""
    state: str = "asked"
    text: str = ""


@dataclass(frozen=True)
class Row:
    """One prompt of the list."""

    prompt: Prompt
    start: str
    earlier_turns: int
    rankings: int
    demonstrations: int


@dataclass(frozen=True)
class PromptPage:
    rows: list[Row]
    # The key that the next page starts after; None: this is the last.
    older: int | None


def page_of(project: Project, filters: Filters, *, before: int | None) -> PromptPage:
    """The newest prompts that match, or those older than key `before`."""
    found = matching(project, filters)
    if before is not None:
        found = found.filter(pk__lt=before)
    prompts = list(found.order_by("-pk")[: PROMPTS_A_PAGE + 1])
    shown = prompts[:PROMPTS_A_PAGE]
    return PromptPage(rows=rows_of(shown), older=shown[-1].pk if len(prompts) > len(shown) else None)


def matching(project: Project, filters: Filters) -> "QuerySet[Prompt]":
    """The project's prompts that the filters leave, in no order."""
    found = visible(Prompt.objects.filter(project=project))
    if filters.state != "all":
        found = found.filter(retired_at__isnull=filters.state != "retired")
    if filters.tag:
        found = found.filter(_HasTag(F("tags"), Value(filters.tag)))
    if filters.text:
        found = found.alias(said=_Said(F("messages"))).filter(said__icontains=filters.text)
    return found


def rows_of(prompts: list[Prompt]) -> list[Row]:
    """What the list says of each, in the same order."""
    ids = [prompt.pk for prompt in prompts]
    ranked = Ranking.objects.filter(slate__prompt__in=ids, is_current=True)
    rankings: Counter[int] = Counter(dict(ranked.values_list("slate__prompt").annotate(count=Count("pk"))))
    shown = Demonstration.objects.filter(prompt__in=ids, is_current=True)
    demonstrations: Counter[int] = Counter(dict(shown.values_list("prompt").annotate(count=Count("pk"))))
    return [_row(prompt, rankings[prompt.pk], demonstrations[prompt.pk]) for prompt in prompts]


def _row(prompt: Prompt, rankings: int, demonstrations: int) -> Row:
    said = " ".join(prompt.messages[-1]["content"].split())
    return Row(
        prompt=prompt,
        start=said if len(said) <= TEXT_SHOWN else said[:TEXT_SHOWN].rstrip() + "…",
        earlier_turns=len(prompt.messages) - 1,
        rankings=rankings,
        demonstrations=demonstrations,
    )
