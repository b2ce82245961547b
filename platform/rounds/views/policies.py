"""The registry of policies: all of a project's, one with its lineage, its model card, and two side by side."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Project
from annotations.models import Policy
from rounds.archive import folder_name
from rounds.queries.access import operates, project_of
from rounds.queries.card import body_of, card_of
from rounds.queries.compared import Comparison, answers_of, compare, figures
from rounds.queries.lineage import lineage_of
from rounds.queries.policies import against_chance, lines
from rounds.queries.registry import policies_of, policy_of
from rounds.queries.verdicts import verdicts_of
from rounds.views.acting import person
from trainer.manifest import ManifestError

POLICIES_A_PAGE = 20
PROMPTS_A_PAGE = 10


@login_required
@require_GET
def policies(request: HttpRequest, slug: str) -> HttpResponse:
    """Every policy of a project, newest first."""
    project = project_of(person(request), slug)
    page = Paginator(policies_of(project), POLICIES_A_PAGE).get_page(request.GET.get("page"))
    found = lines(project, list(page))
    context = {
        "project": project,
        "page": page,
        "lines": found,
        "mixed": any(line.preferred for line in found),
        "choices": policies_of(project),
        "operates": operates(person(request), project),
    }
    return render(request, "rounds/policies.html", context)


@login_required
@require_GET
def policy(request: HttpRequest, slug: str, policy_id: UUID) -> HttpResponse:
    """One policy: what it came from and what came of it."""
    project = project_of(person(request), slug)
    found = lineage_of(policy_of(project, policy_id))
    tried = found.part.round if found.part and found.part.role == "after" else None
    context = {
        "project": project,
        "found": found,
        "policy": found.policy,
        "making": found.making,
        "wins": against_chance(found.part.wins) if found.part else None,
        "verdicts": verdicts_of(tried) if tried else [],
        "others": policies_of(project).exclude(pk=found.policy.pk),
        "operates": operates(person(request), project),
    }
    return render(request, "rounds/policy.html", context)


@login_required
@require_GET
def card(request: HttpRequest, slug: str, policy_id: UUID) -> HttpResponse:
    """The model card as people read it."""
    project = project_of(person(request), slug)
    found = policy_of(project, policy_id)
    front, body = body_of(card_of(found))
    return render(request, "rounds/card.html", {"project": project, "policy": found, "front": front, "body": body})


@login_required
@require_GET
def card_file(request: HttpRequest, slug: str, policy_id: UUID) -> HttpResponse:
    """The model card as a file."""
    found = policy_of(project_of(person(request), slug), policy_id)
    response = HttpResponse(card_of(found), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{folder_name(slug, found.name)}-card.md"'
    return response


@login_required
@require_GET
def compared(request: HttpRequest, slug: str) -> HttpResponse:
    """Two policies side by side."""
    project = project_of(person(request), slug)
    a, b = (_asked(request, project, side) for side in ("a", "b"))
    context: dict[str, Any] = {"project": project, "choices": policies_of(project), "a": a, "b": b}
    if a and b and a != b:
        comparison = compare(a, b)
        context |= {"found": comparison, "figures": figures(comparison), **_answers(request, comparison)}
    return render(request, "rounds/policies_compared.html", context)


def _asked(request: HttpRequest, project: Project, side: str) -> Policy | None:
    """The policy that the address names; None where it names none. Raises Http404."""
    text = request.GET.get(side, "")
    try:
        return policy_of(project, UUID(text)) if text else None
    except ValueError as error:
        raise Http404 from error


def _answers(request: HttpRequest, comparison: Comparison) -> dict[str, Any]:
    """What both answered; a directory that was tampered with is said, not shown."""
    try:
        found = answers_of(comparison, reader=person(request))
    except ManifestError as error:
        return {"broken": str(error)}
    return {"answers": found, "page": Paginator(found.pairs, PROMPTS_A_PAGE).get_page(request.GET.get("page"))}
