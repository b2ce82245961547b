"""What every view that acts shares: who acts, refusals said in words, and the bell that wakes a worker."""

from collections.abc import Callable
from typing import TypeVar, cast

import structlog
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerDown

from accounts.models import User
from rounds import tasks
from rounds.services.rounds import RoundMoved, RoundRefused

log = structlog.get_logger()

Person = User
Result = TypeVar("Result")


def person(request: HttpRequest) -> User:
    """The one who asks; `login_required` has already turned everybody else away."""
    return cast(User, request.user)


def refused_in_words(request: HttpRequest, verb: Callable[[], Result]) -> Result | None:
    """Do `verb`; where the round does not allow it, say why on the next page and return None."""
    try:
        return verb()
    except RoundRefused as refusal:
        messages.error(request, str(refusal))
    except RoundMoved:
        messages.error(request, _("The round moved on while you looked. This is where it stands now."))
    return None


def ring() -> None:
    """Wake a worker at once. Where the broker is away, the next tick finds the same work."""
    try:
        tasks.tick.delay()
    except BrokerDown as error:
        log.warning("broker does not answer", error=str(error))
