"""The rows behind `make bench-web`: `… tests.bench.web_rows seed LABELERS SLATES`, `count`, `train`, `training`."""

import json
import random
import sys
import time
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db.models import Count, F, Q  # noqa: E402

from accounts.models import Project, Role  # noqa: E402
from annotations.models import Assignment, Prompt, Ranking, Slate  # noqa: E402
from annotations.services.prompts import PromptRow, add_prompts  # noqa: E402
from annotations.services.slates import take_in_completions  # noqa: E402
from rounds.machine import StageState  # noqa: E402
from rounds.models import Stage  # noqa: E402
from rounds.services import deployments, rounds  # noqa: E402
from tests import make  # noqa: E402

K, OVERLAP = 4, 2
WORDS = (settings.ROOT / "docs/domain.md").read_text(encoding="utf-8").split()
PATIENCE_SECONDS = 120


def seed(labelers: int, slates: int) -> dict[str, Any]:
    """A project whose slates last for every labeler, each completion of some 80 words; a session for each person."""
    project = make.make_project("bench", stock_target=0, overlap=OVERLAP, demonstrations_wanted=0)
    dice = random.Random(1)
    asked = [[{"role": "user", "content": f"{number}: {_text(dice, 20)}?"}] for number in range(slates)]
    add_prompts(by=None, project=project, rows=[PromptRow(messages=messages) for messages in asked])
    order = make.make_order(project, prompts=list(Prompt.objects.filter(project=project)), k=K)
    take_in_completions(order=order, rows=make.shard_rows(order, [_text(dice, 80) for _ in range(K)]))
    people = [make.make_person(f"labeler-{number}", project, Role.LABELER) for number in range(labelers)]
    return {"cookies": [make.client_of(person).cookies[settings.SESSION_COOKIE_NAME].value for person in people]}


def count() -> dict[str, Any]:
    """What the database holds after the work, counted in the database."""
    given = Count("assignments", filter=Q(assignments__state__in=["lent", "done"], assignments__surplus=False))
    return {
        "rankings": Ranking.objects.count(),
        "over": Slate.objects.annotate(given=given).filter(given__gt=F("overlap")).count(),
        "open": Assignment.objects.filter(state="open").count(),
    }


def train() -> dict[str, Any]:
    """Open a round of the tiny preset from a small random policy, and wait until its first stage computes."""
    from trainer import tiny  # Loads torch: the other acts need none.

    project = Project.objects.get(slug="bench")
    path = settings.STORE / "policies" / "small"
    tiny.make(path, seed=1, config=tiny.Config(steps=0, width=64))
    deployments.install_policy(project=project, path=path, name="small", preset="tiny")
    rounds.open_round(by=None, project=project, choices={"preset": "tiny"})
    limit = time.monotonic() + PATIENCE_SECONDS
    while not training()["stages"]:
        assert time.monotonic() < limit, "no stage of the round began"
        time.sleep(0.5)
    return training()


def training() -> dict[str, Any]:
    """How many stages a child process computes now."""
    return {"stages": Stage.objects.filter(state=StageState.WAITING).exclude(child={}).count()}


def _text(dice: random.Random, length: int) -> str:
    return " ".join(dice.choices(WORDS, k=length))


if __name__ == "__main__":
    acts = {"seed": lambda: seed(*map(int, sys.argv[2:])), "count": count, "train": train, "training": training}
    print(json.dumps(acts[sys.argv[1]]()))
