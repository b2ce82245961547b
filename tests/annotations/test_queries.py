"""How often the labeler's page asks the database: counted, so that it does not grow unseen."""

import re
import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from annotations.choices import Kind
from annotations.services.work import lend_work
from tests import make

# Session and person are two of each; transactions and savepoints are not counted.
PAGE, SUBMISSION = 6, 27


@pytest.fixture
def client(alice: User, project: Project) -> Client:
    make.make_slates(project, 4)
    client = make.client_of(alice)
    # The first request of a process reads templates and checks what it does not check again.
    client.get("/p/turtles/rank/", follow=True)
    return client


def asked(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        act()
    return [query["sql"] for query in found if re.match("SELECT|INSERT|UPDATE|DELETE", query["sql"])]


def test_a_page_and_a_submission_with_the_next_assignment_ask_so_often_and_no_more(
    client: Client, alice: User, project: Project
) -> None:
    held = lend_work(to=alice, project=project, kind=Kind.RANK)
    assert held is not None
    address = f"/rank/{held.public_id}/"
    assert len(asked(lambda: client.get(address))) <= PAGE
    body = {"order": "b c=a d", "key": str(uuid.uuid4()), "making": "{}"}
    answers: list[object] = []
    assert len(asked(lambda: answers.append(client.post(address, body)))) <= SUBMISSION
    [answer] = answers
    assert re.fullmatch(r"/rank/[\w-]{36}/", answer.headers["Location"])  # type: ignore[attr-defined]
    assert answer.headers["Location"] != address  # type: ignore[attr-defined]


def test_more_completions_are_not_more_questions(client: Client, alice: User, project: Project) -> None:
    small, large = make.make_slate(project, k=2), make.make_slate(project, k=9)
    counts = []
    for slate in (small, large):
        row = slate.assignments.get()
        slate.assignments.filter(pk=row.pk).update(state="lent", labeler=alice)
        counts.append(len(asked(lambda address=f"/rank/{row.public_id}/": client.get(address))))  # type: ignore[misc]
    assert counts[0] == counts[1]
