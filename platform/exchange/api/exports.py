"""Data sets that go out: order one, see how far it is, take its files. For exporters and operators."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import BeforeValidator, ConfigDict, Field

from accounts.models import Project, Role, Scope
from accounts.permissions import project_for
from exchange import sources, tasks
from exchange.api.bell import ring
from exchange.api.bodies import BYTES
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.security import Asked, person
from exchange.formats import parts_of
from exchange.forms import WORDS
from exchange.models import Export, ExportState, Format
from exchange.queries import Line, line_of, lines
from exchange.served import send_file_of
from exchange.services import exports
from exchange.wanted import FIRST_DAY, LAST_DAY, Pairs, Wanted

router = Router(tags=["Exports"])

_LARGEST = 2**31 - 1
_FORMATS = " ".join(f"`{one.value}`: {WORDS[one]}" for one in Format)


def _text(told: Any) -> Any:
    if not isinstance(told, str | date):
        raise ValueError("a day is a text like 2026-11-22")
    return told


Day = Annotated[date, BeforeValidator(_text), Field(ge=FIRST_DAY, le=LAST_DAY)]
Number = Annotated[int, Field(ge=1, le=_LARGEST)]


class Options(Schema):
    """Which judgements, and how they become rows. The defaults leave nothing out."""

    round: Number | None = Field(None, description="only what this round's snapshot pinned")
    since: Day | None = Field(None, description="said on this day (UTC) or later")
    until: Day | None = Field(None, description="said on this day (UTC) or earlier")
    guideline: Number | None = Field(None, description="said under this version of the guidelines")
    agreement: float | None = Field(
        None, ge=0, le=1, description="only slates on which two people or more agree to this share of the pairs"
    )
    role: Role | None = Field(None, description="said by people who are this in the project now")
    surplus: bool = Field(True, description="late answers, outside the overlap, are in it")
    pairs: Pairs = Field(Pairs.ALL, description="`all` of a ranking, or its `ends`: the best against the worst")
    ties: bool = Field(False, description="a tie is a pair with margin 0, and not left out")
    eval_share: int | None = Field(
        None, ge=0, le=100, description="prompts of a hundred in `eval`; null: the project's own split"
    )

    def wanted(self) -> Wanted:
        """The same as an export keeps it."""
        told = self.model_dump(mode="json", include=set(Options.model_fields))
        return Wanted(**{name: value for name, value in told.items() if value is not None})


class ExportIn(Schema):
    """What is ordered."""

    format: Format = Field(description=f"What one row is. {_FORMATS}")
    options: Options = Options.model_validate({})

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"format": "preference", "options": {"round": 3, "agreement": 0.6, "pairs": "ends"}}]
        }
    )


class SourcesOf(Options):
    """What would be ordered."""

    format: Format = Format.RANKINGS


class ExportSources(Schema):
    """How many rankings, demonstrations or prompts there are now."""

    sources: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"sources": 412}]})


class FileOut(Schema):
    """One file, named as in its address; what it was stays known when the files are deleted."""

    name: str
    rows: int | None
    bytes: int
    sha256: str


class Progress(Schema):
    """How many sources (rankings, demonstrations, prompts) a worker has gone through; 0 of 0: it has just begun."""

    step: int
    of: int


class ExportOut(Schema):
    """One export. With a `failure` it waits for somebody to retry or delete it; `progress`: a worker writes it now.

    `digest` is the manifest's: two exports with the same digest are the same, byte by byte.
    """

    id: UUID
    format: Format
    options: Options
    state: ExportState
    failure: str
    progress: Progress | None
    digest: str
    files: list[FileOut]
    ordered_by: str | None
    created_at: datetime
    read_at: datetime | None
    ready_at: datetime | None
    deleted_at: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0a5d3c1e-7f66-4f0e-9d0a-3a52d7a1c9be",
                    "format": "preference",
                    "options": {"round": 3, "agreement": 0.6, "pairs": "ends"},
                    "state": "ready",
                    "failure": "",
                    "progress": None,
                    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "files": [
                        {
                            "name": "train.jsonl",
                            "rows": 412,
                            "bytes": 318224,
                            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                        }
                    ],
                    "ordered_by": "erik",
                    "created_at": "2026-11-22T09:00:00Z",
                    "read_at": "2026-11-22T09:00:01Z",
                    "ready_at": "2026-11-22T09:00:04Z",
                    "deleted_at": None,
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/exports", scope=Scope.DATA, answer=Page[ExportOut])
def list_exports(request: Asked, slug: Slug, at: Query[At]) -> Page[ExportOut]:
    """A project's exports, newest first."""
    rows = Export.objects.filter(project=_project(request, slug)).select_related("ordered_by")
    return page(rows, at, shape=lambda rows: [_export(line) for line in lines(rows)])


