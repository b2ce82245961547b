"""A submission key is answered once, under any race."""

from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.models import Submission, User
from accounts.submissions import KeyReused, answer_once, remember
from tests.race import race

KEY = uuid4()


def test_the_first_time_there_is_no_answer_and_then_always_the_same(alice: User) -> None:
    assert answer_once(user=alice, key=KEY, body=["a", 1]) is None
    remember(user=alice, key=KEY, body=["a", 1], result="r-1")
    assert answer_once(user=alice, key=KEY, body=["a", 1]) == "r-1"


def test_another_body_under_the_key_is_refused(alice: User) -> None:
    assert answer_once(user=alice, key=KEY, body="a") is None
    remember(user=alice, key=KEY, body="a", result="r-1")
    with pytest.raises(KeyReused):
        answer_once(user=alice, key=KEY, body="b")


def test_the_order_of_names_in_a_body_says_nothing(alice: User) -> None:
    answer_once(user=alice, key=KEY, body={"a": 1, "b": 2})
    remember(user=alice, key=KEY, body={"b": 2, "a": 1}, result="r-1")
    assert answer_once(user=alice, key=KEY, body={"b": 2, "a": 1}) == "r-1"


def test_a_key_belongs_to_one_person(alice: User, bob: User) -> None:
    answer_once(user=alice, key=KEY, body="a")
    remember(user=alice, key=KEY, body="a", result="r-1")
    assert answer_once(user=bob, key=KEY, body="b") is None


@pytest.mark.django_db(transaction=True)
def test_a_failed_first_leaves_nothing(alice: User) -> None:
    @transaction.atomic
    def work_that_fails() -> None:
        answer_once(user=alice, key=KEY, body="a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work_that_fails()
    assert not Submission.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_copies_at_once_one_does_the_work_and_all_get_its_answer(alice: User) -> None:
    worked: list[str] = []

    def submit(copy: int) -> str:
        with transaction.atomic():
            answered = answer_once(user=alice, key=KEY, body="a")
            if answered is None:
                worked.append(f"r-{copy}")
                remember(user=alice, key=KEY, body="a", result=f"r-{copy}")
            return answered or f"r-{copy}"

    assert set(race([partial(submit, copy) for copy in range(16)])) == set(worked)
    assert len(worked) == 1
