"""The prompts of a project: what people and policies are asked, how far it is covered, and changes to it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Project, Role
from accounts.permissions import project_for
from annotations.queries.waiting import stock
from annotations.services import asking
from annotations.services.prompts import add_prompts
from rounds.prompt_forms import AddPromptsForm, ChosenForm, FilterForm
from rounds.queries.board import health
from rounds.queries.coverage import coverage
from rounds.queries.deployed import current_deployment
from rounds.queries.prompts import page_of
from rounds.queries.sampling import standing_stage
from rounds.views.acting import Person, person, ring

# More than this is said as "more than": counting on would read them all.
MOST_COUNTED = 10_000


@login_required
@require_GET
def prompts(request: HttpRequest, slug: str) -> HttpResponse:
    """The list, its coverage, and the form that adds to it."""
    return _page(request, project_for(person(request), slug, Role.OPERATOR), AddPromptsForm(label_suffix=""))


@login_required
@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a batch: all of it, or nothing and the line that is wrong."""
    project = project_for(person(request), slug, Role.OPERATOR)
    form = AddPromptsForm(request.POST, request.FILES, label_suffix="")
    if not form.is_valid():
        return _page(request, project, form, status=400)
    rows = form.cleaned_data["rows"]
    added = add_prompts(by=person(request), project=project, rows=rows)
    ring()
    messages.success(request, _added_in_words(added, len(rows) - added))
    return redirect("prompts", slug)


@login_required
@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Retire the ticked prompts, bring them back, or give them another priority."""
    project = project_for(person(request), slug, Role.OPERATOR)
    form = ChosenForm(request.POST)
    if form.is_valid():
        messages.success(request, _changed(person(request), project, form))
        ring()
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    back = QueryDict(request.POST.get("query", "")).urlencode()
    return redirect(reverse("prompts", args=[slug]) + (f"?{back}" if back else ""))


def _changed(by: Person, project: Project, form: ChosenForm) -> str:
    ids, do = form.cleaned_data["prompt"], form.cleaned_data["do"]
    if do == "priority":
        count = asking.set_priority(by=by, project=project, ids=ids, priority=form.cleaned_data["priority"])
        words = ngettext("%(count)d priority changed.", "%(count)d priorities changed.", count)
    elif do == "retire":
        count = asking.retire(by=by, project=project, ids=ids)
        words = ngettext("%(count)d prompt retired.", "%(count)d prompts retired.", count)
    else:
        count = asking.bring_back(by=by, project=project, ids=ids)
        words = ngettext("%(count)d prompt is asked again.", "%(count)d prompts are asked again.", count)
    return words % {"count": count}


def _added_in_words(added: int, known: int) -> str:
    said = ngettext("%(count)d prompt added.", "%(count)d prompts added.", added) % {"count": added}
    if not known:
        return said
    there = ngettext("%(count)d was there already.", "%(count)d were there already.", known) % {"count": known}
    return f"{said} {there}"


def _page(request: HttpRequest, project: Project, form: AddPromptsForm, status: int = 200) -> HttpResponse:
    narrowed = FilterForm({"state": "asked", **request.GET.dict()}, label_suffix="")
    older = request.GET.copy()
    page = page_of(project, narrowed.filters(), before=narrowed.key())
    older["before"] = str(page.older)
    waiting = stock(project, most=MOST_COUNTED + 1)
    context = {
        "project": project,
        "form": form,
        "filters": narrowed,
        "narrowed": bool(request.GET.get("tag") or request.GET.get("text") or request.GET.get("state")),
        "page": page,
        "query": request.GET.urlencode(),
        "older_query": older.urlencode(),
        # It reads every answer there is, so only the list's first page shows it; a mistake comes before all figures.
        "coverage": None if narrowed.key() or form.errors else coverage(project),
        "waiting": min(waiting, MOST_COUNTED),
        "more_wait": waiting > MOST_COUNTED,
        "deployment": current_deployment(project),
        "sampling": standing_stage(project),
        "health": health(),
        "priority_field": ChosenForm()["priority"],
    }
    return render(request, "rounds/prompts.html", context, status=status)
