"""The reviewers' pages: what people gave, a remark to who gave it, and what too many people skipped."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Project, Role
from accounts.permissions import memberships_of, project_for
from accounts.submissions import KeyReused
from annotations.choices import Kind
from annotations.forms.answers import AnswersFilter, DecisionForm, RemarkForm
from annotations.queries.answers import demonstrations_page, rankings_page
from annotations.queries.skips import skips_page, undecided
from annotations.services import reviewing
from annotations.services.remarks import BadRemark, leave_remark
from annotations.views.acting import person


@login_required
@never_cache
@require_safe
def answers(request: HttpRequest, slug: str) -> HttpResponse:
    project = _reviewed(request, slug)
    form = AnswersFilter(request.GET, label_suffix="")
    asked = form.narrowed_to()
    kind = asked.pop("kind", Kind.RANK)
    page = (rankings_page if kind == Kind.RANK else demonstrations_page)(project, **asked)
    older = request.GET.copy()
    older["before"] = str(page.older)
    shown = {"project": project, "filters": form, "page": page, "narrowed": bool(asked)}
    shown |= {"query": request.GET.urlencode(), "older_query": older.urlencode()}
    return render(request, "annotations/answers.html", shown)


@login_required
@require_POST
def remark(request: HttpRequest, slug: str, assignment_id: UUID) -> HttpResponse:
    project = _reviewed(request, slug)
    form = RemarkForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    try:
        leave_remark(by=person(request), project=project, assignment_id=assignment_id, **form.cleaned_data)
        messages.success(request, _("The labeler finds your remark on their home page."))
    except BadRemark as error:
        messages.error(request, str(error))
    except KeyReused:
        return render(request, "409.html", status=409)
    return redirect(f"{_back(request, 'answers', slug)}#a-{assignment_id}")


@login_required
@never_cache
@require_safe
def skips(request: HttpRequest, slug: str) -> HttpResponse:
    project = _reviewed(request, slug)
    before = request.GET.get("before", "")
    page = skips_page(project, before=int(before) if before.isdecimal() and len(before) < 19 else None)
    operates = memberships_of(person(request)).filter(project=project, role=Role.OPERATOR).exists()
    shown = {"project": project, "page": page, "operates": operates}
    if not before:
        shown["undecided"] = undecided(project)
    return render(request, "annotations/skips.html", shown)


@login_required
@require_POST
def decide(request: HttpRequest, slug: str) -> HttpResponse:
    project = _reviewed(request, slug)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    try:
        messages.success(request, _decided(request, project, **form.cleaned_data))
    except reviewing.DecidedBefore as error:
        messages.error(request, str(error))
    return redirect("skips", slug)


def _decided(request: HttpRequest, project: Project, *, kind: str, about: UUID, do: str) -> str:
    reviewing.decide(by=person(request), project=project, kind=kind, about=about, again=do == "ask_again")
    return _("It is asked again.") if do == "ask_again" else _("It is asked no more. What people said stays.")


def _reviewed(request: HttpRequest, slug: str) -> Project:
    """The project, for its reviewers and operators. Raises Http404 for strangers, NotAllowed for other members."""
    return project_for(person(request), slug, Role.REVIEWER)


def _back(request: HttpRequest, name: str, slug: str) -> str:
    query = QueryDict(request.POST.get("query", "")).urlencode()
    return reverse(name, args=[slug]) + (f"?{query}" if query else "")
