"""Projects as tests of the API begin with them: one with work for two, and one that is ready for its first round."""

import pytest

# Read now: at a first request it would keep that test's transaction idle for longer than PostgreSQL lets it be.
import tutelage.urls  # noqa: F401
from accounts.models import Project
from tests import make
from tests.rounds.conftest import base, ranked

__all__ = ["base", "ranked", "work"]


@pytest.fixture
def work(project: Project) -> Project:
    """Two slates, to be ranked by two people each."""
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    make.make_slates(project, 2)
    return project
