"""Fill the database of the journal's tests: a round that was rejected, one that waits for a review, and the seal."""

from datetime import timedelta

import django

django.setup()

from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import seals  # noqa: E402
from accounts.models import JournalEntry, Project, Role  # noqa: E402
from rounds.machine import State  # noqa: E402
from rounds.services import rounds, sealing  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD  # noqa: E402
from tests.rounds import loop  # noqa: E402


def seed() -> None:
    project = make.make_project()
    Project.objects.update(name="Everyday questions", stock_target=0)
    for name, role in [("alice", Role.LABELER), ("rita", Role.REVIEWER), ("olga", Role.OPERATOR)]:
        person = make.make_person(name, project, role)
        person.set_password(PASSWORD)
        person.save()
    base = loop.install(project, "base")
    loop.finish_orders(project)
    alice = project.memberships.get(user__username="alice").user
    make.make_ranking(alice, make.make_slate(project, policy=base))
    olga = project.memberships.get(user__username="olga").user
    rejected = loop.work_until(loop.start(project, by=olga), State.REVIEW)
    rounds.reject(by=None, round_id=rejected.pk, note="Longer, not better.")
    loop.work_until(loop.start(project, by=olga), State.REVIEW)
    _seal()


def _seal() -> None:
    now, newest = timezone.now(), JournalEntry.objects.order_by("-pk")[3]
    JournalEntry.objects.filter(pk__lte=newest.pk).update(at=F("at") - timedelta(minutes=15))
    seals.seal(now=now)
    sealing.claim_verification(now=now)
    sealing.verify(now=now)


if __name__ == "__main__":
    seed()
