"""Fill the browser test's database with two projects alike: a canary is out in each, and a round waits for review."""

import django

django.setup()

from accounts.models import Project, Role, User  # noqa: E402
from annotations.choices import Split  # noqa: E402
from rounds.machine import State  # noqa: E402
from rounds.services import deployments  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import PASSWORD  # noqa: E402
from tests.rounds import loop, signs  # noqa: E402
from tests.rounds.deployed import written  # noqa: E402

DEVICES = ("desktop", "phone")


def seed() -> None:
    olga, alice = User.objects.create(username="olga"), User.objects.create(username="alice")
    olga.set_password(PASSWORD)
    olga.save()
    for device in DEVICES:
        for slug in (f"tried-{device}", f"review-{device}"):
            project = make.make_project(slug)
            project.memberships.create(user=olga, role=Role.OPERATOR)
            project.memberships.create(user=alice, role=Role.LABELER)
            _ready(project, alice)
        _tried(Project.objects.get(slug=f"tried-{device}"))
        _under_review(Project.objects.get(slug=f"review-{device}"))


def _ready(project: Project, alice: User) -> None:
    for _ in range(60):
        make.make_prompt(project)
    Project.objects.filter(pk=project.pk).update(stock_target=0)
    project.refresh_from_db()
    base = loop.install(project, f"base-{project.slug}")
    loop.finish_orders(project)
    make.make_ranking(alice, make.make_slate(project, policy=base))


def _tried(project: Project) -> None:
    loop.whole_turn(project)
    loop.finish_orders(project)
    deployments.roll_back(by=None, project=project, reason="Empty answers: 62% of 32, at most 25%")
    written(project, 20)


def _under_review(project: Project) -> None:
    prompts = [make.make_prompt(project, f"What is turtle {n}?", Split.EVAL) for n in range(4)]
    signs.evaluate(loop.work_until(loop.start(project), State.EVALUATING), prompts)
    assert project.rounds.filter(state=State.REVIEW).exists()


if __name__ == "__main__":
    seed()
