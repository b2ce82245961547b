"""A line of five fields in a zone: clocks that are shifted, leap days, and lines that say no time."""

import contextlib
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rounds import cron

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Shifted by an hour in either half of the world, by half an hour, at midnight, and not at all.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu", "UTC")
moments = some.integers(0, 15 * 366 * 24 * 60).map(lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + minutes * MINUTE)
lines = some.one_of(
    some.builds("{} {} * * *".format, some.integers(0, 59), some.integers(0, 23)),
    some.builds("{} {} * * {}".format, some.integers(0, 59), some.integers(0, 23), some.integers(0, 7)),
    some.builds("{} */{} * * *".format, some.integers(0, 59), some.integers(1, 12)),
    some.builds("{} {} {} * *".format, some.integers(0, 59), some.integers(0, 23), some.integers(1, 31)),
)


def shown(line: str, after: str, zone: str = "Europe/Berlin", count: int = 3) -> list[str]:
    found = cron.times(line, after=datetime.fromisoformat(after), zone=ZoneInfo(zone))
    return [time.isoformat(timespec="minutes") for time in islice(found, count)]


def instants(line: str, after: datetime, zone: str, count: int) -> list[datetime]:
    return [time.astimezone(UTC) for time in islice(cron.times(line, after=after, zone=ZoneInfo(zone)), count)]


@settings(max_examples=60, deadline=None)
@given(line=lines, after=moments, zone=some.sampled_from(ZONES))
def test_times_come_later_and_later_and_none_is_named_twice(line: str, after: datetime, zone: str) -> None:
    found = list(islice(cron.times(line, after=after, zone=ZoneInfo(zone)), 12))
    moments = [time.astimezone(UTC) for time in found]
    assert all(one < other for one, other in pairwise([after, *moments]))
    assert len({time.isoformat() for time in found}) == len(found)


@settings(max_examples=60, deadline=None)
@given(hour=some.integers(0, 23), minute=some.integers(0, 59), after=moments, zone=some.sampled_from(ZONES))
def test_a_time_of_day_comes_once_on_every_day(hour: int, minute: int, after: datetime, zone: str) -> None:
    """What a shifted clock leaves out comes an hour later at the latest, on the same day."""
    found = list(islice(cron.times(f"{minute} {hour} * * *", after=after, zone=ZoneInfo(zone)), 20))
    days = [time.date() for time in found]
    assert all(other - one == timedelta(days=1) for one, other in pairwise(days))
    wanted = timedelta(hours=hour, minutes=minute)
    late = [timedelta(hours=time.hour, minutes=time.minute) - wanted for time in found]
    assert all(timedelta(0) <= each <= timedelta(hours=1) for each in late)


@settings(max_examples=40, deadline=None)
@given(line=lines, after=moments, zone=some.sampled_from(ZONES), skipped=some.integers(1, 6))
def test_whoever_asks_later_is_told_the_same_times(line: str, after: datetime, zone: str, skipped: int) -> None:
    """The tick asks again and again: a moment must not have two names, nor come or go with when one asks."""
    first = instants(line, after, zone, 8)
    assert instants(line, first[skipped], zone, 7 - skipped) == first[skipped + 1 :]


def test_a_time_that_the_clock_leaves_out_comes_when_it_goes_on() -> None:
    assert shown("30 2 * * *", "2026-03-28T12:00+00:00", count=2) == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_the_clock_shows_twice_comes_the_first_time_only() -> None:
    assert shown("30 2 * * *", "2026-10-24T12:00+00:00", count=2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]
    between = "2026-10-25T01:10+00:00"
    assert shown("30 2 * * *", between, count=1) == ["2026-10-26T02:30+01:00"]


@pytest.mark.parametrize(("midnight", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_an_hourly_line_follows_the_clock_as_it_goes(midnight: str, hours: int) -> None:
    begin = datetime.fromisoformat(midnight).replace(tzinfo=BERLIN)
    end = (begin + timedelta(days=1)).astimezone(UTC)
    found = instants("0 * * * *", begin.astimezone(UTC) - timedelta(minutes=1), "Europe/Berlin", 30)
    assert sum(time < end for time in found) == hours


def test_a_leap_day_comes_in_leap_years() -> None:
    assert shown("0 12 29 2 *", "2026-11-22T00:00+00:00", "UTC") == [
        "2028-02-29T12:00+00:00",
        "2032-02-29T12:00+00:00",
        "2036-02-29T12:00+00:00",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 22 * * 1-5", "2026-11-23T22:00+01:00"),
        ("0 22 * * SUN", "2026-11-22T22:00+01:00"),
        ("0 6 1 * *", "2026-12-01T06:00+01:00"),
        ("0 6 L * *", "2026-11-30T06:00+01:00"),
        ("*/20 * * * *", "2026-11-22T13:20+01:00"),
    ],
)
def test_lines_are_read_as_cron_reads_them(line: str, expected: str) -> None:
    assert shown(line, "2026-11-22T12:00+00:00", count=1) == [expected]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "Write five fields"),
        ("0 22 * *", "Write five fields"),
        ("0 0 22 * * *", "Write five fields"),
        ("60 22 * * *", "The first field, the minute"),
        ("0 24 * * *", "The second field, the hour"),
        ("0 1 32 * *", "The third field, the day of the month"),
        ("0 1 31 2,4,6 *", "The third field, the day of the month"),
        ("0 1 * 13 *", "The fourth field, the month"),
        ("0 1 * * 8", "The fifth field, the weekday"),
        ("@daily", "Write five fields"),
        ("٣ 1 * * *", "The first field, the minute"),
    ],
)
def test_a_line_that_says_no_time_is_refused_with_the_field_that_is_wrong(line: str, told: str) -> None:
    with pytest.raises(cron.BadLine, match=told):
        cron.check(line, now=NOON)


@settings(max_examples=200, deadline=None)
@given(line=some.text(alphabet="0123456789*/-,#LWMONJAN ", max_size=30))
def test_whatever_is_typed_is_read_or_refused_and_never_breaks(line: str) -> None:
    with contextlib.suppress(cron.BadLine):
        cron.check(line, now=NOON)
        assert len(line.split()) == cron.FIELDS
