"""Fill the database and the store of the review's tests: a candidate that waits for Rita and Olga."""

import django

django.setup()

from accounts.models import Role  # noqa: E402
from annotations.choices import Split  # noqa: E402
from rounds.machine import State  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import ANSWERS, PASSWORD, QUESTION  # noqa: E402
from tests.rounds import loop, reports, signs  # noqa: E402

QUESTIONS = 6


def seed() -> None:
    project = make.make_project()
    people = {}
    for name, role in [("alice", Role.LABELER), ("rita", Role.REVIEWER), ("olga", Role.OPERATOR)]:
        people[name] = make.make_person(name, project, role)
        people[name].set_password(PASSWORD)
        people[name].save()
    base = loop.install(project, "base")
    loop.finish_orders(project)
    make.make_ranking(people["alice"], make.make_slate(project, policy=base))
    prompts = [make.make_prompt(project, f"{QUESTION} ({n})", Split.EVAL) for n in range(QUESTIONS)]
    found = loop.work_until(loop.start(project), State.REWARD)
    loop.work(found, reports.reward(people["alice"].pseudonym, (str(base.public_id), "p-8")))
    evaluating = loop.work_until(found, State.EVALUATING)
    report = reports.evaluation(alarms=[reports.DOUBT])
    signs.evaluate(evaluating, prompts, report, signs.worded(prompts, ANSWERS))


if __name__ == "__main__":
    seed()
