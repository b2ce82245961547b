"""Idempotency keys: the same again is done once, whoever comes first, and a key is one request's."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from annotations.models import Prompt
from exchange.api.once import DEAD
from exchange.models import KeptAnswer
from exchange.services.sweeping import sweep
from tests import make
from tests.exchange.api.calls import Caller, problem, prompt_body, said
from tests.race import race

PATH = "/projects/turtles/prompts"


def added() -> int:
    return JournalEntry.objects.filter(verb="add_prompts").count()


@pytest.mark.parametrize("key", ["k-1", '"a key, in quotes"'])
def test_the_same_again_gets_the_first_answer_and_does_nothing(olga: User, key: str) -> None:
    caller = Caller(olga)
    first, second = (caller.post(PATH, prompt_body("Why?"), key=key) for _ in range(2))
    assert said(first) == said(second) == {"added": 1, "known": 0}
    assert added() == 1


def test_without_a_key_it_is_done_again(olga: User) -> None:
    caller = Caller(olga)
    first, second = (caller.post(PATH, prompt_body("Why?")) for _ in range(2))
    assert (said(first)["known"], said(second)["known"]) == (0, 1)


def test_another_request_under_the_key_is_refused(olga: User) -> None:
    caller = Caller(olga)
    caller.post(PATH, prompt_body("Why?"), key="k")
    assert problem(caller.post(PATH, prompt_body("How?"), key="k")) == (422, "other-request")
    assert Prompt.objects.count() == 1


def test_a_key_is_its_tokens_own(olga: User) -> None:
    for caller in (Caller(olga), Caller(olga)):
        assert caller.post(PATH, prompt_body("Why?"), key="k").status_code == 200
    assert added() == 2


def test_a_refused_request_leaves_its_key_free(olga: User, project: Project) -> None:
    caller = Caller(olga)
    olga.memberships.update(role="labeler")
    assert caller.post(PATH, prompt_body("Why?"), key="k").status_code == 403
    olga.memberships.update(role="operator")
    assert said(caller.post(PATH, prompt_body("Why?"), key="k")) == {"added": 1, "known": 0}


@pytest.mark.parametrize("key", ["x" * 256, "schlüssel".encode().decode("latin-1"), '"', "two words"])
def test_a_key_that_is_none_is_refused(olga: User, key: str) -> None:
    assert problem(Caller(olga).post(PATH, prompt_body("Why?"), key=key)) == (400, "unreadable")


def test_who_comes_while_the_first_is_at_work_is_told_to_wait(olga: User) -> None:
    caller = Caller(olga)
    caller.post(PATH, prompt_body("Why?"), key="k")
    KeptAnswer.objects.update(status=None, body=None)
    assert problem(caller.post(PATH, prompt_body("Why?"), key="k")) == (409, "at-work")


def test_a_key_whose_request_died_is_taken_over(olga: User) -> None:
    caller = Caller(olga)
    caller.post(PATH, prompt_body("Why?"), key="k")
    KeptAnswer.objects.update(status=None, body=None, at=timezone.now() - DEAD - timedelta(seconds=1))
    assert said(caller.post(PATH, prompt_body("Why?"), key="k")) == {"added": 0, "known": 1}


def test_answers_are_kept_for_a_day(olga: User) -> None:
    caller = Caller(olga)
    caller.post(PATH, prompt_body("Why?"), key="k")
    sweep(now=timezone.now() + timedelta(hours=23))
    assert KeptAnswer.objects.exists()
    sweep(now=timezone.now() + timedelta(hours=25))
    assert not KeptAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_done_once(valkey: str) -> None:
    project = make.make_project()
    caller = Caller(make.make_person("olga", project, "operator"))
    acts: list[Callable[[], object]] = [partial(caller.post, PATH, prompt_body("Why?"), key="k") for _ in range(4)]
    answers = race(acts)
    assert [(each.status_code, said(each)) for each in answers] == [(200, {"added": 1, "known": 0})] * 4
    assert added() == 1
