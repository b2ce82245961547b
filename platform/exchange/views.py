"""The exports page: order a data set, see how far it is, take its files, delete it."""

from collections.abc import Callable
from typing import TypeVar, cast
from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from kombu.exceptions import OperationalError as BrokerDown

from accounts.models import Project, Role, User
from accounts.permissions import project_for
from exchange import queries, tasks
from exchange.forms import GROUPS, WORDS, OrderForm
from exchange.models import Export
from exchange.served import send_file_of
from exchange.services import exports
from exchange.services.exports import ExportRefused
from rounds.queries.board import health

log = structlog.get_logger()

EXPORTS_A_PAGE = 20

Result = TypeVar("Result")


@login_required
@require_GET
def exports_page(request: HttpRequest, slug: str) -> HttpResponse:
    """All exports of a project, and the form that orders one."""
    return _page(request, project := _project(request, slug), OrderForm(project=project))


@login_required
@require_POST
def order(request: HttpRequest, slug: str) -> HttpResponse:
    """Order an export; a worker writes it."""
    project = _project(request, slug)
    form = OrderForm(request.POST, project=project)
    if not form.is_valid():
        return _page(request, project, form, status=400)
    by, format, options = _person(request), form.cleaned_data["format"], form.options()
    return _rung(request, slug, lambda: exports.order(by=by, project=project, format=format, options=options))


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, export_id: UUID) -> HttpResponse:
    """Let a stopped export be written again."""
    project, by = _project(request, slug), _person(request)
    return _rung(request, slug, lambda: exports.retry(by=by, project=project, export_id=export_id))


@login_required
@require_POST
def delete(request: HttpRequest, slug: str, export_id: UUID) -> HttpResponse:
    """Delete an export's files; its row stays."""
    project, by = _project(request, slug), _person(request)
    _refused_in_words(request, lambda: exports.delete(by=by, project=project, export_id=export_id))
    return redirect("exports", slug)


@login_required
@require_GET
def download(request: HttpRequest, slug: str, export_id: UUID, file: str) -> HttpResponseBase:
    """Send one file of an export, and write down who took it."""
    project = _project(request, slug)
    return send_file_of(request, by=_person(request), project=project, export_id=export_id, file=file)


def _page(request: HttpRequest, project: Project, form: OrderForm, status: int = 200) -> HttpResponse:
    page = Paginator(queries.exports_of(project), EXPORTS_A_PAGE).get_page(request.GET.get("page"))
    lines = queries.lines(page)
    context = {
        "project": project,
        "form": form,
        "groups": [(title, [(each.value, each.label, WORDS[each]) for each in group]) for title, group in GROUPS],
        "health": health(),
        "page": page,
        "lines": lines,
        "on_its_way": any(line.on_its_way for line in lines),
    }
    return render(request, "exchange/exports.html", context, status=status)


def _project(request: HttpRequest, slug: str) -> Project:
    return project_for(_person(request), slug, Role.EXPORTER)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


def _rung(request: HttpRequest, slug: str, verb: Callable[[], Export]) -> HttpResponse:
    """Do `verb` and wake a worker at once. Where the broker is away, the next tick finds the same work."""
    export = _refused_in_words(request, verb)
    if export is not None:
        try:
            tasks.write.delay(export.pk)
        except BrokerDown as error:
            log.warning("broker does not answer", error=str(error))
    return redirect("exports", slug)


def _refused_in_words(request: HttpRequest, verb: Callable[[], Result]) -> Result | None:
    """Do `verb`; where it is refused, say why on the next page and return None."""
    try:
        return verb()
    except ExportRefused as refusal:
        messages.error(request, str(refusal))
    except Export.DoesNotExist as error:
        raise Http404 from error
    return None
