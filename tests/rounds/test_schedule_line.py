"""A schedule that is a line of five fields: its periods, what was missed, and its next times on the page."""

from datetime import UTC, datetime, time, timedelta

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.projects import fingerprint
from rounds.models import Schedule
from rounds.queries.schedules import SETTINGS, next_runs, written_schedule
from rounds.services import rounds
from rounds.services.schedules import open_due_rounds
from tests import make

PAGE = "/p/turtles/rounds/schedule/"
HOW = {"preset": "tiny", "sft": "no", "approve": "rule"}
# A Sunday.
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def by_line(project: Project, line: str, zone: str = "UTC") -> Schedule:
    Project.objects.filter(pk=project.pk).update(time_zone=zone)
    project.refresh_from_db()
    return Schedule.objects.create(project=project, enabled=True, cron=line, choices={"preset": "tiny"})


def opened(now: datetime) -> list[str | None]:
    return [round.period for round in open_due_rounds(now=now)]


def end(project: Project) -> None:
    rounds.cancel(by=None, round_id=project.rounds.latest("number").pk)


def post(person: User, project: Project, **given: object) -> tuple[int, str]:
    seen = fingerprint(written_schedule(project), SETTINGS)
    sent = {"seen": seen, "enabled": "on", "at": "", "cron": "30 2 * * *", "every_rankings": "", **HOW, **given}
    answer = make.client_of(person).post(PAGE, sent, follow=True)
    return answer.status_code, answer.content.decode()


def test_a_round_opens_when_the_line_comes_and_is_named_after_its_moment(ranked: Project) -> None:
    by_line(ranked, "30 13 * * *", "Europe/Berlin")
    assert opened(NOON + timedelta(minutes=29)) == []
    assert opened(NOON + timedelta(minutes=30)) == ["cron 2026-11-22T13:30+01:00"]
    end(ranked)
    assert opened(NOON + timedelta(minutes=31)) == []


def test_an_hour_that_comes_twice_has_two_moments_with_two_names(ranked: Project) -> None:
    by_line(ranked, "30 * * * *", "Europe/Berlin")
    names = []
    for minutes in (30, 90):
        names += opened(datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=minutes))
        end(ranked)
    assert names == ["cron 2026-10-25T02:30+02:00", "cron 2026-10-25T02:30+01:00"]


@pytest.mark.parametrize("date", ["2026-03-29", "2026-10-25"])
def test_a_night_with_a_shifted_clock_has_one_round(ranked: Project, date: str) -> None:
    by_line(ranked, "30 2 * * *", "Europe/Berlin")
    midnight = datetime.fromisoformat(date).replace(tzinfo=UTC)
    names = []
    for minutes in range(-60, 420, 10):
        names += opened(midnight + timedelta(minutes=minutes))
        if ranked.rounds.exclude(state="cancelled").exists():
            end(ranked)
    assert len(names) == 1


def test_of_many_times_that_were_missed_one_is_made_up_for(ranked: Project) -> None:
    by_line(ranked, "*/10 * * * *")
    assert opened(NOON + timedelta(minutes=5)) == ["cron 2026-11-22T12:00+00:00"]
    end(ranked)
    assert opened(NOON + timedelta(minutes=6)) == []


def test_a_time_that_is_six_hours_past_is_not_made_up_for(ranked: Project) -> None:
    by_line(ranked, "0 6 * * *")
    assert opened(NOON) == []
    assert opened(NOON - timedelta(seconds=1)) == ["cron 2026-11-22T06:00+00:00"]


def test_what_is_saved_is_what_opens_a_round(ranked: Project, olga: User) -> None:
    status, page = post(olga, ranked, cron="0 12 * * 0")
    assert (status, "Schedule saved" in page) == (200, True)
    assert opened(NOON) == ["cron 2026-11-22T12:00+00:00"]
    assert JournalEntry.objects.get(verb="schedule").facts["cron"] == "0 12 * * 0"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cron": "30 25 * * *"}, "The second field, the hour"),
        ({"cron": "30 2 * *"}, "Write five fields"),
        ({"weekdays": ["6"], "at": "02:30"}, "Choose days and a time, or write a line, not both."),
        ({"cron": ""}, "Choose days and a time, or a line, or a number of rankings."),
    ],
)
def test_a_line_that_starts_nothing_is_refused_in_a_sentence(
    ranked: Project, olga: User, wrong: dict[str, object], told: str
) -> None:
    status, page = post(olga, ranked, **wrong)
    assert (status, told in page) == (400, True)
    assert not Schedule.objects.exists()


def test_the_page_shows_the_next_five_times_in_the_projects_zone(ranked: Project, olga: User) -> None:
    by_line(ranked, "0 3 1 1 *", "Asia/Shanghai")
    page = make.client_of(olga).get(PAGE).content.decode()
    first = datetime.now(UTC).year + 1
    for year in range(first, first + 5):
        assert f"1 January {year}, 03:00" in page
    assert "UTC+08:00" in page
    board = make.client_of(olga).get("/p/turtles/rounds/").content.decode().replace("\N{NO-BREAK SPACE}", " ")
    assert "the times of the line 0 3 1 1 *, Asia/Shanghai" in board


def test_days_of_the_week_show_their_next_times_too(ranked: Project) -> None:
    schedule = by_line(ranked, "", "Europe/Berlin")
    schedule.weekdays, schedule.at = [6], time(2, 30)
    found = next_runs(schedule, now=datetime(2026, 10, 20, tzinfo=UTC))
    assert [run.isoformat(timespec="minutes") for run in found] == [
        "2026-10-25T02:30+02:00",
        "2026-11-01T02:30+01:00",
        "2026-11-08T02:30+01:00",
        "2026-11-15T02:30+01:00",
        "2026-11-22T02:30+01:00",
    ]


def test_a_day_that_leaves_its_time_out_shows_what_the_clock_shows_then(ranked: Project) -> None:
    schedule = by_line(ranked, "", "Europe/Berlin")
    schedule.weekdays, schedule.at = [6], time(2, 30)
    found = next_runs(schedule, now=datetime(2026, 3, 28, tzinfo=UTC))
    assert found[0].isoformat(timespec="minutes") == "2026-03-29T03:30+02:00"
