"""What an operator sets for a project: how one begins, its settings, its guidelines, and what they came to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from accounts.models import Guideline, Project, Role, Scope, User
from accounts.permissions import NotAllowed, project_for
from accounts.project_forms import MOST_DEMONSTRATIONS, MOST_OVERLAP, MOST_STOCK, ProjectForm
from accounts.projects import EDITABLE, LONGEST_GUIDELINE, edit_project, fingerprint, write_guideline
from exchange.api.before import CoverOut, cover
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.operating import Seen
from exchange.api.paging import At, Page, page
from exchange.api.problems import Problem
from exchange.api.security import Asked, person
from rounds.forms import NewProjectForm
from rounds.queries.coverage import coverage
from rounds.queries.registry import choosable, operates_anything
from rounds.services.projects import begin_project

router = Router(tags=["Projects"])

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Text = Annotated[str, Field(max_length=LONGEST_GUIDELINE, pattern=r"^[^\x00]*$")]


class SettingsIn(Schema):
    """What is asked of labelers and how much. A setting that is left out, or null, stays as it is."""

    name: Name | None = None
    time_zone: str | None = Field(None, max_length=50, pattern=r"^[^\x00]*$")
    content_warning: str | None = Field(None, max_length=1000, pattern=r"^[^\x00]*$")
    k: int | None = Field(None, ge=2, le=9)
    overlap: int | None = Field(None, ge=1, le=MOST_OVERLAP)
    partial_order: bool | None = None
    asks_ratings: bool | None = None
    asks_flags: bool | None = None
    asks_cut: bool | None = None
    asks_note: bool | None = None
    demonstrations_wanted: int | None = Field(None, ge=0, le=MOST_DEMONSTRATIONS)
    stock_target: int | None = Field(None, ge=0, le=MOST_STOCK)

    def said(self) -> dict[str, Any]:
        """The settings that were sent."""
        return self.model_dump(include=set(EDITABLE), exclude_none=True)


class ChangeIn(SettingsIn):
    """Settings to write over those that were seen."""

    seen: Seen

    model_config = ConfigDict(json_schema_extra={"examples": [{"seen": "3f0c2a9b11d04e5f", "overlap": 2}]})


class ProjectIn(SettingsIn):
    """A project to begin; you are its operator. `base`: the policy that writes its first completions."""

    slug: str = Field(pattern=r"^[-a-zA-Z0-9_]+$", min_length=1, max_length=50)
    name: Name
    guideline: Text = ""
    base: UUID | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"slug": "newts", "name": "Newts", "k": 4}]})


# The same in every example, so that none falls behind.
SHOWN: JsonDict = {
    "time_zone": "UTC",
    "content_warning": "",
    "k": 4,
    "overlap": 1,
    "partial_order": False,
    "asks_ratings": True,
    "asks_flags": True,
    "asks_cut": True,
    "asks_note": True,
}


class ProjectShown(Schema):
    """What every member sees of a project's settings."""

    slug: str
    name: str
    time_zone: str
    content_warning: str
    k: int
    overlap: int
    partial_order: bool
    asks_ratings: bool
    asks_flags: bool
    asks_cut: bool
    asks_note: bool


class SettingsOut(ProjectShown):
    """All settings of a project. `seen`: what the next change is made after."""

    demonstrations_wanted: int
    stock_target: int
    seen: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **SHOWN,
                    "slug": "newts",
                    "name": "Newts",
                    "demonstrations_wanted": 1,
                    "stock_target": 40,
                    "seen": "3f0c2a9b11d04e5f",
                }
            ]
        }
    )


class BaseOut(Schema):
    """A policy that a new project may begin with."""

    id: UUID
    name: str
    project: str
    digest: str


class BasesOut(Schema):
    """The policies that a new project may begin with."""

    items: list[BaseOut]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa",
                            "name": "base",
                            "project": "turtles",
                            "digest": "9f2c",
                        }
                    ]
                }
            ]
        }
    )


