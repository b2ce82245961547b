"""However often and from wherever a round is begun, there is one: schedulers in processes of their own, people."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse

from accounts.models import Project, Role, User
from rounds.models import Round, Schedule
from rounds.services import rounds
from rounds.services.rounds import RoundRefused
from rounds.services.schedules import open_due_rounds
from tests import make
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PERIOD = "cron 2026-11-22T12:00+00:00"
FILLED = {"preset": "tiny", "seed": "", "sft": "no", "approve": "person"}
TAKEN = "A round is open already. Wait for its end, or cancel it."
THREADS = 32
# What the tick does of schedules, so many times, as soon as it hears a line.
SCHEDULER = """
import sys
from datetime import datetime
import django
django.setup()
from rounds.services.schedules import open_due_rounds
now, ticks = datetime.fromisoformat(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(sum(len(open_due_rounds(now=now)) for _ in range(ticks)))
"""


@pytest.fixture
def due(ranked: Project) -> Project:
    """A project whose schedule is due at noon."""
    Schedule.objects.create(project=ranked, enabled=True, cron="0 12 * * *", choices={"preset": "tiny"})
    return ranked


def database() -> str:
    """The address of the database of this test, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


def schedulers(*, processes: int, ticks: int) -> list[int]:
    """How many rounds each of so many processes opened, all begun at one moment."""
    root = Path(__file__).parents[2]
    env = os.environ | {"DATABASE_URL": database(), "TUTELAGE_STORE": str(settings.STORE)}
    env |= {"DJANGO_SETTINGS_MODULE": "tutelage.settings", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCHEDULER, NOON.isoformat(), str(ticks)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    at_work = [subprocess.Popen(command, cwd=root, env=env, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    for process in at_work:
        assert process.stdout.readline() == "ready\n"
    for process in at_work:
        process.stdin.write("\n")
        process.stdin.flush()
    return [_opened(process) for process in at_work]


def _opened(process: "subprocess.Popen[str]") -> int:
    said, _ = process.communicate()
    assert process.returncode == 0
    return int(said.splitlines()[-1])


def started(person: User) -> HttpResponse:
    return make.client_of(person).post("/p/turtles/rounds/start/", FILLED, follow=True)


def ends_of(project: Project, olga: User, times: int) -> list[object]:
    """What each of so many starts by one person returned or raised; each has a connection of its own."""

    def start(_: int) -> object:
        try:
            return rounds.open_round(by=olga, project=project, choices={"preset": "tiny"})
        except RoundRefused as refusal:
            return str(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(times)))


def only_round(ends: Sequence[object]) -> Round:
    """The one round among refusals that all give the reason."""
    (opened,) = (end for end in ends if isinstance(end, Round))
    assert [end for end in ends if end is not opened] == [TAKEN] * (len(ends) - 1)
    return opened


def test_two_schedulers_at_once_open_one_round(due: Project) -> None:
    assert sorted(schedulers(processes=2, ticks=20)) == [0, 1]
    assert due.rounds.get().period == PERIOD


def test_the_second_of_two_people_who_start_at_once_is_told_why_not(ranked: Project, olga: User) -> None:
    otto = make.make_person("otto", ranked, Role.OPERATOR)
    answers = race([lambda person=person: started(person) for person in (olga, otto)])
    assert sorted(TAKEN in answer.content.decode() for answer in answers) == [False, True]
    assert ranked.rounds.count() == 1


def test_a_person_and_the_schedule_at_once_begin_one_round(due: Project, olga: User) -> None:
    acts = [lambda: ends_of(due, olga, 1)[0], lambda: (open_due_rounds(now=NOON) or [TAKEN])[0]]
    only_round(race(acts))
    assert due.rounds.count() == 1


def test_many_starts_at_once_open_one_round(ranked: Project, olga: User) -> None:
    assert only_round(ends_of(ranked, olga, 40)).pk == ranked.rounds.get().pk


@pytest.mark.slow
def test_a_thousand_starts_at_once_open_one_round(ranked: Project, olga: User) -> None:
    assert only_round(ends_of(ranked, olga, 1000)).pk == ranked.rounds.get().pk


@pytest.mark.slow
def test_ten_thousand_ticks_of_one_moment_in_four_processes_open_one_round(due: Project) -> None:
    assert sorted(schedulers(processes=4, ticks=2500)) == [0, 0, 0, 1]
    assert due.rounds.get().period == PERIOD
