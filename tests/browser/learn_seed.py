"""Fill the browser test's database with a project that is ready for its first round."""

import django

django.setup()

from accounts.models import Role  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD  # noqa: E402
from tests.rounds import loop  # noqa: E402


def seed() -> None:
    project = make.make_project()
    olga = make.make_person("olga", project, Role.OPERATOR)
    olga.set_password(PASSWORD)
    olga.save()
    base = loop.install(project, "base")
    loop.install(project, "other")
    make.make_ranking(make.make_person("alice", project), make.make_slate(project, policy=base))


if __name__ == "__main__":
    seed()
