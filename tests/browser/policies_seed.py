"""Fill the database of the policies' tests: a base, a candidate that was deployed, one that was refused."""

import django

django.setup()

from accounts.models import Project, Role  # noqa: E402
from annotations.choices import Split  # noqa: E402
from annotations.models import Policy  # noqa: E402
from rounds.machine import State  # noqa: E402
from rounds.services import rounds  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD, QUESTION  # noqa: E402
from tests.rounds import loop, signs  # noqa: E402


def seed() -> None:
    project = make.make_project()
    Project.objects.update(name="Everyday questions", stock_target=0)
    people = {"alice": Role.LABELER, "bob": Role.LABELER, "rita": Role.REVIEWER, "olga": Role.OPERATOR}
    for name, role in people.items():
        person = make.make_person(name, project, role)
        person.set_password(PASSWORD)
        person.save()
    base = loop.install(project, "base")
    loop.finish_orders(project)
    prompts = [make.make_prompt(project, f"{QUESTION} ({n})", Split.EVAL) for n in range(3)]
    for name in ("alice", "bob"):
        labeler = project.memberships.get(user__username=name).user
        make.make_ranking(labeler, make.make_slate(project, policy=base))
        waiting = signs.evaluate(loop.work_until(loop.start(project), State.EVALUATING), prompts)
        if name == "alice":
            rounds.approve(by=None, round_id=waiting.pk)
            loop.deploy(waiting)
        else:
            rounds.reject(by=None, round_id=waiting.pk)
    assert Policy.objects.filter(project=project).count() == 3


if __name__ == "__main__":
    seed()
