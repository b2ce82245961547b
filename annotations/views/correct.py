"""What the ranking page asks for when somebody begins to correct an answer."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotations.choices import Kind
from annotations.queries.desk import cards_of
from annotations.views.acting import held


@login_required
@never_cache
@require_safe
def answer_text(request: HttpRequest, assignment_id: UUID, letter: str) -> HttpResponse:
    """One answer as plain text, however its card shows it."""
    for card in cards_of(held(request, assignment_id, Kind.RANK)):
        if card.letter == letter:
            return HttpResponse(card.text, content_type="text/plain; charset=utf-8")
    raise Http404(f"no answer {letter} here")
