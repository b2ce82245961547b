"""Files that come in: bring one, see what it holds, say yes, see it come in. For operators."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import File, Form, Query, Router, Schema
from ninja.files import UploadedFile
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from accounts.models import Project, Role, Scope
from accounts.permissions import project_for
from exchange import tasks
from exchange.api.bell import ring
from exchange.api.bodies import BYTES, body_file
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.prompts import Message
from exchange.api.security import Asked, person
from exchange.import_forms import NAMES
from exchange.import_queries import Line, line_of, lines
from exchange.incoming.recognise import BY_NAME
from exchange.models import Import, ImportState
from exchange.services import imports

router = Router(tags=["Imports"])

_MEANINGS = [name for name, _label in NAMES if name]


def _known(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"one of: {', '.join(BY_NAME)}")
    return name


def _meaning(name: str) -> str:
    if name not in _MEANINGS:
        raise ValueError(f"one of: {', '.join(_MEANINGS)}")
    return name


FormatName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(BY_NAME)})]
Meaning = Annotated[str, AfterValidator(_meaning), Field(json_schema_extra={"enum": _MEANINGS})]
Column = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class How(Schema):
    """What a file is brought as."""

    name: str = Field(
        "", max_length=imports.MOST_NAME, pattern=r"^[^\x00]*$", description="name of the set; empty: the file's"
    )
    format: FormatName | None = Field(None, description="none: whatever its first rows are")
    asked: bool = Field(True, description="policies answer its prompts, and people here may judge them")


class Raw(How):
    """As `How`, with the name that a form would tell."""

    file: str = Field(
        max_length=200,
        pattern=r"^[^\x00-\x1f/\\]+$",
        description="the file's name; its ending tells JSON lines, JSON, CSV, TSV, Parquet and plain lines apart",
    )


class Mapping(Schema):
    """The format of a file, and what its columns are: the file's name of a column to the format's name of it."""

    format: FormatName | None = None
    columns: dict[Column, Meaning] = Field({}, max_length=40)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"columns": {"Frage": "prompt", "Antwort": "completion"}}]}
    )


class Yes(Schema):
    """The word that lets it be written; with bad lines only if they are given up."""

    without_bad: bool = False

    model_config = ConfigDict(json_schema_extra={"examples": [{"without_bad": True}]})


class Found(Schema):
    """What was found in the file: rows, lines that are bad, items that stand in it twice or hold hidden characters."""

    rows: int = 0
    bad: int = 0
    twice: int = 0
    marked: int = 0
    prompts: int = 0
    rankings: int = 0
    slates: int = 0
    demonstrations: int = 0


class Written(Schema):
    """What came in that was new here."""

    items: int = 0
    rankings: int = 0
    demonstrations: int = 0


class BadLine(Schema):
    """One line that cannot be brought in."""

    line: int
    reason: str


class Item(Schema):
    """One prompt of the file with what was said to it. A judgement is tiers of places in `texts`, best first."""

    messages: list[Message]
    texts: list[str]
    judgements: list[list[list[int]]]
    answers: list[str]
    tags: list[str]


class ImportOut(Schema):
    """One import. With a `failure` it waits for somebody; `share` is how much of it is written while it is."""

    id: UUID
    name: str
    file: str
    format: str
    columns: dict[str, str]
    asked: bool
    state: ImportState
    failure: str
    found: Found
    share: float
    written: Written
    ordered_by: str | None
    created_at: datetime
    ended_at: datetime | None


class ImportWhole(ImportOut):
    """One import with the first lines that are bad, the first items, and the names of the file's columns."""

    errors: list[BadLine]
    preview: list[Item]
    file_columns: list[str]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5b0f9c9e-1f3d-4f7e-8a55-0c1f0f5b7a10",
                    "name": "friends",
                    "file": "friends.jsonl",
                    "format": "preference",
                    "columns": {},
                    "asked": True,
                    "state": "ready",
                    "failure": "",
                    "found": {"rows": 3, "bad": 1, "prompts": 2, "rankings": 2},
                    "share": 0.0,
                    "written": {"items": 0, "rankings": 0, "demonstrations": 0},
                    "ordered_by": "olga",
                    "created_at": "2026-11-22T09:00:00Z",
                    "ended_at": None,
                    "errors": [{"line": 2, "reason": "A message is empty."}],
                    "preview": [
                        {
                            "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
                            "texts": ["For protection.", "No idea."],
                            "judgements": [[[0], [1]]],
                            "answers": [],
                            "tags": [],
                        }
                    ],
                    "file_columns": ["prompt", "chosen", "rejected"],
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/imports", scope=Scope.DATA, answer=Page[ImportOut])
def list_imports(request: Asked, slug: Slug, at: Query[At]) -> Page[ImportOut]:
    """A project's imports, newest first."""
    rows = Import.objects.filter(project=_project(request, slug)).select_related("ordered_by")
    return page(rows, at, shape=lambda rows: [ImportOut(**_told(line)) for line in lines(rows)])


