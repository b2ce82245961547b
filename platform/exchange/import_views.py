"""The imports page: bring a file, see what it holds, say yes, see it come in."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from kombu.exceptions import OperationalError as BrokerDown

from accounts.models import Project, Role, User
from accounts.permissions import project_for
from exchange import tasks
from exchange.import_forms import BringForm, MappingForm
from exchange.import_queries import line_of, lines
from exchange.models import Import, ImportState
from exchange.services import imports
from exchange.services.imports import ImportDeclined
from rounds.queries.board import health
from rounds.store import StoreFull

log = structlog.get_logger()

IMPORTS_A_PAGE = 20


@login_required
@require_GET
def imports_page(request: HttpRequest, slug: str) -> HttpResponse:
    """All imports of a project, and the form that brings a file."""
    return _page(request, _project(request, slug), BringForm())


@login_required
@require_POST
def bring(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a file; a worker reads it, and nothing is written before a person says yes."""
    project = _project(request, slug)
    form = BringForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, project, form, status=400)
    given = form.cleaned_data
    file = given["file"]
    how = {"format": given["format"], "asked": given["asked"]}
    brought = _in_words(
        request,
        lambda: imports.bring(
            by=_person(request),
            project=project,
            name=given["name"] or file.name.rpartition(".")[0],
            file=file.name,
            content=file,
            **how,
        ),
    )
    if brought is None:
        return redirect("imports", slug)
    _ring(brought)
    return redirect("import", slug, brought.public_id)


@login_required
@require_GET
def detail(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    """One import: what was found in the file, and what may be done."""
    project = _project(request, slug)
    row = _import(project, import_id)
    line = line_of(row)
    form = MappingForm(columns=line.columns, kept=row) if row.state == ImportState.READY or row.failure else None
    context = {"project": project, "line": line, "row": row, "form": form, "health": health()}
    return render(request, "exchange/import.html", context)


@login_required
@require_POST
def read_as(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    """Read the file again, with columns under other names or as another format."""
    project = _project(request, slug)
    row = _import(project, import_id)
    form = MappingForm(request.POST, columns=line_of(row).columns, kept=row)
    if not form.is_valid():
        messages.error(request, _("These choices make no sense together."))
        return redirect("import", slug, import_id)
    how = {"format": form.cleaned_data["format"], "columns": form.mapping()}
    return _done(
        request, row, lambda: imports.read_as(by=_person(request), project=project, import_id=import_id, **how)
    )


@login_required
@require_POST
def write(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    """Say yes to what was read."""
    project = _project(request, slug)
    row, given_up = _import(project, import_id), request.POST.get("without_bad") == "yes"
    return _done(
        request,
        row,
        lambda: imports.write(by=_person(request), project=project, import_id=import_id, without_bad=given_up),
    )


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    """Let a stopped import go on."""
    project = _project(request, slug)
    row = _import(project, import_id)
    return _done(request, row, lambda: imports.retry(by=_person(request), project=project, import_id=import_id))


@login_required
@require_POST
def drop(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    """End an import that nobody has seen."""
    project = _project(request, slug)
    _import(project, import_id)
    _in_words(request, lambda: imports.drop(by=_person(request), project=project, import_id=import_id))
    return redirect("imports", slug)


def _page(request: HttpRequest, project: Project, form: BringForm, status: int = 200) -> HttpResponse:
    rows = project.imports.select_related("ordered_by").order_by("-created_at", "-pk")
    page = Paginator(rows, IMPORTS_A_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "form": form, "health": health(), "page": page, "lines": lines(page)}
    return render(request, "exchange/imports.html", context, status=status)


def _project(request: HttpRequest, slug: str) -> Project:
    return project_for(_person(request), slug, Role.OPERATOR)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


def _import(project: Project, import_id: UUID) -> Import:
    found = Import.objects.select_related("project", "ordered_by").filter(project=project, public_id=import_id).first()
    if found is None:
        raise Http404(f"no import {import_id} in this project")
    return found


def _done(request: HttpRequest, row: Import, verb: Callable[[], Any]) -> HttpResponse:
    _in_words(request, verb)
    _ring(row)
    return redirect("import", row.project.slug, row.public_id)


def _in_words(request: HttpRequest, verb: Callable[[], Any]) -> Any:
    try:
        return verb()
    except ImportDeclined as reason:
        messages.error(request, str(reason))
    except StoreFull:
        messages.error(request, _("No space is left on the disk that holds the data. Make room, then try again."))
    return None


def _ring(row: Import) -> None:
    """Wake a worker at once. Where the broker is away, the next tick finds the same work."""
    try:
        tasks.bring_in.delay(row.pk)
    except BrokerDown as error:
        log.warning("broker does not answer", error=str(error))
