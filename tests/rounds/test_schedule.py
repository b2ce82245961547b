"""Schedules: a round at the project's own time, or when enough new rankings are in, and never two of one period."""

from datetime import UTC, datetime, time, timedelta

import pytest

from accounts.models import Project, User
from accounts.projects import fingerprint
from annotations.models import Policy
from rounds.models import Schedule
from rounds.queries.schedules import SETTINGS, written_schedule
from rounds.services import rounds, schedules
from rounds.services.schedules import set_schedule
from tests import make
from tests.rounds import loop

# A Sunday; Shanghai is eight hours ahead, so it is Sunday there as well until 16:00 UTC.
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SUNDAY = 6


def weekly(project: Project, *, at: time, days: list[int] | None = None, zone: str = "UTC") -> Schedule:
    Project.objects.filter(pk=project.pk).update(time_zone=zone)
    days = [SUNDAY] if days is None else days
    return Schedule.objects.create(project=project, enabled=True, weekdays=days, at=at, choices={"preset": "tiny"})


def opened(now: datetime) -> list[int]:
    return [round.number for round in schedules.open_due_rounds(now=now)]


def test_a_round_opens_when_its_time_has_come(ranked: Project) -> None:
    weekly(ranked, at=time(12, 0))
    assert opened(NOON - timedelta(seconds=1)) == []
    assert opened(NOON) == [1]
    assert ranked.rounds.get().created_by is None


def test_many_ticks_of_one_period_are_one_round(ranked: Project) -> None:
    weekly(ranked, at=time(12, 0))
    assert [opened(NOON + timedelta(seconds=10 * tick)) for tick in range(3)] == [[1], [], []]
    rounds.cancel(by=None, round_id=ranked.rounds.get().pk)
    assert opened(NOON + timedelta(minutes=1)) == []


def test_the_next_week_is_another_period(ranked: Project) -> None:
    weekly(ranked, at=time(12, 0))
    opened(NOON)
    rounds.cancel(by=None, round_id=ranked.rounds.get().pk)
    assert opened(NOON + timedelta(days=1)) == []
    assert opened(NOON + timedelta(days=7)) == [2]


def test_the_time_is_the_projects_own(ranked: Project) -> None:
    weekly(ranked, at=time(20, 0), zone="Asia/Shanghai")
    assert opened(NOON - timedelta(seconds=1)) == []
    assert opened(NOON) == [1]


def test_an_evening_round_is_still_due_after_midnight(ranked: Project) -> None:
    weekly(ranked, at=time(23, 0))
    assert opened(NOON + timedelta(hours=14)) == [1]


def test_a_time_long_past_is_not_made_up_for(ranked: Project) -> None:
    weekly(ranked, at=time(1, 0))
    assert opened(NOON) == []


@pytest.mark.parametrize("date", ["2026-03-29", "2026-10-25"])
def test_a_night_with_a_shifted_clock_has_one_round(ranked: Project, date: str) -> None:
    """02:30 does not exist in Berlin on the first of these nights, and comes twice on the second."""
    weekly(ranked, at=time(2, 30), days=list(range(7)), zone="Europe/Berlin")
    midnight = datetime.fromisoformat(date).replace(tzinfo=UTC)
    for minutes in range(-60, 360, 15):
        opened(midnight + timedelta(minutes=minutes))
    assert ranked.rounds.count() == 1


def test_a_disabled_schedule_opens_nothing(ranked: Project) -> None:
    weekly(ranked, at=time(12, 0))
    Schedule.objects.update(enabled=False)
    assert opened(NOON) == []


def test_a_schedule_waits_for_the_open_round(ranked: Project) -> None:
    round = loop.start(ranked)
    weekly(ranked, at=time(12, 0))
    assert opened(NOON) == []
    rounds.cancel(by=None, round_id=round.pk)
    assert opened(NOON + timedelta(hours=1)) == [2]


def test_a_project_that_cannot_start_holds_no_other_back(ranked: Project) -> None:
    empty = make.make_project("newts")
    for project in (empty, ranked):
        weekly(project, at=time(12, 0))
    assert opened(NOON) == [1]
    assert not empty.rounds.exists()


def test_enough_new_rankings_open_a_round(ranked: Project, base: Policy, alice: User) -> None:
    Schedule.objects.create(project=ranked, enabled=True, every_rankings=2, choices={"preset": "tiny"})
    assert opened(NOON) == []
    make.make_ranking(alice, make.make_slate(ranked, policy=base))
    assert opened(NOON) == [1]


def test_rankings_before_the_last_round_are_not_new(ranked: Project, base: Policy, alice: User) -> None:
    Schedule.objects.create(project=ranked, enabled=True, every_rankings=1, choices={"preset": "tiny"})
    opened(NOON)
    rounds.cancel(by=None, round_id=ranked.rounds.get().pk)
    assert opened(NOON) == []
    make.make_ranking(alice, make.make_slate(ranked, policy=base))
    assert opened(NOON) == [2]


@pytest.mark.django_db(transaction=True)
def test_many_schedulers_at_once_open_one_round(ranked: Project) -> None:
    weekly(ranked, at=time(12, 0))
    ends = loop.at_once(lambda: opened(NOON), times=6)
    assert sorted(ends, key=str) == [[1]] + [[]] * 5
    assert ranked.rounds.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_save_at_once_one_does(ranked: Project, olga: User) -> None:
    before, minutes = fingerprint(written_schedule(ranked), SETTINGS), iter(range(4))

    def save() -> None:
        wanted = {"enabled": True, "weekdays": [0], "at": time(22, next(minutes)), "cron": "", "every_rankings": None}
        set_schedule(by=olga, project=ranked, seen=before, wanted=wanted | {"choices": {"preset": "tiny"}})

    ends = loop.at_once(save, times=4)
    assert sorted(type(end).__name__ for end in ends) == [*["ChangedMeanwhile"] * 3, "NoneType"]
