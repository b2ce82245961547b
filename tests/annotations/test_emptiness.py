"""Why a queue is empty: each reason in its own words, with what to do, and never what others thought."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from accounts.consents import publish_consent
from accounts.models import Project, User
from annotations.models import Assignment, Prompt, SamplingOrder
from annotations.queries.emptiness import Emptiness, Reason, why_empty
from annotations.services.slates import take_in_completions
from tests import make


def why(person: User, project: Project, kind: str = "rank") -> Emptiness:
    project.refresh_from_db()
    return why_empty(person, project, kind)


def page(person: User, kind: str = "rank") -> str:
    return make.client_of(person).get(f"/p/turtles/{kind}/").content.decode()


def finish_orders() -> None:
    SamplingOrder.objects.update(finished_at=Now())


def test_a_project_without_questions_says_so(project: Project, alice: User) -> None:
    assert why(alice, project).reason == Reason.NO_PROMPTS
    assert "Nothing is asked in this project yet" in page(alice)


def test_questions_without_answers_and_without_an_order_wait_to_be_written(project: Project, alice: User) -> None:
    make.make_prompt(project)
    assert why(alice, project).reason == Reason.UNWRITTEN


def test_an_unfinished_order_says_how_far_it_is(project: Project, alice: User) -> None:
    order = make.make_order(project, prompts=[make.make_prompt(project) for _ in range(3)])
    found = why(alice, project)
    assert (found.reason, found.writing and found.writing.written) == (Reason.WRITING, 0)
    take_in_completions(order=order, rows=make.shard_rows(order)[:4])
    make.make_ranking(alice, order.slates.get())
    told = "You have ranked everything that was open to you. New answers are being written now: 1 of 3 questions are"
    assert told in page(alice)


def test_what_others_hold_is_counted_with_the_first_moment_it_may_come_back(
    project: Project, alice: User, bob: User
) -> None:
    make.make_slates(project, 2)
    finish_orders()
    held = make.lent(bob, project)
    first = timezone.now() + timedelta(minutes=7)
    Assignment.objects.filter(pk=held.pk).update(lease_until=first)
    make.make_ranking(alice, Assignment.objects.get(state="open").slate)  # type: ignore[arg-type]
    found = why(alice, project)
    assert (found.reason, found.held, found.first_back) == (Reason.HELD, 1, first)
    assert "Other people have everything that is open now." in page(alice)


def test_who_did_all_of_it_is_told_so(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    finish_orders()
    found = why(alice, project)
    assert (found.reason, found.took_part) == (Reason.ALL_DONE, True)
    assert "You have done everything that was open to you." in page(alice)


def test_who_came_after_the_others_is_told_so(project: Project, alice: User, bob: User) -> None:
    make.make_ranking(bob, make.make_slate(project))
    finish_orders()
    assert (why(alice, project).reason, why(alice, project).took_part) == (Reason.ALL_DONE, False)
    assert "Everything has been done by others before you came." in page(alice)


def test_only_sensitive_ones_are_left_for_who_asked_for_none(project: Project, alice: User) -> None:
    make.make_slate(project)
    finish_orders()
    Prompt.objects.update(sensitive=True)
    Assignment.objects.update(sensitive=True)
    User.objects.filter(pk=alice.pk).update(avoids_sensitive=True)
    alice.refresh_from_db()
    assert why(alice, project).reason == Reason.SENSITIVE
    assert 'href="/settings/"' in page(alice)
    assert "you chose to get none of it" in make.client_of(alice).get("/").content.decode()


def test_a_consent_that_is_owed_comes_before_everything(project: Project, alice: User, olga: User) -> None:
    publish_consent(by=olga, project=project, text="Your answers are kept.", after=0)
    assert why(alice, project).reason == Reason.CONSENT
    assert 'href="/p/turtles/consent/"' in make.client_of(alice).get("/").content.decode()


def test_what_several_people_skipped_waits_for_a_reviewer(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    slate = make.make_slate(project)
    finish_orders()
    Assignment.objects.filter(slate=slate).update(state="closed", slot=None)
    type(slate).objects.filter(pk=slate.pk).update(in_review_at=Now())
    found = why(alice, project)
    assert (found.reason, found.in_review) == (Reason.REVIEW, 1)
    assert "a reviewer decides whether it is asked again" in page(alice)


def test_a_project_that_wants_no_written_answers_says_so(project: Project, alice: User) -> None:
    make.make_prompt(project)
    Project.objects.update(demonstrations_wanted=0)
    assert why(alice, project, "demonstrate").reason == Reason.NOT_WANTED
    assert "In this project people rank answers, and write none." in page(alice, "demonstrate")


def test_no_reason_costs_more_the_more_work_there_is(
    project: Project, alice: User, bob: User, django_assert_max_num_queries: Any
) -> None:
    for slate in make.make_slates(project, 12):
        make.make_ranking(bob, slate)
    with django_assert_max_num_queries(12):
        why(alice, project)
