"""Rounds in every state that they stand in for longer, each as the services and a trainer would leave it."""

from datetime import time, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts.models import Project
from annotations.choices import Split
from annotations.models import Prompt, Slate
from rounds.machine import State
from rounds.models import Round, Schedule, Stage
from rounds.services import disk, rounds, sampling
from tests import make
from tests.browser.seed import QUESTION
from tests.rounds import loop, signs

WEAK = {"value": 0.52, "low": 0.45, "high": 0.6, "n_slates": 80, "n_pairs": 300}


def seed(turtles: Project, pairs: Project, six: Project, shells: Project) -> None:
    """Done, rejected and running; waiting for review; stopped at a gate; failed."""
    for project in (turtles, pairs, six, shells):
        _ready(project)
    _lived(loop.whole_turn(turtles), days=9)
    loop.finish_orders(turtles)
    _make_ranked(turtles, 3)
    rejected = loop.work_until(loop.start(turtles), State.REVIEW)
    rounds.reject(by=None, round_id=rejected.pk, note="Longer, not better.")
    _lived(rejected, days=4)
    _running(turtles)
    _under_review(pairs)
    stopped = loop.work_until(loop.start(six), State.REWARD)
    loop.work(stopped, loop.GOOD_REWARD | {"accuracy": WEAK})
    failed = loop.work_until(loop.start(shells), State.PPO)
    loop.fail(loop.live_stage(failed))
    loop.sampling_order_that_failed(shells)
    choices = {"preset": "tiny", "sft": None, "approve": "person"}
    Schedule.objects.create(
        project=turtles, enabled=True, weekdays=[0, 4], at=time(22), every_rankings=50, choices=choices
    )
    disk.measure(now=timezone.now())


def _ready(project: Project) -> None:
    """Its base policy is deployed, and was ranked."""
    loop.install(project, f"base-{project.slug}")
    loop.finish_orders(project)
    _make_ranked(project, 6)


def _make_ranked(project: Project, count: int) -> None:
    alice = project.memberships.get(user__username="alice").user
    open_slates = Slate.objects.filter(project=project, assignments__state="open", retired_at=None)
    fresh = open_slates.exclude(assignments__labeler=alice).distinct().order_by("-pk")
    for slate in list(fresh[:count]):
        make.make_ranking(alice, slate)


def _lived(round: Round, *, days: int) -> None:
    """Let the round have happened then, an hour a stage."""
    began = timezone.now() - timedelta(days=days)
    Round.objects.filter(pk=round.pk).update(created_at=began, ended_at=began + timedelta(hours=6))
    for number, stage in enumerate(round.stages.order_by("pk")):
        start = began + timedelta(hours=number, minutes=5)
        stage.__class__.objects.filter(pk=stage.pk).update(started_at=start, ended_at=start + timedelta(minutes=50))


def _running(project: Project) -> None:
    found = loop.work_until(loop.start(project), State.PPO)
    stage = loop.live_stage(found)
    now = timezone.now()
    Stage.objects.filter(pk=stage.pk).update(
        started_at=now - timedelta(minutes=40),
        lease_owner="main",
        lease_until=now + timedelta(days=1),
        fence=F("fence") + 1,
    )
    signs.measure(stage, signs.ppo_rows(120, of=320))
    asked = Prompt.objects.filter(project=project).earliest("pk")
    row = {"prompt": str(asked.public_id), "finished": True, "tokens": 64, "reward": 0.8, "step": 120}
    signs.write_sample(stage, [row | {"text": "On sandy beaches in the tropics."}])


def _under_review(project: Project) -> None:
    prompts = [make.make_prompt(project, f"{QUESTION} ({n})", Split.EVAL) for n in range(12)]
    signs.evaluate(loop.work_until(loop.start(project), State.EVALUATING), prompts)
    Prompt.objects.filter(pk__in=[prompt.pk for prompt in prompts[6:]]).update(tags=["held out"])
    assert project.rounds.filter(state=State.REVIEW).exists()
    sampling.keep_stock(project)
    (settings.STORE / "artifacts" / "left-behind.partial").mkdir()
