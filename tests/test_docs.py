"""What the documents promise exists: the tests they name, the files they point at, the commands they show."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
WRITTEN_BY_RUNNING = ("STORE/", "var/", "build/", "NAME", "manifest.json")


def code_words(page: Path) -> set[str]:
    """What stands in backticks in one word."""
    return set(re.findall(r"`([^`\s]+)`", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    defined = {
        name for path in (ROOT / "tests").rglob("*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = {word for word in code_words(page) if re.fullmatch(r"test_\w+", word)}
    assert not named - defined


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_points_at_exists(page: Path) -> None:
    paths = {word for word in code_words(page) if re.fullmatch(r"[\w./-]+/[\w.-]+\.(py|md|toml|sql|po)", word)}
    missing = {
        path
        for path in paths
        if not any(part in path for part in WRITTEN_BY_RUNNING)
        and not any((base / path).exists() for base in (ROOT, ROOT / "platform", ROOT / "platform/rounds"))
    }
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert not {name for pair in shown for name in pair if name} - targets
