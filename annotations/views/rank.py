"""The ranking page."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.submissions import KeyReused
from annotations.choices import Kind
from annotations.forms.ranking import Flag, RankingForm, answers_of, rating_words
from annotations.queries.desk import slate_page
from annotations.services.rankings import BadRanking, submit_ranking
from annotations.views.acting import desk_context, held, must_warn, person, warning
from annotations.views.lending import onwards


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rank(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = held(request, assignment_id, Kind.RANK)
    if must_warn(request, assignment):
        return warning(request, assignment)
    page = slate_page(assignment)
    form = RankingForm(request.POST if request.method == "POST" else None, page=page)
    if form.is_valid():
        try:
            submit_ranking(by=person(request), assignment_id=assignment_id, **form.arguments())
            return onwards(request, page.assignment, _("Ranking submitted"))
        except BadRanking as error:
            form.add_error("order", str(error))
        except KeyReused:
            return render(request, "409.html", status=409)
    shown = desk_context(page.assignment) | {"page": page, "form": form, "answers": answers_of(form)}
    shown |= {"rating_words": rating_words(), "flags": Flag}
    return render(request, "annotations/rank.html", shown, status=400 if form.errors else 200)
