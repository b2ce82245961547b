"""The throw-away project of a rehearsal: its base policy, its prompts, its people with passwords of their own."""

import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.models import Guideline, Membership, Project, Role, User
from annotations.choices import Split
from annotations.models import Prompt
from annotations.services.prompts import PromptFileError, PromptRow, add_prompts, read_prompt_file
from rounds.services.deployments import install_policy
from trainer.gold import Labeler
from tutelage.rehearsal.labelers import SimulatedLabeler
from tutelage.rehearsal.operating import Operator
from tutelage.rehearsal.person import Person
from tutelage.rehearsal.plan import EVAL_PROMPTS, HELD_OUT_SLATES, CannotRehearse, Plan, eval_share, prompt_file

SLUG = "rehearsal"
BASE = "base"


@dataclass(frozen=True)
class Cast:
    """Who plays: labelers with a taste each, and Olga, who operates."""

    project: Project
    labelers: list[SimulatedLabeler]
    olga: Operator

    def sign_in(self) -> None:
        for person in [self.olga.person, *(labeler.person for labeler in self.labelers)]:
            person.log_in()

    def leave(self) -> None:
        for person in [self.olga.person, *(labeler.person for labeler in self.labelers)]:
            person.close()


def make_base_policy(plan: Plan) -> Path:
    """Write the base policy into the store, by the trainer's own command. Raises CannotRehearse."""
    out: Path = settings.STORE / "policies" / BASE
    out.parent.mkdir(parents=True, exist_ok=True)
    threads = ["--threads", str(plan.threads)]
    words = [sys.executable, "-m", "trainer", *plan.base_command, "--out", str(out), *threads]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 (a command line of our own)
    if done.returncode != 0:
        raise CannotRehearse(f"The base policy could not be made: {done.stderr.strip()[-400:]}")
    return out


def make_project(plan: Plan, folder: Path) -> Project:
    """The project with its prompts. Raises CannotRehearse where they are too few, or none can be read."""
    try:
        rows = read_prompt_file(prompt_file(plan, folder))[: plan.prompts_wanted]
    except (OSError, PromptFileError) as error:
        raise CannotRehearse(str(error)) from error
    with transaction.atomic():
        project = Project.objects.create(
            slug=SLUG,
            name="Rehearsal",
            eval_share=eval_share(_distinct(rows)),
            # Each policy answers every prompt once; what is not ranked then is not made again.
            stock_target=0,
        )
        Guideline.objects.create(project=project, version=1, text="Prefer plain, warm words that do not repeat.")
        add_prompts(by=None, project=project, rows=rows)
    _refuse_too_few(plan, project)
    return project


def order_first_slates(plan: Plan, project: Project, base: Path) -> None:
    """Deploy the base policy and ask it for the first slates."""
    install_policy(project=project, path=base, name=BASE, preset=plan.model)


def make_cast(plan: Plan, project: Project, site: str) -> Cast:
    """Rows and browsers of everybody who plays."""
    tastes = [
        Labeler(seed=plan.seed * 1000 + number, noise=plan.noise, shuffled=plan.shuffled)
        for number in range(plan.labelers)
    ]
    labelers = [
        SimulatedLabeler(_member(f"labeler-{number}", project, Role.LABELER, site), taste, project.slug)
        for number, taste in enumerate(tastes, start=1)
    ]
    olga = Operator(_member("olga", project, Role.OPERATOR, site), project.slug)
    return Cast(project, labelers, olga)


def _member(name: str, project: Project, role: Role, site: str) -> Person:
    password = secrets.token_urlsafe(18)
    user = User.objects.create_user(name, password=password)
    Membership.objects.create(user=user, project=project, role=role)
    return Person(name, password, site)


def _distinct(rows: list[PromptRow]) -> int:
    return len({str(row.messages) for row in rows})


def _refuse_too_few(plan: Plan, project: Project) -> None:
    aside = Prompt.objects.filter(project=project, split=Split.EVAL).count()
    rest = Prompt.objects.filter(project=project, split=Split.TRAIN).count()
    if aside < EVAL_PROMPTS:
        raise CannotRehearse(f"Only {aside} prompts were set aside for measuring; {EVAL_PROMPTS} are needed.")
    if aside + rest < plan.rankings:
        raise CannotRehearse(f"{plan.rankings} rankings a round need as many prompts; there are {aside + rest}.")
    if plan.rankings * aside / (aside + rest) < HELD_OUT_SLATES:
        raise CannotRehearse(f"{plan.rankings} rankings leave fewer than {HELD_OUT_SLATES} to judge a reward model by.")
