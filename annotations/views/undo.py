"""Taking an answer back, from the toast of the next page."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotations.queries.desk import assignment_of
from annotations.services import undo as service
from annotations.views.acting import person


@login_required
@require_POST
def undo(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """Back to the page, with everything as it was sent."""
    assignment = assignment_of(person(request), assignment_id)
    try:
        service.undo(by=person(request), assignment_id=assignment_id)
        messages.info(request, _("Taken back. Change it and submit it again"))
    except service.TooLate:
        messages.info(request, _("Too late to take it back. Change it here, and submit it again"))
    return redirect(assignment.kind, assignment_id)
