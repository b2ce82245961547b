"""A sampling order that failed stands on the board with its reason, until an operator lets it go on or ends it."""

from accounts.models import Project, User
from rounds.models import Stage
from tests import make
from tests.rounds import loop

BOARD = "/p/turtles/rounds/"


def state(order: object) -> str:
    return Stage.objects.get(sampling_order=order).state


def test_the_board_says_what_stopped_it_and_offers_both_ways_out(ranked: Project, olga: User, rita: User) -> None:
    order = loop.sampling_order_that_failed(ranked)
    page = make.client_of(olga).get(BOARD).content.decode()
    assert "Sampling from base stopped, so no new answers come" in page
    assert "It failed." in page
    forms = [f"{BOARD}sampling/{order.public_id}/{verb}/" for verb in ("retry", "cancel")]
    assert [form in page for form in forms] == [True, True]
    reviewers = make.client_of(rita).get(BOARD).content.decode()
    assert "It failed." in reviewers
    assert [form in reviewers for form in forms] == [False, False]


def test_a_retry_lets_it_wait_for_a_supervisor_again(ranked: Project, olga: User) -> None:
    order = loop.sampling_order_that_failed(ranked)
    answer = make.client_of(olga).post(f"{BOARD}sampling/{order.public_id}/retry/", follow=True)
    assert "waits for a supervisor again" in answer.content.decode()
    assert state(order) == "waiting"


def test_a_cancel_ends_it(ranked: Project, olga: User) -> None:
    order = loop.sampling_order_that_failed(ranked)
    answer = make.client_of(olga).post(f"{BOARD}sampling/{order.public_id}/cancel/", follow=True)
    assert "What it delivered stays" in answer.content.decode()
    assert state(order) == "cancelled"


def test_a_page_that_is_out_of_date_changes_nothing(ranked: Project, olga: User) -> None:
    order, client = loop.sampling_order_that_failed(ranked), make.client_of(olga)
    for verb, told in (("retry", "has not failed"), ("cancel", "has ended")):
        act = f"{BOARD}sampling/{order.public_id}/{verb}/"
        client.post(act)
        assert told in client.post(act, follow=True).content.decode()
    assert state(order) == "cancelled"
