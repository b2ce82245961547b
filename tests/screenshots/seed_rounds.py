"""Rounds in every state that they stand in for longer, each as the services and a trainer would leave it."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts import seals
from accounts.models import JournalEntry, Project
from annotations.choices import Split
from annotations.models import Policy, Prompt, Slate
from rounds.machine import State
from rounds.models import Artifact, Beat, Round, Schedule, Stage, Vote
from rounds.queries.evaluation import evaluation_of
from rounds.services import deployments, disk, pausing, rounds, safety, sampling, sealing, stages, votes
from tests import make
from tests.browser.seed import ANSWERS, QUESTION
from tests.rounds import loop, measured, reports, signs
from tests.rounds.deployed import written

WEAK = {"value": 0.52, "low": 0.45, "high": 0.6, "n_slates": 80, "n_pairs": 300}


def seed(turtles: Project, pairs: Project, six: Project, shells: Project, waves: Project) -> None:
    """Done, rejected and running; waiting for review; stopped at a gate; failed; paused."""
    for project in (turtles, pairs, six, shells, waves):
        _ready(project)
    _lived(loop.whole_turn(turtles), days=9)
    Artifact.objects.filter(kind="evaluation").update(metrics={"kl": 2.5, "reward_after": 0.19})
    loop.finish_orders(turtles)
    _make_ranked(turtles, 3)
    rejected = _evaluated(turtles)
    rounds.reject(by=None, round_id=rejected.pk, note="Longer, not better.")
    _lived(rejected, days=4)
    _running(turtles)
    _under_review(pairs)
    stopped = loop.work_until(loop.start(six), State.REWARD)
    loop.work(stopped, loop.GOOD_REWARD | {"accuracy": WEAK})
    failed = loop.work_until(loop.start(shells), State.PPO)
    measured.stage(loop.live_stage(failed), 31, of=320)
    measured.log(loop.live_stage(failed), 31, of=320)
    loop.fail(loop.live_stage(failed))
    paused = loop.work_until(loop.start(waves, algorithm="dpo"), State.PPO)
    measured.stage(loop.live_stage(paused), 24, of=60)
    pausing.pause(by=None, round_id=paused.pk)
    loop.sampling_order_that_failed(shells)
    choices = {"preset": "tiny", "sft": None, "approve": "person"}
    Schedule.objects.create(
        project=turtles, enabled=True, weekdays=[0, 4], at=time(22), every_rankings=50, choices=choices
    )
    Schedule.objects.create(project=pairs, enabled=True, cron="30 2 * * 1-5", choices=choices)
    disk.measure(now=timezone.now())
    _sealed()


def _sealed() -> None:
    """All but what happened last is a quarter of an hour old, sealed and verified."""
    now, earlier = timezone.now(), timedelta(minutes=15)
    newest = JournalEntry.objects.order_by("-pk")[3]
    JournalEntry.objects.filter(pk__lte=newest.pk).update(at=F("at") - earlier)
    Round.objects.filter(ended_at=None).update(created_at=F("created_at") - earlier)
    seals.seal(now=now)
    sealing.claim_verification(now=now)
    sealing.verify(now=now)


def policies_of(turtles: Project, pairs: Project) -> dict[str, str]:
    """The policies that pages are about: what round 1 made, what it began from, two that Rita has voted on."""
    voter = pairs.memberships.get(user__username="rita").user
    for prompt in Prompt.objects.filter(project=pairs, split=Split.EVAL, tags=[])[:2]:
        vote = {"round": pairs.rounds.get(), "prompt_id": str(prompt.public_id), "voter": voter}
        Vote.objects.get_or_create(**vote, defaults={"choice": Vote.Choice.AFTER})
    named = {
        "policy_done": (turtles, "r1-ppo"),
        "policy_base": (turtles, "base-turtles"),
        "policy_old": (pairs, "base-pairs"),
        "policy_new": (pairs, "r1-ppo"),
    }
    return {place: str(project.policies.get(name=name).public_id) for place, (project, name) in named.items()}


def try_policies(project: Project) -> None:
    """One policy was taken back by itself, the next one is out as a canary."""
    _ready(project)
    loop.whole_turn(project)
    loop.finish_orders(project)
    why = "Empty answers: 62% of 32, at most 25%; Repetition: 71% of 32, at most 40%"
    deployments.roll_back(by=None, project=project, reason=why)
    loop.finish_orders(project)
    written(project, 20)


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
        if stage.kind in measured.COURSES:
            measured.finished(stage, 80)
    _moved(round, began, timedelta(minutes=50))


def _moved(round: Round, began: datetime, step: timedelta) -> None:
    """Let the round have been frozen in seconds, and have gone on from state to state at this pace."""
    moves = JournalEntry.objects.filter(subject="round", subject_id=str(round.pk)).exclude(new="").order_by("id")
    for number, move in enumerate(moves):
        at = began + timedelta(seconds=4) + max(0, number - 1) * step if number else began
        JournalEntry.objects.filter(pk=move.pk).update(at=at)


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
    began = now - timedelta(minutes=52)
    Round.objects.filter(pk=found.pk).update(created_at=began)
    _moved(found, began, timedelta(minutes=11))
    measured.stage(stage, 120, of=320)
    measured.log(stage, 120, of=320)
    measured.finished(found.stages.get(kind="reward"), 80)
    questions = list(Prompt.objects.filter(project=project).order_by("pk")[:2])
    measured.samples(stage, questions, steps=(0, 60, 119))
    for name in ("supervisor:main", "worker", "beat"):
        stages.say_alive(name=name, facts=signs.LOAD | {"stage": str(stage.pk)})
    Beat.objects.update(at=now + timedelta(days=1))


def _evaluated(project: Project, **report: object) -> Round:
    """A round up to its review, its reward model measured on what Alice ranked, its evaluation with all figures."""
    prompts = [make.make_prompt(project, f"{QUESTION} ({n})", Split.EVAL) for n in range(12)]
    alice = project.memberships.get(user__username="alice").user
    base = Policy.objects.filter(project=project).earliest("pk")
    found = loop.work_until(loop.start(project), State.REWARD)
    loop.work(found, reports.reward(alice.pseudonym, (str(base.public_id), "p-8")))
    evaluating = loop.work_until(found, State.EVALUATING)
    return signs.evaluate(evaluating, prompts, reports.evaluation(**report), signs.worded(prompts, ANSWERS))


def _votes(found: Round) -> None:
    """Rita has voted on some of the questions, Olga on all."""
    evaluation = evaluation_of(found)
    assert evaluation is not None
    differing = [each.prompt_id for each in evaluation.comparisons if each.differs]
    for name, most, turn in (("rita", 5, 3), ("olga", 12, 4)):
        person = found.project.memberships.get(user__username=name).user
        for number, prompt_id in enumerate(differing[:most]):
            side = "tie" if number % turn == 2 else ("left", "right")[number % 2]
            votes.vote(by=person, round_id=found.pk, prompt_id=prompt_id, side=side)


def _under_review(project: Project) -> None:
    safety.add_safety_prompts(by=None, project=project, source=safety.OWN, rows=safety.own_set())
    found = _evaluated(project, alarms=[reports.DOUBT])
    prompts = list(project.prompts.filter(split=Split.EVAL, messages__0__content__startswith=QUESTION).order_by("pk"))
    _votes(found)
    Prompt.objects.filter(pk__in=[prompt.pk for prompt in prompts[6:]]).update(tags=["held out"])
    assert project.rounds.filter(state=State.REVIEW).exists()
    sampling.keep_stock(project)
    (settings.STORE / "artifacts" / "left-behind.partial").mkdir()
