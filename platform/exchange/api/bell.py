"""The bell that wakes a worker once the change is written. Where the broker is away, the next tick finds the work."""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerDown

from rounds import tasks

log = structlog.get_logger()


def ring(sent: Callable[..., Any] = tasks.tick.delay, *told: Any) -> None:
    """Send the message after the commit: sent before, it may arrive before what it tells of."""
    transaction.on_commit(partial(_send, sent, *told))


def _send(sent: Callable[..., Any], *told: Any) -> None:
    try:
        sent(*told)
    except BrokerDown as error:
        log.warning("broker does not answer", error=str(error))
