"""A labeler's own pages by the API: what waits, what they gave and what became of it, their hours, their settings."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Assignment, Prompt, Remark
from annotations.services.rankings import submit_ranking
from annotations.services.work import skip
from rounds.queries.my_work import WORK_A_PAGE
from tests import make
from tests.annotations.test_hours import answered
from tests.exchange.api.calls import Caller, problem, said

DESK, WORK, HOURS = "/projects/turtles/desk", "/projects/turtles/work", "/me/hours"


def ids(caller: Caller, **query: Any) -> list[str]:
    return [each["id"] for each in said(caller.get(WORK, **query))["items"]]


def test_a_desk_says_what_waits_and_what_is_begun(project: Project, alice: User, bob: User) -> None:
    make.make_slates(project, 3)
    held = make.lent(alice, project)
    told = said(Caller(alice).get(DESK))
    assert (told["to_rank"], told["to_demonstrate"], told["emptiness"]) == (3, 0, None)
    assert [(one["id"], one["state"]) for one in told["begun"]] == [(str(held.public_id), "lent")]
    assert said(Caller(bob).get(DESK))["begun"] == []
    Prompt.objects.update(sensitive=True)
    assert said(Caller(alice).get(DESK))["begun"][0]["question"] is None


def test_a_desk_without_work_says_why(project: Project, alice: User) -> None:
    assert said(Caller(alice).get(DESK))["emptiness"]["reason"] == "no_prompts"


def test_today_is_the_persons_own(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    # It is this time of the day here; in that zone today began at least ten hours later or earlier.
    here = timezone.now()
    Assignment.objects.update(done_at=here - timedelta(hours=here.hour + 1))
    zones = {"Pacific/Kiritimati": 14, "Pacific/Niue": -11}
    for zone, ahead in zones.items():
        User.objects.filter(pk=alice.pk).update(time_zone=zone)
        begins = (here + timedelta(hours=ahead)).replace(hour=0, minute=0, second=0, microsecond=0)
        is_today = here - timedelta(hours=here.hour + 1) >= begins - timedelta(hours=ahead)
        done = said(Caller(User.objects.get(pk=alice.pk)).get(DESK))["done"]
        assert done == {"rankings_today": int(is_today), "demonstrations_today": 0, "all": 1}


def test_agreement_is_told_no_more_exactly_than_on_the_page(project: Project, alice: User, bob: User) -> None:
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    for number, slate in enumerate(make.make_slates(project, 10)):
        make.make_ranking(alice, slate)
        make.make_ranking(bob, slate, [[1], [0], [2], [3]] if number % 3 else [])
    told = said(Caller(alice).get(DESK))["agreement"]
    assert (told["slates"], told["share"]) == (10, 0.9)
    assert all(told[name] == round(told[name], 2) for name in ("low", "high"))


def test_work_lists_what_the_person_had_and_nothing_of_others(
    project: Project, alice: User, bob: User, rita: User
) -> None:
    first, second, _third = make.make_slates(project, 3)
    mine = make.make_ranking(alice, first)
    make.make_ranking(bob, second)
    Remark.objects.create(assignment=mine.assignment, author=rita, text="Look again.")
    submit_ranking(by=alice, assignment_id=mine.assignment.public_id, tiers=make.tiers_of(first), key=uuid4())
    held = make.lent(alice, project)
    skip(by=alice, assignment_id=held.public_id, reason="unclear")
    caller = Caller(alice)
    [told] = said(caller.get(WORK))["items"]
    assert (told["id"], told["revision"], told["uses"]) == (str(mine.assignment.public_id), 2, [])
    assert [remark["text"] for remark in told["remarks"]] == ["Look again."]
    [skipped] = said(caller.get(WORK, state="skipped"))["items"]
    assert (skipped["id"], skipped["skip_reason"], skipped["revision"]) == (str(held.public_id), "unclear", 0)
    assert ids(caller, remarked="true", kind="rank") == [told["id"]]
    assert ids(caller, kind="demonstrate") == ids(caller, state="late") == []
    assert "rita" not in caller.get(WORK).content.decode()


def test_pages_of_work_meet_each_once(project: Project, alice: User, bob: User) -> None:
    made = [make.make_ranking(alice, slate) for slate in make.make_slates(project, WORK_A_PAGE + 2)]
    caller = Caller(alice)
    first = said(caller.get(WORK))
    found = [each["id"] for each in first["items"]] + ids(caller, cursor=first["next"])
    assert found == [str(ranking.assignment.public_id) for ranking in made[::-1]]
    assert problem(Caller(bob).get(WORK, cursor=first["next"])) == (400, "bad-cursor")


def test_hours_are_the_days_of_the_page(project: Project, alice: User, bob: User) -> None:
    done = timezone.now() - timedelta(days=1)
    answered(alice, project, done, minutes=4)
    [day] = said(Caller(alice).get(HOURS))["items"]
    assert (day["project"], day["minutes"], day["rankings"], day["skips"]) == ("turtles", 4, 1, 0)
    since = timezone.now().date() + timedelta(days=2)
    assert said(Caller(alice).get(HOURS, since=str(since)))["items"] == []
    assert said(Caller(alice).get(HOURS, project="parrots"))["items"] == []
    assert said(Caller(bob).get(HOURS)) == {"items": [], "stretch": None}


@pytest.mark.parametrize(("since", "days"), [("0001-01-01", 1), ("9999-12-31", 0)])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_any_day_can_be_asked_for_anywhere(project: Project, alice: User, since: str, days: int, zone: str) -> None:
    answered(alice, project, timezone.now() - timedelta(days=1))
    User.objects.filter(pk=alice.pk).update(time_zone=zone)
    assert len(said(Caller(User.objects.get(pk=alice.pk)).get(HOURS, since=since))["items"]) == days


def test_a_pause_is_due_after_long_work(project: Project, alice: User) -> None:
    now = timezone.now()
    for minutes in (55, 28, 1):
        answered(alice, project, now - timedelta(minutes=minutes), minutes=26, measured=True)
    stretch = said(Caller(alice).get(HOURS))["stretch"]
    assert (stretch["due"], stretch["answers"]) == (True, 3)


def test_a_person_chooses_for_themselves(project: Project, alice: User, bob: User) -> None:
    make.make_slate(project)
    Prompt.objects.update(sensitive=True)
    caller = Caller(alice)
    told = said(caller.send("PATCH", "/me/settings", {"avoids_sensitive": True, "time_zone": "Asia/Shanghai"}))
    assert told == {"language": "en", "time_zone": "Asia/Shanghai", "avoids_sensitive": True}
    assert said(caller.get("/me/settings")) == told
    work = "/projects/turtles/assignments"
    assert said(Caller(alice).post(work, {"kind": "rank"}))["assignment"] is None
    assert said(Caller(bob).post(work, {"kind": "rank"}))["assignment"]["sensitive"]
    assert said(Caller(bob).get("/me/settings"))["avoids_sensitive"] is False


@pytest.mark.parametrize("body", [{"language": "tlh"}, {"time_zone": "Mars/Olympus"}, {"language": "\0"}])
def test_a_setting_that_is_none_is_refused(project: Project, alice: User, body: dict[str, str]) -> None:
    assert problem(Caller(alice).send("PATCH", "/me/settings", body)) == (422, "invalid")
    alice.refresh_from_db()
    assert (alice.language, alice.time_zone) == ("en", "UTC")
