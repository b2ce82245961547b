"""My work: one's own answers, what reviewers said, which round used them and what became of it; never a policy."""

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Assignment, Policy, Ranking
from annotations.services.rankings import submit_ranking
from annotations.services.work import skip
from rounds.machine import State
from rounds.queries.my_work import WORK_A_PAGE, Narrowed, ranges, work_page
from rounds.services import deployments, rounds
from tests import make
from tests.rounds import loop

PAGE = "/p/turtles/my-work/"
ALL = Narrowed()


def page(person: User, query: str = "") -> str:
    return make.client_of(person).get(f"{PAGE}{query}").content.decode()


def revise(ranking: Ranking) -> None:
    tiers = make.tiers_of(ranking.slate)
    submit_ranking(by=ranking.labeler, assignment_id=ranking.assignment.public_id, tiers=tiers, key=uuid4())


def test_labelers_have_it_and_nobody_else(
    project: Project, alice: User, rita: User, olga: User, erik: User, mallory: User
) -> None:
    people = (alice, rita, olga, erik, mallory)
    assert [make.client_of(person).get(PAGE).status_code for person in people] == [200, 403, 403, 403, 404]


def test_it_lists_ones_own_work_newest_first_and_each_opens_again(project: Project, alice: User, bob: User) -> None:
    mine = [make.make_ranking(alice, slate) for slate in make.make_slates(project, 2)]
    make.make_ranking(bob, make.make_slate(project))
    work = work_page(alice, project, ALL).work
    assert [each.given for each in work] == mine[::-1]
    assert all(f'href="/rank/{ranking.assignment.public_id}/"' in page(alice) for ranking in mine)


def test_a_revision_shows_how_often_and_late_and_hurried_are_said(project: Project, alice: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    revise(ranking)
    Ranking.objects.filter(revision=2).update(hurried=True)
    Assignment.objects.update(surplus=True, slot=None)
    shown = page(alice)
    for words in ("2 revisions", "came late", "marked as hurried"):
        assert words in shown


def test_the_list_is_narrowed_by_kind_state_and_remarks(project: Project, alice: User, rita: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    loop.demonstrate(alice, project)
    make.make_slate(project)
    skip(by=alice, assignment_id=make.lent(alice, project).public_id, reason="unclear")
    ranking.assignment.remarks.create(author=rita, text="Look again.")
    found = {
        str(narrowed): len(work_page(alice, project, narrowed).work)
        for narrowed in (
            ALL,
            Narrowed(kind="demonstrate"),
            Narrowed(state="skipped"),
            Narrowed(state="late"),
            Narrowed(state="given_back"),
            Narrowed(remarked=True),
        )
    }
    assert list(found.values()) == [2, 1, 1, 0, 0, 1]
    assert "skipped: The question is unclear" in page(alice, "?state=skipped")
    assert page(alice, "?state=burn&kind=x&after=y").count('class="work"') == 2


def test_a_remark_stands_beside_the_answer_and_is_read_there(project: Project, alice: User, rita: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    remark = ranking.assignment.remarks.create(author=rita, text="Look again.")
    assert "Look again." in page(alice)
    assert "rita" not in page(alice)
    sent = {"then": "stay", "next": PAGE}
    assert make.client_of(alice).post(f"/remarks/{remark.public_id}/read/", sent)["Location"] == PAGE
    assert "Look again." in page(alice)
    assert "I have read it" not in page(alice)


def test_it_says_which_round_used_it_and_what_became_of_that(ranked: Project, base: Policy, alice: User) -> None:
    assert "Used in round" not in page(alice)
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    assert "Used in round 1, which is still going on." in page(alice)
    rounds.approve(by=None, round_id=round.pk)
    loop.deploy(round)
    assert "Used in round 1, which was deployed." in page(alice)
    revise(Ranking.objects.get())
    assert "It was revision 1 then." in page(alice)
    second = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.reject(by=None, round_id=second.pk)
    assert "Used in round 2, which was not deployed." in page(alice)
    deployments.roll_back(by=None, project=ranked, reason="It repeats itself.")
    assert "Used in round 1, which was deployed and taken back later." in page(alice)


@pytest.mark.parametrize(
    ("numbers", "words"), [([], ""), ([3], "3"), ([1, 2], "1–2"), ([1, 2, 3, 5, 7, 8], "1–3, 5, 7–8")]
)
def test_many_rounds_are_told_in_short(numbers: list[int], words: str) -> None:
    assert ranges(numbers) == words


def test_no_policy_no_figure_and_no_other_person_is_named(ranked: Project, alice: User, bob: User) -> None:
    loop.whole_turn(ranked)
    shown = page(alice).lower()
    for policy in Policy.objects.all():
        assert policy.name not in shown.replace("turtles", "").replace("database", "")
    for tell in ("ppo", "reward", "win", "bob", bob.pseudonym):
        assert tell not in shown.replace("window", "").replace("following", "")


def test_a_sensitive_question_is_not_quoted(project: Project, alice: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    prompt = ranking.slate.prompt
    type(prompt).objects.update(sensitive=True)
    assert prompt.messages[-1]["content"] not in page(alice)


def test_pages_follow_each_other_without_a_gap_and_cost_the_same(
    project: Project, alice: User, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for slate in make.make_slates(project, WORK_A_PAGE + 5):
        make.make_ranking(alice, slate)
    # Many at one moment: the key must tell them apart.
    Assignment.objects.update(done_at=now)
    with django_assert_max_num_queries(6):
        first = work_page(alice, project, ALL)
    rest = work_page(alice, project, ALL, after=first.older)
    seen = [each.assignment.pk for each in [*first.work, *rest.work]]
    assert (len(seen), len(set(seen)), rest.older) == (WORK_A_PAGE + 5, WORK_A_PAGE + 5, None)


def test_somebody_elses_key_opens_the_first_page(project: Project, alice: User, bob: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    theirs = make.make_ranking(bob, make.make_slate(project)).assignment.public_id
    assert len(work_page(alice, project, ALL, after=theirs).work) == 1


def test_the_hours_stand_beside_it(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    assert "The last 14 days" in page(alice)
    assert 'href="/my-hours.csv"' in page(alice)
    assert page(alice, f"?after={uuid4()}").count("The last 14 days") == 0


@pytest.mark.parametrize("path", ["/", "/p/turtles/rank/"])
def test_a_labeler_is_led_there(project: Project, alice: User, path: str) -> None:
    assert f'href="{PAGE}"' in make.client_of(alice).get(path).content.decode()
