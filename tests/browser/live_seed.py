"""Fill the browser test's database with a round whose PPO is at work."""

from datetime import timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Role  # noqa: E402
from rounds.machine import State  # noqa: E402
from rounds.models import Beat, Stage  # noqa: E402
from rounds.services import stages  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD  # noqa: E402
from tests.rounds import loop, signs  # noqa: E402


def seed() -> None:
    settings.STORE.mkdir(parents=True, exist_ok=True)
    project = make.make_project()
    for name, role in (("olga", Role.OPERATOR), ("rita", Role.REVIEWER)):
        person = make.make_person(name, project, role)
        person.set_password(PASSWORD)
        person.save()
    base = loop.install(project, "base")
    loop.finish_orders(project)
    make.make_ranking(make.make_person("alice", project), make.make_slate(project, policy=base))
    stage = loop.live_stage(loop.work_until(loop.start(project), State.PPO))
    for name in ("supervisor:main", "worker", "beat"):
        stages.say_alive(name=name, facts=signs.LOAD | {"stage": str(stage.pk)})
    tomorrow = timezone.now() + timedelta(days=1)
    Beat.objects.update(at=tomorrow)
    Stage.objects.filter(pk=stage.pk).update(lease_owner="main", lease_until=tomorrow, started_at=timezone.now())


if __name__ == "__main__":
    seed()
