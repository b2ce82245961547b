"""The projects of the person, and what one of them asks of its labelers."""

from datetime import datetime

from django.db.models import Max
from ninja import Query, Router
from pydantic import ConfigDict

from accounts.models import Membership, Role, Scope
from accounts.permissions import memberships_of, project_for
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.paging import At, Page, page
from exchange.api.people import PlaceOut
from exchange.api.security import Asked, person
from exchange.api.settings import SHOWN, ProjectIn, ProjectShown, SettingsOut, begun

router = Router(tags=["Projects"])


class ProjectOut(ProjectShown):
    """A project's settings. K is how many completions a slate has, overlap how many people rank each."""

    created_at: datetime
    guideline_version: int | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **SHOWN,
                    "slug": "turtles",
                    "name": "Turtles",
                    "created_at": "2026-11-01T08:00:00Z",
                    "guideline_version": 3,
                }
            ]
        }
    )


@reads(router, "/projects", answer=Page[PlaceOut])
def list_projects(request: Asked, at: Query[At]) -> Page[PlaceOut]:
    """The projects that the person is in, the one they joined last first."""
    rows = memberships_of(person(request)).select_related("project")
    return page(rows, at, shape=lambda rows: [_place(row) for row in rows])


@changes(router, "POST", "/projects", scope=Scope.OPERATE, answer=SettingsOut, status=201, apart=True)
def create_project(request: Asked, told: ProjectIn) -> SettingsOut:
    """Begin a project, for who operates one already; you are its operator."""
    return begun(person(request), told)


@reads(router, "/projects/{slug}", answer=ProjectOut)
def get_project(request: Asked, slug: Slug) -> ProjectOut:
    """One project's settings, for all its members."""
    project = project_for(person(request), slug)
    newest = project.guidelines.aggregate(newest=Max("version"))["newest"]
    shown = {name: getattr(project, name) for name in ProjectOut.model_fields if name != "guideline_version"}
    return ProjectOut(**shown, guideline_version=newest)


def _place(row: Membership) -> PlaceOut:
    return PlaceOut(slug=row.project.slug, name=row.project.name, role=Role(row.role))
