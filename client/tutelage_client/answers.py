"""What the server answers with, as dataclasses; docs/api.md says what each means. What a newer one adds is left out."""

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Facts = dict[str, Any]


@dataclass(frozen=True)
class Place:
    slug: str
    name: str
    role: str


@dataclass(frozen=True)
class Project:
    slug: str
    name: str
    created_at: datetime
    time_zone: str
    k: int
    overlap: int
    guideline_version: int | None


@dataclass(frozen=True)
class Prompt:
    id: str
    messages: list[Facts]
    split: str
    tags: list[str]
    priority: int
    sensitive: bool
    created_at: datetime
    retired_at: datetime | None
    rankings: int
    demonstrations: int


@dataclass(frozen=True)
class Added:
    added: int
    known: int


@dataclass(frozen=True)
class Import:
    id: str
    name: str
    file: str
    format: str
    columns: dict[str, str]
    asked: bool
    state: str
    failure: str
    found: dict[str, int]
    share: float
    written: dict[str, int]
    created_at: datetime
    ended_at: datetime | None
    # Of one import's own answer only.
    errors: list[Facts] | None = None
    preview: list[Facts] | None = None
    file_columns: list[str] | None = None


@dataclass(frozen=True)
class File:
    name: str
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Export:
    id: str
    format: str
    options: Facts
    state: str
    failure: str
    progress: Facts | None
    digest: str
    files: list[File]
    created_at: datetime
    read_at: datetime | None
    ready_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True)
class RoundLine:
    number: int
    state: str
    failure_kind: str
    algorithm: str
    candidate: str | None
    began: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Gate:
    name: str
    title: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    limit: float | None
    figure: str
    note: str


@dataclass(frozen=True)
class Round:
    number: int
    state: str
    failure: str
    failure_kind: str
    choices: Facts
    policies: Facts
    snapshot: Facts | None
    by: str | None
    began: datetime
    ended: datetime | None
    stages: list[Facts]
    gates: list[Gate]
    now: Facts


def read(kind: type[T], told: Any) -> T:
    """`told`, as JSON holds it, as an instance of `kind`. Raises TypeError where something is missing."""
    found: T = _shaped(kind, told)
    return found


def _shaped(kind: Any, told: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if told is None else _shaped(inner[0], told)
    if origin is list:
        return [_shaped(inner[0], each) for each in told]
    if kind is datetime:
        return datetime.fromisoformat(told)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(
            **{each.name: _shaped(hints[each.name], told[each.name]) for each in fields(kind) if each.name in told}
        )
    return told