@changes(router, "POST", "/projects/{slug}/exports", scope=Scope.DATA, answer=ExportOut, status=201)
def order_export(request: Asked, slug: Slug, told: ExportIn) -> ExportOut:
    """Order an export; a worker writes it.

    The same options of the same rows are the same bytes. One of a format is on its way at a time; a second is refused.
    """
    project, by = _project(request, slug), person(request)
    export = exports.order(by=by, project=project, format=told.format, options=told.options.wanted().kept())
    ring(tasks.write.delay, export.pk)
    return _export(line_of(export))


@reads(router, "/projects/{slug}/exports/sources", scope=Scope.DATA, answer=ExportSources)
def count_export_sources(request: Asked, slug: Slug, told: Query[SourcesOf]) -> ExportSources:
    """How many sources such an export would go through, were it ordered now: whoever waits for people asks this.

    `agreement` is looked at while an export is written, and narrows nothing here.
    """
    project, wanted = _project(request, slug), told.wanted()
    exports.check(project, wanted.kept())
    shapes = parts_of(told.format).values()
    return ExportSources(sources=sum(sources.count(project, shape.source, wanted) for shape in shapes))


@reads(router, "/projects/{slug}/exports/{export_id}", scope=Scope.DATA, answer=ExportOut)
def get_export(request: Asked, slug: Slug, export_id: UUID) -> ExportOut:
    """One export: how far it is, and its files."""
    return _export(line_of(_found(_project(request, slug), export_id)))


@changes(router, "POST", "/projects/{slug}/exports/{export_id}/retry", scope=Scope.DATA, answer=ExportOut)
def retry_export(request: Asked, slug: Slug, export_id: UUID) -> ExportOut:
    """Let a stopped export be written again."""
    project = _project(request, slug)
    export = exports.retry(by=person(request), project=project, export_id=export_id)
    ring(tasks.write.delay, export.pk)
    return _export(line_of(_found(project, export_id)))


@changes(router, "DELETE", "/projects/{slug}/exports/{export_id}", scope=Scope.DATA, status=204)
def delete_export(request: Asked, slug: Slug, export_id: UUID) -> None:
    """Delete an export's files, or end one that is on its way; what it was stays known."""
    exports.delete(by=person(request), project=_project(request, slug), export_id=export_id)


@reads(router, "/projects/{slug}/exports/{export_id}/files/{path:file}", scope=Scope.DATA, file=BYTES)
def download_export_file(request: Asked, slug: Slug, export_id: UUID, file: str) -> HttpResponseBase:
    """Take one file of an export.

    A download that broke off goes on with `Range`, and with the sha256 that `ETag` names as `If-Range`.
    """
    return send_file_of(request, by=person(request), project=_project(request, slug), export_id=export_id, file=file)


def _project(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.EXPORTER)


def _found(project: Project, export_id: UUID) -> Export:
    return Export.objects.select_related("ordered_by").get(project=project, public_id=export_id)


def _export(line: Line) -> ExportOut:
    export = line.export
    progress = None if line.step is None or line.of is None else Progress(step=line.step, of=line.of)
    return ExportOut(
        id=export.public_id,
        format=Format(export.format),
        options=Options(**export.options),
        state=ExportState(export.state),
        failure=line.reason,
        progress=progress,
        digest=export.digest,
        files=[FileOut(**vars(file)) for file in line.files],
        ordered_by=export.ordered_by.username if export.ordered_by else None,
        created_at=export.created_at,
        read_at=line.read_at,
        ready_at=export.ready_at,
        deleted_at=export.deleted_at,
    )
