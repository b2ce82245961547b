"""Projects: begin one, change its settings, write a new version of its guidelines."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Guideline, Project, Role
from accounts.permissions import NotAllowed, project_for
from accounts.project_forms import GuidelineForm, ProjectForm
from accounts.projects import EDITABLE, ChangedMeanwhile, GuidelineRefused, edit_project, fingerprint, write_guideline
from rounds.forms import NewProjectForm
from rounds.queries.deployed import current_deployment
from rounds.queries.registry import choosable, operates_anything
from rounds.services.projects import ProjectRefused, begin_project
from rounds.views.acting import person

VERSIONS_SHOWN = 30


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Begin a project."""
    by = person(request)
    if not operates_anything(by):
        raise NotAllowed("needs to be an operator")
    blank = Project(time_zone=by.time_zone)
    form = NewProjectForm(request.POST or None, instance=blank, registry=choosable(by))
    if request.method == "POST" and form.is_valid():
        wanted = {"guideline": form.cleaned_data["guideline"], "base": form.base_policy()}
        try:
            begun = begin_project(by=by, project=form.save(commit=False), **wanted)
        except ProjectRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(name)s is there. Add prompts next.") % {"name": begun.name})
            return redirect("prompts", begun.slug)
    return render(request, "rounds/project_new.html", {"form": form}, status=400 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The settings of a project."""
    project = project_for(person(request), slug, Role.OPERATOR)
    if request.method != "POST":
        return _page(request, project, ProjectForm(instance=project))
    form = ProjectForm(request.POST, instance=Project.objects.get(pk=project.pk))
    if not form.is_valid():
        return _page(request, project, form, status=400)
    try:
        edit_project(by=person(request), project=project, seen=form.cleaned_data["seen"], changes=form.changes())
    except ChangedMeanwhile:
        return _page(request, project, _over_theirs(request, project), status=409, theirs=_theirs(form, project))
    messages.success(request, _("Settings saved"))
    return redirect("project_settings", slug)


@login_required
@require_POST
def guidelines(request: HttpRequest, slug: str) -> HttpResponse:
    """Write the next version of the guidelines."""
    project = project_for(person(request), slug, Role.OPERATOR)
    form = GuidelineForm(request.POST, label_suffix="")
    status = 400
    if form.is_valid():
        try:
            written = write_guideline(by=person(request), project=project, **form.cleaned_data)
        except GuidelineRefused as refusal:
            form.add_error("text", str(refusal))
        except ChangedMeanwhile:
            form, status = _after_theirs(form, project), 409
        else:
            messages.success(request, _("Version %(version)d holds from now on.") % {"version": written.version})
            return redirect("project_settings", slug)
    return _page(request, project, ProjectForm(instance=project), written=form, status=status)


def _page(
    request: HttpRequest,
    project: Project,
    form: ProjectForm,
    *,
    written: GuidelineForm | None = None,
    theirs: list[tuple[str, Any]] | None = None,
    status: int = 200,
) -> HttpResponse:
    newest = project.guidelines.order_by("-version").first()
    said = {"text": newest.text if newest else "", "after": newest.version if newest else 0}
    # The form's own instance carries what was typed; the page's head says what is kept.
    context = {
        "project": project,
        "form": form,
        "theirs": theirs,
        "guideline_form": written or GuidelineForm(initial=said, label_suffix=""),
        "newest": newest,
        "versions": _earlier(project, newest)[:VERSIONS_SHOWN],
        "deployment": current_deployment(project),
    }
    return render(request, "rounds/project_settings.html", context, status=status)


def _earlier(project: Project, newest: Guideline | None) -> "QuerySet[Guideline]":
    versions = project.guidelines.order_by("-version")
    return versions.filter(version__lt=newest.version) if newest else versions


def _over_theirs(request: HttpRequest, project: Project) -> ProjectForm:
    """What the person typed, to be saved over what somebody else saved: now they have seen it."""
    now = Project.objects.get(pk=project.pk)
    data = request.POST.copy()
    data["seen"] = fingerprint(now, EDITABLE)
    return ProjectForm(data, instance=now)


def _theirs(form: ProjectForm, project: Project) -> list[tuple[str, Any]]:
    """Name and kept value of each setting that differs from what the person typed."""
    now = Project.objects.get(pk=project.pk)
    return [
        (str(form.fields[name].label), getattr(now, name))
        for name, typed in form.changes().items()
        if getattr(now, name) != typed
    ]


def _after_theirs(form: GuidelineForm, project: Project) -> GuidelineForm:
    newest = project.guidelines.order_by("-version").first()
    data = {"text": form.cleaned_data["text"], "after": newest.version if newest else 0}
    again = GuidelineForm(data, label_suffix="")
    again.add_error(
        "text", _("Somebody else wrote a version in the meantime; it stands below. Yours is not saved yet.")
    )
    return again
