"""Whether the journal is sealed, and what was found when its seals were last verified."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import seals
from accounts.models import JournalEntry, JournalSeal
from rounds.models import Beat, Facts

# The row that the worker notes its verification in: claimed when `at` says, found what `facts` say.
NAME = "journal"
# Put into `at` by who wants it done now.
ASKED = datetime(2000, 1, 1, tzinfo=UTC)
WHAT: dict[str, Promise] = {
    seals.CHANGED: _("an entry was changed"),
    seals.REMOVED: _("an entry was removed"),
    seals.ADDED: _("an entry was added"),
    seals.UNCHAINED: _("it does not follow the batch before it"),
}


@dataclass(frozen=True)
class Sealing:
    """The chain of all projects: its end, and what was found in it."""

    # None: nothing is sealed yet.
    newest: JournalSeal | None
    # When the newest sealed entry was written.
    upto: datetime | None
    batches: int
    entries: int
    waiting: int
    verified_at: datetime | None
    fault: Facts | None
    asked: bool

    @property
    def last(self) -> int:
        """The number of the last sealed entry; 0: there is none."""
        return self.newest.last if self.newest else 0

    @property
    def what(self) -> str:
        """What is wrong with the batch that does not match."""
        return str(WHAT.get(self.fault["what"], "")) if self.fault else ""


def sealing() -> Sealing:
    """Read rows only: to verify reads the whole journal, and a worker does that."""
    newest = JournalSeal.objects.order_by("-last").first()
    sums = JournalSeal.objects.aggregate(batches=Count("pk"), entries=Sum("count"))
    beat = Beat.objects.filter(name=NAME).first()
    facts = beat.facts if beat else {}
    at = datetime.fromisoformat(facts["at"]) if "at" in facts else None
    return Sealing(
        newest=newest,
        upto=JournalEntry.objects.filter(pk=newest.last).values_list("at", flat=True).first() if newest else None,
        batches=sums["batches"],
        entries=sums["entries"] or 0,
        waiting=JournalEntry.objects.filter(pk__gt=newest.last if newest else -1).count(),
        verified_at=at,
        fault=facts.get("fault"),
        asked=beat is not None and (at is None or beat.at == ASKED or beat.at > at),
    )
