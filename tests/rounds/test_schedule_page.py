"""The schedule's page: what is written there is what opens rounds, and it says when the next one starts."""

from datetime import UTC, datetime, time

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from accounts.projects import ChangedMeanwhile, fingerprint
from rounds.models import Schedule
from rounds.queries.schedules import SETTINGS, next_in_words, next_start, written_schedule
from rounds.services import rounds
from rounds.services.rounds import RoundRefused
from rounds.services.schedules import ScheduleRefused, open_due_rounds, set_schedule
from tests import make
from tests.rounds import loop

PAGE = "/p/turtles/rounds/schedule/"
HOW = {"preset": "tiny", "sft": "no", "approve": "rule"}
WEEKLY = {"enabled": "on", "weekdays": ["0", "4"], "at": "22:00", "every_rankings": "", **HOW}
CHOICES = {"preset": "tiny", "sft": False, "approve": "rule"}
# A Sunday.
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def seen(project: Project) -> str:
    return fingerprint(written_schedule(project), SETTINGS)


def post(person: User, project: Project, **given: object) -> tuple[int, str]:
    sent = {"seen": seen(project), **WEEKLY, **given}
    answer = make.client_of(person).post(PAGE, sent, follow=True)
    return answer.status_code, answer.content.decode()


def weekly(project: Project, **values: object) -> Schedule:
    given = {"enabled": True, "weekdays": [6], "at": time(22, 0), "choices": CHOICES, **values}
    return Schedule.objects.create(project=project, **given)


def test_what_is_saved_is_what_opens_a_round(ranked: Project, olga: User) -> None:
    status, page = post(olga, ranked, weekdays=["6"], at="12:00")
    assert (status, "Schedule saved" in page) == (200, True)
    [opened] = open_due_rounds(now=NOON)
    assert {name: opened.choices[name] for name in CHOICES} == CHOICES


def test_days_and_rankings_may_be_used_together(ranked: Project, olga: User) -> None:
    post(olga, ranked, every_rankings="50")
    row = Schedule.objects.get()
    assert (row.weekdays, row.at, row.every_rankings) == ([0, 4], time(22, 0), 50)
    assert row.choices == CHOICES | {"algorithm": "ppo", "init": None, "budget": None}
    assert JournalEntry.objects.get(verb="schedule").actor == olga


def test_off_keeps_the_times_for_another_day(ranked: Project, olga: User) -> None:
    post(olga, ranked)
    sent = {name: value for name, value in WEEKLY.items() if name != "enabled"}
    answer = make.client_of(olga).post(PAGE, {**sent, "seen": seen(ranked)}, follow=True)
    assert "Nothing is scheduled" in answer.content.decode()
    assert 'value="22:00"' in answer.content.decode()
    assert open_due_rounds(now=NOON) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"weekdays": [], "at": ""}, "Choose days and a time, or a line, or a number of rankings"),
        ({"at": ""}, "Say at what time"),
        ({"weekdays": []}, "Choose the days"),
        ({"at": "25:00"}, "valid time"),
        ({"weekdays": ["7"]}, "7"),
        ({"every_rankings": "0"}, "1"),
        ({"preset": "huge"}, "huge"),
    ],
)
def test_a_schedule_that_starts_nothing_is_refused_and_says_why(
    ranked: Project, olga: User, wrong: dict[str, object], told: str
) -> None:
    status, page = post(olga, ranked, **wrong)
    assert (status, told in page) == (400, True)
    assert not Schedule.objects.filter(enabled=True).exists()


def test_the_second_of_two_operators_is_shown_what_the_first_saved(ranked: Project, olga: User) -> None:
    before = seen(ranked)
    post(olga, ranked)
    _, page = post(olga, ranked, seen=before, at="03:00")
    assert "Somebody else changed the schedule" in page
    assert Schedule.objects.get().at == time(22, 0)


def test_the_service_checks_for_itself(ranked: Project, olga: User, rita: User) -> None:
    wanted = {"enabled": True, "weekdays": [0], "at": time(1, 0), "cron": "", "every_rankings": None}
    wanted |= {"choices": CHOICES}
    with pytest.raises(NotAllowed):
        set_schedule(by=rita, project=ranked, seen=seen(ranked), wanted=wanted)
    with pytest.raises(RoundRefused):
        set_schedule(by=olga, project=ranked, seen=seen(ranked), wanted={**wanted, "choices": {"preset": "huge"}})
    with pytest.raises(ScheduleRefused):
        set_schedule(by=olga, project=ranked, seen=seen(ranked), wanted={**wanted, "at": None})
    with pytest.raises(ChangedMeanwhile):
        set_schedule(by=olga, project=ranked, seen="another", wanted=wanted)
    assert not Schedule.objects.filter(enabled=True).exists()


@pytest.mark.parametrize(
    ("zone", "days", "expected"),
    [
        ("UTC", [6], "2026-11-22T22:00:00+00:00"),
        ("Asia/Shanghai", [6], "2026-11-22T22:00:00+08:00"),
        ("Asia/Tokyo", [0, 3], "2026-11-23T22:00:00+09:00"),
        ("UTC", [5], "2026-11-28T22:00:00+00:00"),
    ],
)
def test_the_next_time_is_that_of_the_projects_zone(
    project: Project, zone: str, days: list[int], expected: str
) -> None:
    Project.objects.update(time_zone=zone)
    project.refresh_from_db()
    found = next_start(weekly(project, weekdays=days), now=NOON)
    assert found.at is not None
    assert (found.at.isoformat(), found.due) == (expected, False)


def test_a_time_that_has_just_come_is_due_until_its_round_was_there(ranked: Project) -> None:
    schedule = weekly(ranked, at=time(12, 0))
    assert next_start(schedule, now=NOON).due
    [opened] = open_due_rounds(now=NOON)
    rounds.cancel(by=None, round_id=opened.pk)
    found = next_start(schedule, now=NOON)
    assert not found.due
    assert found.at is not None
    assert found.at.isoformat() == "2026-11-29T12:00:00+00:00"


def test_words_tell_the_date_and_how_many_rankings_are_in(ranked: Project) -> None:
    schedule = weekly(ranked, every_rankings=50)
    words = next_in_words(next_start(schedule, now=NOON), schedule)
    assert words == "The next round starts on Sunday 22 November, 22:00, UTC. Or sooner, at 50 new rankings: 1 are in."


def test_the_page_says_what_would_hold_a_round_back(project: Project, base: object, olga: User) -> None:
    weekly(project)
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "As things are, no round would start" in page
    assert "Nobody has ranked anything yet" in page
    assert "No worker is running" in page


def test_the_page_says_that_an_open_round_comes_first(ranked: Project, olga: User) -> None:
    weekly(ranked)
    loop.start(ranked)
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "Round 1 is open: nothing starts before it ends." in page


def test_the_board_leads_to_the_schedule_and_back(ranked: Project, olga: User) -> None:
    assert PAGE in make.client_of(olga).get("/p/turtles/rounds/").content.decode()
    assert 'href="/p/turtles/rounds/"' in make.client_of(olga).get(PAGE).content.decode()
