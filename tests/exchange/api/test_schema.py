"""The description is true: whatever is sent to any of its operations, each answer is one that it names, none a 5xx."""

from http import HTTPStatus
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Project, Role, Scope, User
from tests import make
from tests.exchange.api import fuzz
from tests.exchange.api.calls import Caller, problem
from tests.screenshots.seed import seed

ALL = list(fuzz.operations())
# Drawing one request takes a sixth of a second: the fast tests fuzz a quarter of the operations, the slow one all.
FEW, MANY = 2, 10


@pytest.fixture
def unlimited(settings: LazySettings) -> None:
    settings.API_REQUESTS_A_MINUTE = 1_000_000


@pytest.fixture
def cast(project: Project, unlimited: None) -> list[Caller]:
    """Everybody with a token for everything, in a project where something has happened."""
    names = {"olga": Role.OPERATOR, "alice": Role.LABELER, "rita": Role.REVIEWER, "erik": Role.EXPORTER}
    people = [make.make_person(name, project, role) for name, role in names.items()]
    make.make_ranking(people[1], make.make_slate(project))
    make.make_slates(project, 3)
    return [Caller(person) for person in (*people, make.make_person("mallory"))]


def bearer(caller: Caller) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.secret}"}


def sent(label: str, **more: Any) -> Any:
    """The operation's answer to a request that nothing is wrong with but who sends it."""
    method, path = label.split(" ", 1)
    filled = path.replace("{slug}", fuzz.PROJECT)
    return Client(raise_request_exception=False).generic(method, filled, content_type="application/json", **more)


def scope_of(label: str) -> str:
    return str(fuzz.operations()[label].definition.raw["x-scope"])


def test_no_operation_calls_its_own_example_wrong(cast: list[Caller]) -> None:
    found, who = fuzz.harvest(cast), dict(zip(("operate", "label", "review", "data"), cast, strict=False))
    told = [label for label in ALL if fuzz.is_whole(label, found)]
    answers = {label: fuzz.as_described(label, who.get(scope_of(label), cast[0]), found).status_code for label in told}
    assert {label: status for label, status in answers.items() if status == HTTPStatus.UNPROCESSABLE_ENTITY} == {}


def test_no_answer_is_undeclared_and_none_is_a_5xx(cast: list[Caller]) -> None:
    found = fuzz.harvest(cast)
    assert [wrong for label in ALL[::4] for wrong in fuzz.wrong_answers(label, cast, found, FEW)] == []


@pytest.mark.slow
@pytest.mark.django_db
def test_nor_over_rows_in_every_state(valkey: str, unlimited: None) -> None:
    seed()
    cast = [Caller(User.objects.get(username=name)) for name in ("olga", "alice", "rita", "erik", "mallory")]
    found = fuzz.harvest(cast)
    assert [wrong for label in ALL for wrong in fuzz.wrong_answers(label, cast, found, MANY)] == []


def test_every_operation_asks_for_a_token(project: Project) -> None:
    assert {label: problem(sent(label)) for label in ALL} == dict.fromkeys(ALL, (401, "no-token"))


def test_every_operation_asks_for_its_scope(olga: User, unlimited: None) -> None:
    narrow = {scope: Caller(olga, *(set(Scope.values) - {scope})) for scope in Scope.values}
    told = {label: sent(label, headers=bearer(narrow[scope_of(label)])) for label in ALL}
    assert {label: problem(answer) for label, answer in told.items()} == dict.fromkeys(ALL, (403, "wrong-scope"))


def test_a_stranger_gets_nothing_of_a_project(cast: list[Caller]) -> None:
    found, stranger = fuzz.harvest(cast[:-1]), cast[-1]
    opened = [label for label in ALL if "{slug}" in label and open_to(label, stranger, found)]
    assert opened == []


def open_to(label: str, stranger: Caller, found: dict[str, list[Any]]) -> bool:
    """Whether the description's example is answered otherwise than by: there is nothing here."""
    return fuzz.as_described(label, stranger, found).status_code not in (404, 422)
