"""A server for each file, and for each test a store, a worker and clients with tokens of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts import api_tokens
from accounts.models import Scope, User
from tests.client import live
from tutelage_client import Client


@pytest.fixture(scope="module")
def address(django_db_setup: None) -> Iterator[str]:
    with live.serving() as address:
        yield address


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: LazySettings) -> Path:
    settings.STORE = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def worker(transactional_db: None, store: Path) -> Iterator[None]:
    with live.again_and_again(live.work):
        yield


@pytest.fixture
def client_of(address: str, transactional_db: None) -> Iterator[Callable[[User], Client]]:
    """A client with a token of this person, good for everything that they may."""
    made: list[Client] = []

    def make(person: User) -> Client:
        _token, secret = api_tokens.issue(by=person, name="program", scopes=list(Scope.values), days=1)
        made.append(Client(address, secret))
        return made[-1]

    yield make
    for client in made:
        client.close()
