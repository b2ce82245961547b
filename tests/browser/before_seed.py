"""A project that may start a round: a deployed policy, rankings, and an earlier round with the preset tiny."""

import django

django.setup()

from datetime import timedelta  # noqa: E402

from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Role  # noqa: E402
from annotations.models import Policy  # noqa: E402
from rounds.machine import State  # noqa: E402
from rounds.models import Beat, Stage  # noqa: E402
from rounds.services import rounds  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD  # noqa: E402
from tests.rounds import loop  # noqa: E402


def seed() -> None:
    project = make.make_project("turtles", stock_target=0)
    olga, alice = make.make_person("olga", project, Role.OPERATOR), make.make_person("alice", project)
    olga.set_password(PASSWORD)
    olga.save()
    base = loop.install(project, "base")
    loop.finish_orders(project)
    make.make_ranking(alice, make.make_slate(project, policy=base))
    earlier = loop.work_until(loop.start(project, sft=False), State.REVIEW)
    rounds.reject(by=None, round_id=earlier.pk)
    now = timezone.now()
    Stage.objects.filter(round=earlier).update(started_at=now, ended_at=now + timedelta(minutes=10))
    # Its files lie in the store of whoever serves these rows.
    Policy.objects.filter(pk=base.pk).update(path=F("name"))
    Beat.objects.create(name="supervisor:main", facts={"memory": 2 * 10**9, "device": "cpu", "free": 10**12})


if __name__ == "__main__":
    seed()
