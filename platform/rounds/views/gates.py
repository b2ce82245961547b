"""The gates of a project: where their lines are drawn, what the last rounds measured, and the safety prompts."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Project
from accounts.projects import ChangedMeanwhile
from rounds.gate_forms import GatesForm
from rounds.queries.access import operated_project
from rounds.queries.gate_rules import gate_lines, rules_of
from rounds.queries.safety import sources_of
from rounds.services.gate_rules import RulesRefused, set_rules
from rounds.services.safety import OWN, add_safety_prompts, own_set, remove_safety_prompts
from rounds.views.acting import person


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def gates(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of the gates."""
    project = operated_project(person(request), slug)
    form = GatesForm(request.POST if request.method == "POST" else None, rules=rules_of(project))
    status = 400 if form.errors else 200
    if form.is_valid():
        seen = form.cleaned_data["seen"]
        try:
            changed = set_rules(by=person(request), project=project, seen=seen, wanted=form.wanted())
        except RulesRefused as refusal:
            form.add_error(None, str(refusal))
            status = 400
        except ChangedMeanwhile:
            messages.error(request, _("Somebody else changed the gates in the meantime. This is how they stand."))
            return redirect("gates", slug)
        else:
            messages.success(request, _saved(len(changed)))
            return redirect("gates", slug)
    return _page(request, project, form, status)


@login_required
@require_POST
def add_safety(request: HttpRequest, slug: str) -> HttpResponse:
    """Bring in the set of safety prompts that ships."""
    project = operated_project(person(request), slug)
    added = add_safety_prompts(by=person(request), project=project, source=OWN, rows=own_set())
    said = ngettext("%(count)d safety prompt added.", "%(count)d safety prompts added.", added)
    messages.success(request, said % {"count": added})
    return redirect("gates", slug)


@login_required
@require_POST
def remove_safety(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the safety prompts of one source out."""
    project = operated_project(person(request), slug)
    source = request.POST.get("source", "")
    removed = remove_safety_prompts(by=person(request), project=project, source=source)
    said = ngettext("%(count)d safety prompt taken out.", "%(count)d safety prompts taken out.", removed)
    messages.success(request, said % {"count": removed})
    return redirect("gates", slug)


def _saved(changed: int) -> str:
    said = ngettext(
        "%(count)d gate changed, from the next verdict on.",
        "%(count)d gates changed, from the next verdict on.",
        changed,
    )
    return said % {"count": changed} if changed else _("Nothing was changed.")


def _page(request: HttpRequest, project: Project, form: GatesForm, status: int) -> HttpResponse:
    lines = [{"gate": line, **form.fields_of(line.name)} for line in gate_lines(project, rules_of(project))]
    sources = sources_of(project)
    context = {
        "project": project,
        "form": form,
        "lines": lines,
        "sources": sources,
        "own_missing": OWN not in {source.name for source in sources},
    }
    return render(request, "rounds/gates.html", context, status=status)
