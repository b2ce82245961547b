"""A store of each test's own, and a project that is ready for its first round."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import Project, User
from annotations.models import Policy
from tests import make
from tests.rounds import loop


@pytest.fixture
def store(tmp_path: Path, settings: LazySettings) -> Path:
    settings.STORE = tmp_path / "store"
    return tmp_path / "store"


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
