"""A store of each test's own, and a project that is ready for its first round."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import Project, User
from annotations.models import Policy
from tests import make
from tests.rounds import loop
from tutelage.celery import app


@pytest.fixture
def store(tmp_path: Path, settings: LazySettings) -> Path:
    settings.STORE = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def worker() -> Iterator[None]:
    """Messages are worked on at once, as an idle worker would."""
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def base(project: Project, store: Path) -> Policy:
    """The project's first policy, deployed."""
    return loop.install(project, "base")


@pytest.fixture
def ranked(project: Project, base: Policy, alice: User) -> Project:
    """A project whose base policy is deployed and was ranked once; its first order is done."""
    loop.finish_orders(project)
    make.make_ranking(alice, make.make_slate(project, policy=base))
    return project


@pytest.fixture
def prompted(ranked: Project, base: Policy) -> Project:
    """A ranked project with eight prompts more, and something of the base policy to rank."""
    for _ in range(8):
        make.make_prompt(ranked)
    make.make_slates(ranked, 2, policy=base)
    return ranked
