"""A round from a program: begun, waited for, judged; what stops it is raised by its name."""

from collections.abc import Callable

import pytest

from accounts.models import Project, User
from rounds.machine import State
from rounds.models import Round
from tests import make
from tests.rounds import loop
from tutelage_client import Client, NotFound, Refused, Stopped

pytestmark = pytest.mark.django_db(transaction=True)
Clients = Callable[[User], Client]
TINY = {"preset": "tiny", "seed": 7, "sft": False}


@pytest.fixture
def ranked(project: Project, alice: User) -> Project:
    """A project whose policy can learn from three rankings."""
    policy = loop.install(project, "base")
    for _ranking in range(3):
        make.make_ranking(alice, make.make_slate(project, policy=policy))
    return project


def test_a_round_is_begun_waited_for_and_approved(ranked: Project, olga: User, client_of: Clients) -> None:
    client = client_of(olga)
    begun = client.start_round("turtles", **TINY)
    assert (begun.number, begun.state, begun.by, begun.choices["preset"]) == (1, "exporting", "olga", "tiny")
    with pytest.raises(TimeoutError):
        client.wait_for_round("turtles", 1, timeout=0.2, every=0.05)
    loop.work_until(Round.objects.get(), State.REVIEW)
    waiting = client.wait_for_round("turtles", 1, every=0.05)
    assert waiting.state == "review"
    assert {gate.name for gate in waiting.gates} >= {"kl"}
    assert client.approve_round("turtles", 1, note="Reads well.").state == "deploying"
    assert [(line.number, line.state) for line in client.rounds("turtles")] == [(1, "deploying")]


def test_what_stopped_a_round_is_raised_and_it_can_go_on(ranked: Project, olga: User, client_of: Clients) -> None:
    client = client_of(olga)
    client.start_round("turtles", **TINY)
    loop.fail(loop.live_stage(loop.work_until(Round.objects.get(), State.PPO)))
    with pytest.raises(Stopped):
        client.wait_for_round("turtles", 1, every=0.05)
    assert client.retry_round("turtles", 1).failure == ""
    assert client.cancel_round("turtles", 1).state == "cancelled"
    assert client.wait_for_round("turtles", 1).ended is not None


def test_a_round_is_refused_with_the_reason(ranked: Project, olga: User, alice: User, client_of: Clients) -> None:
    client_of(olga).start_round("turtles", **TINY)
    with pytest.raises(Refused, match="open already"):
        client_of(olga).start_round("turtles", **TINY)
    with pytest.raises(NotFound):
        client_of(alice).reject_round("turtles", 1)
