"""A store of each test's own, and exports as a worker writes them."""

from pathlib import Path

import pytest
from django.conf import LazySettings


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: LazySettings) -> Path:
    settings.STORE = tmp_path / "store"
    return tmp_path / "store"