@changes(router, "POST", "/projects/{slug}/imports", scope=Scope.DATA, answer=ImportWhole, status=201, apart=True)
def create_import(request: Asked, slug: Slug, how: Form[How], file: File[UploadedFile]) -> ImportWhole:
    """Bring a file as a form sends it; a worker reads it, and nothing is written before `write`.

    A file may have 2 GiB. See `read-as` where it is recognised as something else.
    """
    return _bring(request, slug, how, file.name or "file", file)


@changes(
    router,
    "POST",
    "/projects/{slug}/imports/raw",
    scope=Scope.DATA,
    answer=ImportWhole,
    status=201,
    apart=True,
    body=BYTES,
)
def create_raw_import(request: Asked, slug: Slug, how: Query[Raw]) -> ImportWhole:
    """Bring a file as the body of the request, as it is: the shortest way from a program.

    Otherwise as for a form.
    """
    return _bring(request, slug, how, how.file, body_file(request))


@reads(router, "/projects/{slug}/imports/{import_id}", scope=Scope.DATA, answer=ImportWhole)
def get_import(request: Asked, slug: Slug, import_id: UUID) -> ImportWhole:
    """One import: what was found in the file, line by line what is wrong, and how far it is."""
    return _whole(_project(request, slug), import_id)


@changes(router, "POST", "/projects/{slug}/imports/{import_id}/read-as", scope=Scope.DATA, answer=ImportWhole)
def read_import_as(request: Asked, slug: Slug, import_id: UUID, told: Mapping) -> ImportWhole:
    """Read the file again, as another format or with columns under other names."""
    project = _project(request, slug)
    how = {"format": told.format or "", "columns": told.columns}
    imports.read_as(by=person(request), project=project, import_id=import_id, **how)
    return _rung(project, import_id)


@changes(router, "POST", "/projects/{slug}/imports/{import_id}/write", scope=Scope.DATA, answer=ImportWhole)
def write_import(request: Asked, slug: Slug, import_id: UUID, told: Yes) -> ImportWhole:
    """Let what was read be written: out of sight, until all of it is there."""
    project = _project(request, slug)
    imports.write(by=person(request), project=project, import_id=import_id, without_bad=told.without_bad)
    return _rung(project, import_id)


@changes(router, "POST", "/projects/{slug}/imports/{import_id}/retry", scope=Scope.DATA, answer=ImportWhole)
def retry_import(request: Asked, slug: Slug, import_id: UUID) -> ImportWhole:
    """Let a stopped import go on."""
    project = _project(request, slug)
    imports.retry(by=person(request), project=project, import_id=import_id)
    return _rung(project, import_id)


@changes(router, "POST", "/projects/{slug}/imports/{import_id}/drop", scope=Scope.DATA, answer=ImportWhole)
def drop_import(request: Asked, slug: Slug, import_id: UUID) -> ImportWhole:
    """End an import that nobody has seen; what it wrote is taken away."""
    project = _project(request, slug)
    imports.drop(by=person(request), project=project, import_id=import_id)
    return _rung(project, import_id)


def _bring(request: Asked, slug: str, how: How, file: str, content: Any) -> ImportWhole:
    project = _project(request, slug)
    name, chosen = how.name or file.rpartition(".")[0], {"format": how.format or "", "asked": how.asked}
    row = imports.bring(by=person(request), project=project, name=name, file=file, content=content, **chosen)
    return _rung(project, row.public_id)


def _rung(project: Project, import_id: UUID) -> ImportWhole:
    """The import, after a worker was woken."""
    row = Import.objects.get(project=project, public_id=import_id)
    ring(tasks.bring_in.delay, row.pk)
    return _whole(project, import_id)


def _project(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.OPERATOR)


def _whole(project: Project, import_id: UUID) -> ImportWhole:
    line = line_of(Import.objects.select_related("ordered_by").get(project=project, public_id=import_id))
    report = line.row.report
    return ImportWhole(
        **_told(line),
        errors=[BadLine(line=number, reason=reason) for number, reason in report.get("errors", [])],
        preview=[Item(**item) for item in report.get("preview", [])],
        file_columns=line.columns,
    )


def _told(line: Line) -> dict[str, Any]:
    row, report = line.row, line.row.report
    plain = ("name", "file", "columns", "asked", "state", "failure", "created_at", "ended_at")
    return {
        **{name: getattr(row, name) for name in plain},
        "id": row.public_id,
        "format": report.get("format", row.format),
        "found": {**report, **report.get("counts", {})},
        "share": line.share,
        "written": row.counts,
        "ordered_by": row.ordered_by.username if row.ordered_by else None,
    }
