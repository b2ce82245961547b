"""The journal's chain is verified once a day, or when an operator asks; what was found stands in a row for pages."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts import seals
from accounts.models import JournalSeal, Project, Role, User
from accounts.permissions import require_role
from accounts.seals import Fault
from rounds.models import Beat, Facts
from rounds.queries.sealing import ASKED, NAME

EVERY = timedelta(days=1)
# Batches that one task verifies: of 10,000 entries each, well within the time that a task may take.
PART = 100


def claim_verification(*, now: datetime) -> bool:
    """Whether the caller shall verify now: true for one of all who ask, once a day."""
    if Beat.objects.filter(name=NAME, at__lt=now - EVERY).update(at=now) == 1:
        return True
    if Beat.objects.filter(name=NAME).exists():
        return False
    try:
        with transaction.atomic():
            Beat.objects.create(name=NAME, at=now)
    except IntegrityError:
        return False
    return True


def ask_for_verification(*, by: User, project: Project) -> None:
    """Let the next tick verify."""
    require_role(user=by, project=project, roles=[Role.OPERATOR])
    Beat.objects.filter(name=NAME).update(at=ASKED)


def verify(*, now: datetime) -> None:
    """Verify the next part of the chain. After the last, or at a fault, note what was found; else ask to go on."""
    facts = Beat.objects.values_list("facts", flat=True).get(name=NAME)
    reached = JournalSeal.objects.filter(digest=facts.get("reached", "")).first()
    found = seals.verify(after=reached, most=PART)
    newest = JournalSeal.objects.order_by("-last").values_list("digest", flat=True).first()
    row = Beat.objects.filter(name=NAME)
    if found.fault is None and newest not in (None, found.digest):
        row.update(at=ASKED, facts=facts | {"reached": found.digest})
    else:
        row.update(facts={"at": now.isoformat(), "fault": _told(found.fault)})


def _told(fault: Fault | None) -> Facts | None:
    if fault is None:
        return None
    return {"batch": fault.batch, "first": fault.first, "last": fault.last, "what": fault.what, "entry": fault.entry}
