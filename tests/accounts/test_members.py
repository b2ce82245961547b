"""Projects and people made from the command line."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.models import JournalEntry, Project, User


def printed(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def add_person(name: str, project: str = "turtles", role: str = "labeler") -> str:
    return printed("add_person", "--project", project, "--username", name, "--role", role)


def test_a_new_person_logs_in_with_the_password_that_was_printed(project: Project) -> None:
    password = add_person("carol")
    assert len(password) >= 20
    assert authenticate(username="carol", password=password) == User.objects.get(username="carol")
    assert project.memberships.get().role == "labeler"


def test_no_two_passwords_are_alike_and_none_is_stored(project: Project) -> None:
    passwords = {add_person("carol"), add_person("dave")}
    assert len(passwords) == 2
    stored = str(list(User.objects.values())) + str(list(JournalEntry.objects.values()))
    assert not any(password in stored for password in passwords)


def test_a_person_of_another_project_keeps_the_password(project: Project) -> None:
    password = add_person("carol")
    printed("add_project", "--slug", "tortoises", "--name", "Tortoises")
    assert "keeps" in add_person("carol", project="tortoises", role="reviewer")
    assert authenticate(username="carol", password=password)


@pytest.mark.parametrize(
    ("name", "slug", "role"),
    [("carol", "unknown", "labeler"), ("carol", "turtles", "king"), ("a b", "turtles", "labeler")],
)
def test_a_wrong_project_role_or_name_is_refused_and_makes_nobody(
    project: Project, name: str, slug: str, role: str
) -> None:
    with pytest.raises(CommandError):
        add_person(name, slug, role)
    assert not User.objects.exists()


def test_a_second_role_in_one_project_is_refused(project: Project) -> None:
    add_person("carol")
    with pytest.raises(CommandError, match="already, as labeler"):
        add_person("carol", role="operator")
    assert project.memberships.get().role == "labeler"


def test_a_project_is_made_with_its_numbers_and_guidelines(db: None, tmp_path: Path) -> None:
    text = tmp_path / "guideline.md"
    text.write_text("Prefer what is true.")
    words = ["--slug", "frogs", "--name", "Frogs", "--k", "9", "--overlap", "3", "--guideline", str(text)]
    printed("add_project", *words)
    project = Project.objects.get(slug="frogs")
    assert (project.k, project.overlap, project.stock_target) == (9, 3, 40)
    assert project.guidelines.get().text == "Prefer what is true."


@pytest.mark.parametrize(
    "words",
    [
        ["--slug", "turtles", "--name", "Again"],
        ["--slug", "frogs", "--name", "Frogs", "--k", "10"],
        ["--slug", "frogs", "--name", "Frogs", "--overlap", "0"],
        ["--slug", "not a slug", "--name", "Frogs"],
        ["--slug", "frogs", "--name", "Frogs", "--guideline", "missing.md"],
        ["--slug", "frogs", "--name", "Frogs", "--time-zone", "Mars/Olympus"],
    ],
)
def test_a_project_that_cannot_be_is_refused(project: Project, words: list[str]) -> None:
    with pytest.raises(CommandError):
        printed("add_project", *words)
    assert Project.objects.get() == project
