"""The voting booth: one question, two answers, nobody's name; and the way out of it, by which the names are shown."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from rounds.models import Round
from rounds.queries.access import round_of
from rounds.queries.ballots import Booth, ballot, beside, booth_of, choices_of
from rounds.queries.evaluation import Evaluation, complete, evaluation_of
from rounds.services import votes
from rounds.views.acting import person, refused_in_words
from trainer.manifest import ManifestError


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vote(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the next question that waits for this person's vote, or the one that they ask for; take a vote."""
    found = round_of(person(request), slug, number)
    if request.method == "POST":
        return _cast(request, found)
    context = {"project": found.project, "round": found, **_shown(request, found)}
    return render(request, "rounds/vote.html", context)


@login_required
@require_POST
def reveal(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show all answers with their names; whoever asks for that votes no more."""
    found, by = round_of(person(request), slug, number), person(request)
    refused_in_words(request, lambda: votes.reveal(by=by, round_id=found.pk))
    return redirect(f"{reverse('review', args=[slug, number])}#answers")


def _cast(request: HttpRequest, found: Round) -> HttpResponse:
    by, given = person(request), request.POST
    prompt, side = given.get("prompt", ""), given.get("side", "")
    refused_in_words(request, lambda: votes.vote(by=by, round_id=found.pk, prompt_id=prompt, side=side))
    return redirect("vote", found.project.slug, found.number)


def _shown(request: HttpRequest, found: Round) -> dict[str, Any]:
    """What the page says: a ballot, or why there is none."""
    try:
        evaluation = evaluation_of(found)
    except ManifestError:
        return {"broken": True}
    if evaluation is None:
        return {}
    choices = choices_of(found, person(request))
    booth = booth_of(found, person(request), evaluation, choices)
    asked = _asked(request, booth)
    if asked is None:
        return {"booth": booth}
    return {"booth": booth, **_ballot(request, found, evaluation, asked, choices)}


def _ballot(
    request: HttpRequest, found: Round, evaluation: Evaluation, asked: int, choices: dict[str, str]
) -> dict[str, Any]:
    comparison = evaluation.comparisons[asked - 1]
    complete(found, [comparison])
    questions = [each.number for each in evaluation.comparisons if each.differs]
    before, after = beside(questions, asked)
    return {
        "ballot": ballot(found, person(request), comparison, choices),
        "place": questions.index(asked) + 1,
        "before": before,
        "after": after,
        "prompt": comparison.prompt_id,
    }


def _asked(request: HttpRequest, booth: Booth) -> int | None:
    """The number of the question to show: the one asked for if it may be voted on, else the first that waits."""
    if not booth.votes_count:
        return None
    asked = request.GET.get("question", "")
    if asked.isdecimal() and int(asked) in booth.questions:
        return int(asked)
    return next(iter(booth.waiting), None)
