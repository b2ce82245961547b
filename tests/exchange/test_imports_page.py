"""The imports page: who may come, what it says in each state, and a file's way from the form to the rows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import Project, User
from annotations import records
from exchange.models import Import, ImportState
from rounds.models import Beat
from tests import make
from tutelage.celery import app

PAGE = "/p/turtles/imports/"
PAIR = {"prompt": "Why <b>so</b>?", "chosen": "Because.", "rejected": "No."}


@pytest.fixture(autouse=True)
def worker() -> Iterator[None]:
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


def file(*given: dict[str, Any], name: str = "friends.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "".join(json.dumps(row) + "\n" for row in given).encode())


@pytest.mark.parametrize(
    ("name", "status"), [("alice", 403), ("rita", 403), ("erik", 403), ("mallory", 404), ("olga", 200)]
)
def test_only_operators_come_in(project: Project, request: pytest.FixtureRequest, name: str, status: int) -> None:
    client = make.client_of(request.getfixturevalue(name))
    assert client.get(PAGE).status_code == status
    sent = client.post(f"{PAGE}bring/", {"file": file(PAIR)}).status_code
    assert sent == (302 if status == 200 else status)
    assert Import.objects.count() == (1 if status == 200 else 0)


def test_another_projects_import_is_not_found(project: Project, olga: User) -> None:
    other = make.make_project("tortoises")
    theirs = Import.objects.create(project=other, name="a", file="a.jsonl")
    client = make.client_of(olga)
    assert client.get(f"{PAGE}{theirs.public_id}/").status_code == 404
    for verb in ("write", "retry", "drop", "read-as"):
        assert client.post(f"{PAGE}{theirs.public_id}/{verb}/").status_code == 404


def test_a_file_comes_in_by_the_page(project: Project, olga: User) -> None:
    client = make.client_of(olga)
    Beat.objects.create(name="worker", at=timezone.now())
    page = client.post(f"{PAGE}bring/", {"file": file(PAIR, {"prompt": ""}), "asked": "on"}, follow=True)
    text = page.content.decode()
    assert "Why &lt;b&gt;so&lt;/b&gt;?" in text
    assert "friends.jsonl · TRL preference, explicit prompt" in text
    assert "Import without 1 line" in text
    assert records.current_rankings(project).count() == 0
    row = Import.objects.get()
    done = client.post(f"{PAGE}{row.public_id}/write/", {"without_bad": "yes"}, follow=True).content.decode()
    assert "1 rows were new here" in done
    assert records.current_rankings(project).count() == 1
    assert "friends" in client.get(PAGE).content.decode()


def test_columns_of_other_names_are_mapped_on_the_page(project: Project, olga: User) -> None:
    client = make.client_of(olga)
    page = client.post(f"{PAGE}bring/", {"file": file({"Frage": "Why?", "Antwort": "So."})}, follow=True)
    assert "of no format that is known" in page.content.decode()
    row = Import.objects.get()
    mapped = {"column_0": "prompt", "column_1": "completion", "format": ""}
    again = client.post(f"{PAGE}{row.public_id}/read-as/", mapped, follow=True).content.decode()
    assert "Prompts with answers" in again
    assert Import.objects.get().report["counts"] == {"prompts": 1, "demonstrations": 1}


def test_a_dropped_import_stays_on_the_list(project: Project, olga: User) -> None:
    client = make.client_of(olga)
    client.post(f"{PAGE}bring/", {"file": file(PAIR)})
    row = Import.objects.get()
    assert "dropped" in client.post(f"{PAGE}{row.public_id}/drop/", follow=True).content.decode()
    assert Import.objects.get().state == ImportState.DROPPED


def test_without_a_file_the_form_says_so(project: Project, olga: User) -> None:
    answer = make.client_of(olga).post(f"{PAGE}bring/", {})
    assert (answer.status_code, "Choose a file." in answer.content.decode()) == (400, True)
    empty = make.client_of(olga).post(f"{PAGE}bring/", {"file": SimpleUploadedFile("a.jsonl", b"")})
    assert empty.status_code == 400
    assert not Import.objects.exists()


def test_nobody_to_work_is_said(project: Project, olga: User) -> None:
    assert "No worker is running" in make.client_of(olga).get(PAGE).content.decode()
