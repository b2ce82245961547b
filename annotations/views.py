"""The labeler's pages: home, rank, demonstrate, skip."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.consents import ConsentOwed
from accounts.models import Role, User
from accounts.permissions import project_for
from accounts.submissions import KeyReused
from annotations import queries
from annotations.choices import Kind, SkipReason
from annotations.forms import RATING_WORDS, DemonstrationForm, Flag, RankingForm, SkipForm, answers_of
from annotations.models import Assignment
from annotations.services import work
from annotations.services.demonstrations import submit_demonstration
from annotations.services.rankings import BadRanking, submit_ranking
from annotations.services.texts import BadMessages


@login_required
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    desks = queries.desks(person)
    operates = any(desk.role == Role.OPERATOR for desk in desks)
    context = {"desks": desks, "ended": queries.ended(person), "operates": operates}
    return render(request, "annotations/home.html", context)


# Lending answers GET: it resumes what the person holds, so a reload or a prefetch takes nothing more.
@login_required
@never_cache
@require_safe
def rank_next(request: HttpRequest, slug: str) -> HttpResponse:
    return _lend(request, slug, Kind.RANK)


@login_required
@never_cache
@require_safe
def demonstrate_next(request: HttpRequest, slug: str) -> HttpResponse:
    return _lend(request, slug, Kind.DEMONSTRATE)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rank(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = _held(request, assignment_id, Kind.RANK)
    if _must_warn(request, assignment):
        return _warning(request, assignment)
    page = queries.slate_page(assignment)
    form = RankingForm(request.POST if request.method == "POST" else None, page=page)
    if form.is_valid():
        try:
            submit_ranking(by=_person(request), assignment_id=assignment_id, **form.arguments())
            return _onwards(request, page.assignment, _("Ranking submitted"))
        except BadRanking as error:
            form.add_error("order", str(error))
        except KeyReused:
            return render(request, "409.html", status=409)
    shown = _desk(page.assignment) | {"page": page, "form": form, "answers": answers_of(form)}
    shown |= {"rating_words": RATING_WORDS, "flags": Flag}
    return render(request, "annotations/rank.html", shown, status=400 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def demonstrate(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = _held(request, assignment_id, Kind.DEMONSTRATE)
    if _must_warn(request, assignment):
        return _warning(request, assignment)
    form = _demonstration_form(request, assignment)
    asked = request.POST.get("do", "submit")
    if asked == "submit" and form.is_valid():
        given = {"messages": form.messages(), "making": form.cleaned_data["making"], "key": form.cleaned_data["key"]}
        try:
            submit_demonstration(by=_person(request), assignment_id=assignment_id, **given)
            return _onwards(request, assignment, _("Answer submitted"))
        except BadMessages as error:
            form.add_error(None, str(error))
        except KeyReused:
            return render(request, "409.html", status=409)
    failed = asked == "submit" and bool(form.errors)
    shown = _desk(assignment) | {"form": form, "failed": failed, "guideline": queries.guideline_of(assignment.project)}
    return render(request, "annotations/demonstrate.html", shown, status=400 if failed else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def skip(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = queries.assignment_of(_person(request), assignment_id)
    form = SkipForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "annotations/skip.html", _desk(assignment) | {"form": form}, status=status)
    try:
        work.skip(by=_person(request), assignment_id=assignment_id, reason=form.cleaned_data["reason"])
    except work.NothingToSkip:
        # A second click on Skip, or an answer in another window: what happened first stands.
        return _onwards(request, assignment, _("This question was already answered or given back"))
    return _onwards(request, assignment, _("Skipped. Somebody else gets this question"))


def _person(request: HttpRequest) -> User:
    assert request.user.is_authenticated
    return request.user


def _held(request: HttpRequest, assignment_id: UUID, kind: Kind) -> Assignment:
    assignment = queries.assignment_of(_person(request), assignment_id)
    if assignment.kind != kind:
        raise Http404(f"assignment {assignment_id} is another kind of work")
    return assignment


def _must_warn(request: HttpRequest, assignment: Assignment) -> bool:
    # An answer that was sent is never held back by a question.
    return assignment.prompt.sensitive and request.method != "POST" and "show" not in request.GET


def _warning(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """A page of its own: what may upset is not even in the source before the person asks for it."""
    shown = {"assignment": assignment, "project": assignment.project, "skip_reasons": SkipReason.choices}
    return render(request, "annotations/warning.html", shown)


def _lend(request: HttpRequest, slug: str, kind: Kind) -> HttpResponse:
    person = _person(request)
    project = project_for(person, slug, Role.LABELER)
    try:
        assignment = work.lend_work(to=person, project=project, kind=kind)
    except ConsentOwed:
        return redirect(f"{reverse('consent', args=[slug])}?{urlencode({'next': request.path})}")
    if assignment:
        return redirect(kind.value, assignment.public_id)
    other = Kind.DEMONSTRATE if kind == Kind.RANK else Kind.RANK
    shown = {"project": project, "kind": kind.value, "other_waits": queries.waits_for(person, project, other)}
    return render(request, "annotations/empty.html", shown)


def _onwards(request: HttpRequest, assignment: Assignment, said: str) -> HttpResponse:
    # The next page tells the browser that its own draft of this assignment is no longer needed.
    messages.success(request, said, extra_tags=str(assignment.public_id))
    return redirect(f"{assignment.kind}_next", assignment.project.slug)


def _demonstration_form(request: HttpRequest, assignment: Assignment) -> DemonstrationForm:
    if request.method != "POST":
        before = queries.current_demonstration(assignment)
        return DemonstrationForm(turns=[turn["content"] for turn in before.messages] if before else [""])
    form = DemonstrationForm(request.POST)
    changes = {"continue": form.go_on, "take_back": form.take_back}
    if change := changes.get(request.POST.get("do", "")):
        change()
    return form


def _desk(assignment: Assignment) -> dict[str, Any]:
    *earlier, last = assignment.prompt.messages
    return {
        "assignment": assignment,
        "project": assignment.project,
        "earlier": earlier,
        "question": last["content"],
        "skip_reasons": SkipReason.choices,
    }
