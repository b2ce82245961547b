"""The ranking page."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.submissions import KeyReused
from annotations.choices import Kind
from annotations.forms.pair import is_pair, ranking_form
from annotations.forms.ranking import RankingForm, answers_of, questions, slate_answers
from annotations.queries.desk import NOTHING, SlatePage, Typed, slate_page, typed
from annotations.services.rankings import BadRanking, submit_ranking
from annotations.services.revisions import Stale
from annotations.texts import BadMessages
from annotations.views.acting import (
    beside,
    conflict,
    desk_context,
    held,
    is_sent,
    must_warn,
    person,
    warning,
)
from annotations.views.lending import submitted


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rank(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = held(request, assignment_id, Kind.RANK)
    if must_warn(request, assignment):
        return warning(request, assignment)
    page = slate_page(assignment)
    form = _form(page, request.POST if request.method == "POST" else None, typed=typed(assignment))
    if request.POST.get("do") == "correct":
        form.take_best()
    elif is_sent(request) and form.is_valid():
        try:
            submit_ranking(by=person(request), assignment_id=assignment_id, **form.arguments())
            return submitted(request, page.assignment, _("Ranking submitted"))
        except BadRanking as error:
            form.add_error(None, str(error))
        except BadMessages as error:
            form.add_error("correction", str(error))
        except (KeyReused, Stale):
            return conflict(request, assignment, form, _form(slate_page(assignment)))
    failed = is_sent(request) and bool(form.errors)
    answers = answers_of(form)
    shown = desk_context(page.assignment) | {"page": page, "form": form, "answers": answers, **questions()}
    shown |= {"slate": slate_answers(form), "has_markdown": any(answer["html"] for answer in answers)}
    shown |= beside(request, form, partial(_form, page))
    template = "annotations/rank_pair.html" if is_pair(page) else "annotations/rank.html"
    return render(request, template, shown, status=400 if failed else 200)


def _form(page: SlatePage, data: Any = None, typed: Typed = NOTHING) -> RankingForm:
    form = ranking_form(data, page=page)
    form.begin(revision=page.ranking.revision if page.ranking else 0, typed=typed)
    return form
