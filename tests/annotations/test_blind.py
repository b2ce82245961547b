"""Nothing on a labeler's page says who wrote what, how long it is, or what anybody else thought."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from annotations.models import Assignment, Completion
from tests.make import client_of, lent, make_policy, make_ranking, make_slate

# As long as no other number of the page.
TEXTS = [
    "Turtles lay eggs in the sand." + " They do so at night." * 300,
    "On a beach.",
    "In the sea, some say, but that is not so.",
    "Nobody knows.",
]


@pytest.fixture(params=[2, 4])
def page(request: pytest.FixtureRequest, project: Project, alice: User, bob: User) -> str:
    """The head and the body of a page for two answers, and of one for more."""
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    make_ranking(bob, make_slate(project, TEXTS[: request.param], policy=make_policy(project, "r7-ppo-secret")))
    Completion.objects.update(tokens=98765)
    return _shown(client_of(alice), lent(alice, project))


def _shown(client: Client, assignment: Assignment) -> str:
    answer = client.get(f"/rank/{assignment.public_id}/")
    head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    # A random token spells "bob" now and then.
    return head + re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def test_no_policy_is_named(page: str) -> None:
    policy = Completion.objects.first().policy  # type: ignore[union-attr]
    for tell in (policy.name, policy.digest, policy.path, str(policy.public_id), "ppo", "sft"):
        assert tell not in page


def test_no_id_tells_which_answers_were_made_together(page: str) -> None:
    for completion in Completion.objects.all():
        assert str(completion.public_id) not in page
    assert str(Completion.objects.first().order.public_id) not in page  # type: ignore[union-attr]


def test_no_length_is_told(page: str) -> None:
    body = page[page.index("<body") :].replace("maxlength", "")
    for tell in ("98765", "token ", "tokens", "characters", "length", str(len(TEXTS[0]))):
        assert tell not in re.sub(r'value="[^"]+"|data-lease="[^"]+"|[0-9a-f-]{36}', "", body)


def test_nothing_of_another_person_is_there(page: str, bob: User) -> None:
    assert "bob" not in page
    assert bob.pseudonym not in page


def test_nothing_is_suggested(page: str) -> None:
    assert " checked" not in page
    fields = re.findall(r'<input id="id_order"[^>]*>', page)
    assert len(fields) + page.count('name="strength" value="0"') == 1
    for field in fields:
        assert 'value=""' in field
        assert not re.search(r'placeholder="[^"]*\b[a-i]( = | )[a-i]\b', field)


@pytest.mark.parametrize("k", [2, 4])
def test_the_page_does_not_even_ask_who_wrote_it_or_what_it_scored(project: Project, alice: User, k: int) -> None:
    make_slate(project, TEXTS[:k])
    assignment, client = lent(alice, project), client_of(alice)
    with CaptureQueriesContext(connection) as asked:
        _shown(client, assignment)
    tables = {table for query in asked for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"])}
    assert "annotations_slatecompletion" in tables
    assert not {"annotations_policy", "annotations_samplingorder", "annotations_placement"} & tables
    assert not {table for table in tables if table.startswith("rounds_")}


def test_the_order_on_screen_is_the_stored_one_and_stays(project: Project, alice: User) -> None:
    make_slate(project, TEXTS)
    assignment, client = lent(alice, project), client_of(alice)
    pages = [_shown(client, assignment) for _ in range(2)]
    places = [[found.find(TEXTS[at]) for at in assignment.shown] for found in pages]
    assert all(-1 not in found and found == sorted(found) for found in places)
