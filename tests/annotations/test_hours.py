"""Hours and counts of one's own work: bounded, counted once, by day and project; and when a pause is due."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership, Project, Role, User
from annotations.models import Assignment, Ranking
from annotations.queries.hours import LONGEST, Day, Span, active_time, days_of, stretch_of
from annotations.services.rankings import submit_ranking
from annotations.services.work import skip
from annotations.views.hours import safe_cell
from tests import make

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def answered(by: User, project: Project, done: datetime, *, minutes: float = 4, measured: bool = False) -> Ranking:
    """A ranking that was sent at `done`, `minutes` after it was opened: so the page says, or so it was lent."""
    ranking = make.make_ranking(by, make.make_slate(project))
    began = done - timedelta(minutes=minutes)
    making = {"began": began.isoformat(), "sent": done.isoformat()} if measured else {}
    Ranking.objects.filter(pk=ranking.pk).update(created_at=done, making=making)
    lent = began - timedelta(minutes=7) if measured else began
    Assignment.objects.filter(pk=ranking.assignment_id).update(lent_at=lent, done_at=done)
    return ranking


def minutes(person: User) -> list[int]:
    return [day.minutes for day in days_of(person)]


def test_time_that_two_answers_share_counts_once() -> None:
    def at(start: int, end: int) -> Span:
        return Span(NOON + timedelta(minutes=start), NOON + timedelta(minutes=end), "turtles", "rankings")

    assert active_time([at(5, 15), at(0, 10), at(2, 3), at(20, 21)]) == timedelta(minutes=16)
    assert active_time([]) == timedelta()


def test_an_answer_counts_from_its_opening_to_its_sending(project: Project, alice: User) -> None:
    answered(alice, project, NOON, minutes=4)
    answered(alice, project, NOON + timedelta(hours=1), minutes=6, measured=True)
    assert minutes(alice) == [10]


@pytest.mark.parametrize("measured", [True, False])
def test_an_answer_left_open_counts_no_longer_than_the_bound(project: Project, alice: User, measured: bool) -> None:
    answered(alice, project, NOON, minutes=600, measured=measured)
    assert minutes(alice) == [LONGEST.total_seconds() / 60]


@pytest.mark.parametrize(
    "making",
    [
        {"began": "soon", "sent": 7},
        {"began": "2026-13-45T00:00:00Z", "sent": "2026-11-20T12:00:00Z"},
        {"began": "2026-11-20T13:00:00", "sent": "2026-11-20T12:00:00"},
        [],
    ],
)
def test_what_a_page_says_of_its_own_times_may_be_nonsense(project: Project, alice: User, making: object) -> None:
    ranking = answered(alice, project, NOON, minutes=5)
    Ranking.objects.filter(pk=ranking.pk).update(making=making)
    assert minutes(alice) == [5]


def test_days_are_those_of_the_persons_own_time_zone_newest_first(project: Project, alice: User) -> None:
    answered(alice, project, NOON)
    answered(alice, project, NOON + timedelta(hours=5))
    with timezone.override("Asia/Shanghai"):
        assert [day.day.isoformat() for day in days_of(alice)] == ["2026-11-21", "2026-11-20"]


def test_rankings_revisions_skips_and_projects_are_counted_apart(project: Project, alice: User) -> None:
    other = make.make_project("rivers")
    Membership.objects.create(user=alice, project=other, role=Role.LABELER)
    first = answered(alice, project, timezone.now())
    tiers = make.tiers_of(first.slate)
    submit_ranking(by=alice, assignment_id=first.assignment.public_id, tiers=tiers, key=first.public_id)
    make.make_slate(other)
    skip(by=alice, assignment_id=make.lent(alice, other).public_id, reason="unclear")
    counts = {day.slug: (day.rankings, day.demonstrations, day.revisions, day.skips) for day in days_of(alice)}
    assert counts == {"turtles": (1, 0, 1, 0), "rivers": (0, 0, 0, 1)}
    assert [day.slug for day in days_of(alice, slug="rivers")] == ["rivers"]


def test_what_was_taken_back_at_once_counts_as_nothing(project: Project, alice: User) -> None:
    ranking = answered(alice, project, NOON)
    Ranking.objects.filter(pk=ranking.pk).update(withdrawn_at=NOON, is_current=False)
    assert days_of(alice) == []


def rows(person: User) -> list[list[str]]:
    answer = make.client_of(person).get("/my-hours.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_the_file_holds_ones_own_days_and_nobody_elses(project: Project, alice: User, bob: User) -> None:
    answered(alice, project, NOON)
    assert rows(alice)[1:] == [["2026-11-20", "Turtles", "4", "1", "0", "0", "0"]]
    assert len(rows(bob)) == 1


def test_who_was_put_out_of_a_project_still_has_their_hours(project: Project, alice: User) -> None:
    answered(alice, project, NOON)
    Membership.objects.filter(user=alice).update(deactivated_at=NOON)
    assert len(rows(alice)) == 2
    assert "/my-hours.csv" in make.client_of(alice).get("/").content.decode()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_no_name_of_a_project_becomes_a_formula(project: Project, alice: User, name: str) -> None:
    answered(alice, project, NOON)
    Project.objects.update(name=name)
    assert rows(alice)[1][1] == f"'{name}"
    assert safe_cell("Turtles - two") == "Turtles - two"


def test_a_stretch_goes_back_to_the_last_pause(project: Project, alice: User) -> None:
    now = timezone.now()
    for ago in (200, 100, 52, 48, 40, 33, 30, 25, 20, 16, 10, 5, 1):
        answered(alice, project, now - timedelta(minutes=ago))
    stretch = stretch_of(alice, now=now)
    assert stretch is not None
    assert (stretch.minutes, stretch.answers) == (56, 11)


def test_after_a_pause_there_is_no_stretch(project: Project, alice: User) -> None:
    now = timezone.now()
    answered(alice, project, now - timedelta(minutes=6), minutes=55)
    assert stretch_of(alice, now=now) is None
    assert stretch_of(alice, now=now - timedelta(minutes=3)) is not None


def worked_for(by: User, project: Project, minutes: int) -> None:
    for ago in range(0, minutes, 10):
        answered(by, project, timezone.now() - timedelta(minutes=ago, seconds=30), minutes=10)


def test_the_break_card_is_calm_has_numbers_and_can_be_put_away(project: Project, alice: User) -> None:
    client = make.client_of(alice)
    worked_for(alice, project, 40)
    assert "without a pause" not in client.get("/").content.decode()
    worked_for(alice, project, 60)
    page = client.get("/").content.decode()
    assert re.search(r"1 h \d+ min without a pause", page)
    assert 'action="/go-on/"' in page
    assert "without a pause" not in client.post("/go-on/", follow=True).content.decode()


def test_who_goes_from_question_to_question_is_told_once_and_never_stopped(project: Project, alice: User) -> None:
    worked_for(alice, project, 60)
    make.make_slate(project)
    client = make.client_of(alice)
    first, second = (client.get("/p/turtles/rank/", follow=True) for _ in range(2))
    assert first.redirect_chain[-1][0].startswith("/rank/")
    assert "A few minutes off rest the eyes." in first.content.decode()
    assert "A few minutes off rest the eyes." not in second.content.decode()


def test_a_day_says_all_of_it(project: Project, alice: User) -> None:
    answered(alice, project, NOON)
    assert days_of(alice) == [
        Day(
            day=NOON.date(),
            slug="turtles",
            project="Turtles",
            minutes=4,
            rankings=1,
            demonstrations=0,
            revisions=0,
            skips=0,
        )
    ]