class GuidelineIn(Schema):
    """The next version, written after version `after` (0: there is none)."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_GUIDELINE, pattern=r"^[^\x00]*$")]
    after: int = Field(ge=0, le=2**31 - 1)

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "# Truth\n\nPrefer what is true.", "after": 3}]})


class VersionOut(Schema):
    """One version of the guidelines."""

    version: int
    text: str
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": 4, "text": "# Truth", "created_at": "2026-11-20T10:00:00Z"}],
        }
    )


class TagCover(CoverOut):
    """The coverage of one tag or split."""

    name: str


class CoverageOut(Schema):
    """How much of what is asked has been answered by people: in all, by split, and by the tags that are used most."""

    whole: CoverOut
    splits: list[TagCover]
    tags: list[TagCover]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "whole": {"prompts": 300, "ranked": 240, "reached": 190, "demonstrated": 60, "demonstrable": 239},
                    "splits": [],
                    "tags": [],
                }
            ]
        }
    )


@reads(router, "/base-policies", answer=BasesOut)
def list_base_policies(request: Asked) -> BasesOut:
    """The policies that a new project of yours may begin with: those of the projects that you operate."""
    found = choosable(person(request))
    return BasesOut(
        items=[BaseOut(id=row.public_id, name=row.name, project=row.project.slug, digest=row.digest) for row in found]
    )


@reads(router, "/projects/{slug}/settings", answer=SettingsOut)
def get_settings(request: Asked, slug: Slug) -> SettingsOut:
    """All settings of a project, for its operators."""
    return _settings(project_for(person(request), slug, Role.OPERATOR))


@changes(router, "PATCH", "/projects/{slug}/settings", scope=Scope.OPERATE, answer=SettingsOut)
def change_settings(request: Asked, slug: Slug, told: ChangeIn) -> SettingsOut:
    """Change settings that were seen; somebody else's change in between is not overwritten (409)."""
    by, project = person(request), project_for(person(request), slug, Role.OPERATOR)
    form = ProjectForm({**_filled(project), **told.said()}, instance=Project.objects.get(pk=project.pk))
    edit_project(by=by, project=project, seen=told.seen, changes=_read(form).changes())
    ring()
    return _settings(Project.objects.get(pk=project.pk))


@changes(router, "POST", "/projects/{slug}/guidelines", scope=Scope.OPERATE, answer=VersionOut, status=201)
def publish_guideline(request: Asked, slug: Slug, told: GuidelineIn) -> VersionOut:
    """Write the next version of the guidelines; earlier ones stay as they are."""
    by, project = person(request), project_for(person(request), slug, Role.OPERATOR)
    return _version(write_guideline(by=by, project=project, text=told.text, after=told.after))


@reads(router, "/projects/{slug}/guidelines/versions", answer=Page[VersionOut])
def list_guideline_versions(request: Asked, slug: Slug, at: Query[At]) -> Page[VersionOut]:
    """Every version of the guidelines, newest first, for operators."""
    project = project_for(person(request), slug, Role.OPERATOR)
    return page(project.guidelines.all(), at, shape=lambda rows: [_version(each) for each in rows])


@reads(router, "/projects/{slug}/coverage", answer=CoverageOut)
def get_coverage(request: Asked, slug: Slug) -> CoverageOut:
    """How much of what is asked has been answered by people, for operators."""
    found = coverage(project_for(person(request), slug, Role.OPERATOR))
    splits, tags = ([TagCover(**vars(each)) for each in part] for part in (found.splits, found.tags))
    return CoverageOut(whole=cover(found.whole), splits=splits, tags=tags)


def begun(by: User, told: ProjectIn) -> SettingsOut:
    """Begin a project, for who operates one already."""
    if not operates_anything(by):
        raise NotAllowed("needs to be an operator")
    registry = choosable(by)
    base = next((policy for policy in registry if policy.public_id == told.base), None)
    if told.base and base is None:
        raise Problem("invalid", "This policy is not among those that a project may begin with.")
    blank = Project(time_zone=by.time_zone)
    filled = {**_filled(blank), **told.said(), "slug": told.slug, "guideline": told.guideline}
    form = NewProjectForm(filled | {"base": str(base.pk) if base else ""}, instance=blank, registry=registry)
    project = _read(form).save(commit=False)
    return _settings(begin_project(by=by, project=project, guideline=told.guideline, base=base))


def _filled(project: Project) -> Mapping[str, Any]:
    """A project's settings as its form would send them."""
    return {name: getattr(project, name) for name in EDITABLE}


def _read(form: Any) -> Any:
    """The form, if all of it is good; what is wrong is said field by field, as the page does."""
    if not form.is_valid():
        faults = [{"location": f"body.{name}", "message": said[0]} for name, said in form.errors.items()]
        raise Problem("invalid", "See errors: each names a place and what is wrong there.", faults)
    return form


def _settings(project: Project) -> SettingsOut:
    plain = {name: getattr(project, name) for name in ("slug", *EDITABLE)}
    return SettingsOut(**plain, seen=fingerprint(project, EDITABLE))


def _version(row: Guideline) -> VersionOut:
    return VersionOut(version=row.version, text=row.text, created_at=row.created_at)
