"""The journal's page: who did what to what and when, newest first, narrowed by kind, person and time."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import journal
from accounts.models import JournalEntry, Membership, Project, User
from accounts.people import deactivate
from rounds.machine import State
from rounds.queries.journal import ENTRIES_A_PAGE
from rounds.services import deployments, rounds
from tests import make
from tests.rounds import loop

PAGE = "/p/turtles/journal/"


@pytest.fixture
def empty(ranked: Project) -> Project:
    """A project of which the journal says nothing yet."""
    JournalEntry.objects.all().delete()
    return ranked


def page(person: User, query: str = "") -> str:
    return make.client_of(person).get(f"{PAGE}?{query}").content.decode()


def told(person: User, query: str = "") -> list[str]:
    """The list as it reads, newest first: `olga started round 1`."""
    found = re.findall(r'<div class="entry-words">\s*<p>(.*?)</p>', page(person, query), re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", "", words).split()) for words in found]


def note(project: Project, by: User | None, verb: str, subject: object = None, **facts: object) -> JournalEntry:
    with transaction.atomic():
        journal.record(project=project, actor=by, verb=verb, subject=subject or project, **facts)  # type: ignore[arg-type]
    return JournalEntry.objects.latest("pk")


def test_a_round_reads_as_it_went(empty: Project, olga: User, rita: User) -> None:
    found = loop.start(empty, by=olga)
    loop.work_until(found, State.REVIEW)
    rounds.approve(by=rita, round_id=found.pk)
    said = told(olga, "kind=rounds")
    assert said[0] == "rita approved the candidate of round 1 Review → Deploying"
    assert said[-1] == "olga started round 1 Exporting"
    assert "The machine took in PPO of round 1 finished → taken in" in said
    assert "The machine moved round 1 on Reward → PPO" in said


def test_what_has_a_page_is_a_link_to_it(empty: Project, olga: User) -> None:
    loop.start(empty, by=olga)
    assert '<a class="quiet" href="/p/turtles/rounds/1/">started round 1</a>' in page(olga)


def test_policies_and_people_are_named(empty: Project, olga: User, rita: User, bob: User) -> None:
    loop.whole_turn(empty)
    deployments.roll_back(by=olga, project=empty, reason="It repeats itself.")
    assert "olga took r1-ppo back" in told(olga, "kind=policies")
    membership = Membership.objects.get(user=bob)
    deactivate(by=olga, project=empty, membership_id=membership.pk)
    assert told(olga, "kind=people") == ["olga deactivated bob Labeler"]
    assert "repeats" not in page(olga, "kind=all")


def test_the_labelers_work_is_shown_when_it_is_asked_for(empty: Project, olga: User, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(empty))
    assert not any("alice" in line for line in told(olga))
    assert "alice ranked" in told(olga, "kind=work")
    assert "alice ranked" in told(olga, "kind=all")


def test_it_is_narrowed_to_one_person_or_the_machine(empty: Project, olga: User, rita: User) -> None:
    note(empty, olga, "collect")
    note(empty, rita, "set_cut", cut=80)
    note(empty, None, "import", set="newts")
    assert told(olga, f"person={rita.pk}") == ["rita changed what passes the qualification"]
    assert told(olga, "person=machine") == ["The machine imported a set"]


def test_it_is_narrowed_to_days_of_the_reader(empty: Project, olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(time_zone="Asia/Shanghai")
    for day, hour in ((20, 23), (21, 1), (21, 23), (22, 1)):
        entry = note(empty, olga, "collect", artifacts=100 * day + hour)
        at = datetime(2026, 11, day, hour, tzinfo=ZoneInfo("Asia/Shanghai"))
        JournalEntry.objects.filter(pk=entry.pk).update(at=at)
    shown = page(olga, "since=2026-11-21&until=2026-11-21")
    assert re.findall(r"artifacts (\d+)", shown) == ["2123", "2101"]


def test_facts_are_told_beside_it(empty: Project, olga: User) -> None:
    note(empty, olga, "retire_prompts", prompts=[1, 2, 3])
    note(empty, olga, "edit_project", changed=["k", "overlap"], k=6)
    shown = page(olga)
    assert "prompts 3" in shown
    assert "changed k, overlap · k 6" in shown


def test_who_was_erased_is_not_taken_for_the_machine(empty: Project, olga: User, rita: User) -> None:
    note(empty, rita, "collect")
    rita.delete()
    [line] = told(olga)
    assert re.fullmatch(r"Somebody who was erased \(p-[0-9a-f]{12}\) collected weights", line)
    assert told(olga, "person=machine") == []


def test_a_verb_without_words_is_shown_as_it_is(empty: Project, olga: User) -> None:
    note(empty, olga, "do_something_new")
    assert told(olga) == [f"olga do something new · project {empty.pk}"]


def test_nothing_of_another_project_is_shown(empty: Project, olga: User) -> None:
    note(make.make_project("newts"), olga, "collect")
    assert told(olga, "kind=all") == []


def test_older_entries_are_a_page_away_and_none_is_shown_twice(empty: Project, olga: User) -> None:
    numbers = [note(empty, olga, "collect", artifacts=n + 1000).pk for n in range(ENTRIES_A_PAGE + 3)]
    newest = page(olga, "kind=project")
    [older] = re.findall(r'rel="next" href="\?([^"]+)"', newest)
    assert "kind=project" in older
    shown = [re.findall(r'id="e-(\d+)"', each) for each in (newest, page(olga, older.replace("&amp;", "&")))]
    assert [int(pk) for pk in shown[0] + shown[1]] == numbers[::-1]
    assert "There is nothing older." in page(olga, f"before={numbers[0]}")


@pytest.mark.parametrize(
    "query",
    ["kind=x", "person=999", "person=x", "since=x", "since=0001-01-01", "until=9999-12-31", "before=" + "9" * 30],
)
def test_an_address_that_says_nothing_sensible_shows_the_newest(empty: Project, olga: User, query: str) -> None:
    note(empty, olga, "collect")
    assert told(olga, query) == ["olga collected weights"]


def test_an_empty_journal_and_a_filter_that_finds_nothing_say_so(empty: Project, olga: User) -> None:
    assert "Nothing has happened yet." in page(olga)
    assert "Nothing in the journal matches." in page(olga, "kind=exports")


def test_it_costs_as_many_queries_for_fifty_entries_as_for_one(empty: Project, olga: User) -> None:
    note(empty, olga, "collect")
    few = _asked(olga)
    for n in range(20):
        found = note(empty, olga, "collect", artifacts=n)
        JournalEntry.objects.filter(pk=found.pk).update(at=timezone.now() - timedelta(days=n))
    assert _asked(olga) == few


def _asked(person: User) -> int:
    client = make.client_of(person)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as found:
        client.get(PAGE)
    return len(found)
