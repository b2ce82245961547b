"""Files that a program brings: read, mapped, written after a yes, watched, dropped; what is wrong, line by line."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from accounts.models import JournalEntry, Project, User
from annotations import records
from annotations.models import Prompt
from exchange.api import bodies
from exchange.models import Import, KeptAnswer
from exchange.services import importing, imports
from tests import make
from tests.exchange.api.calls import Caller, problem, said

PATH = "/projects/turtles/imports"
PAIR = {"prompt": "Why shells?", "chosen": "They protect.", "rejected": "No idea."}


def lines(*given: Any) -> bytes:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in given).encode()


def raw(caller: Caller, content: bytes, key: str = "", file: str = "friends.jsonl", **how: Any) -> HttpResponse:
    """The file as the body of the request."""
    headers = {"Idempotency-Key": key} if key else {}
    query = {"file": file, **how}
    media = "application/octet-stream"
    path = f"/api/v1{PATH}/raw"
    return caller._client.generic("POST", path, content, content_type=media, query_params=query, headers=headers)


def form(caller: Caller, content: bytes, key: str = "", file: str = "friends.jsonl", **how: Any) -> HttpResponse:
    """The file as a browser's form sends it."""
    headers = {"Idempotency-Key": key} if key else {}
    return caller._client.post(f"/api/v1{PATH}", {"file": SimpleUploadedFile(file, content), **how}, headers=headers)


WAYS = pytest.mark.parametrize("send", [raw, form])


def work() -> None:
    """What the worker does when the bell rings."""
    for row in Import.objects.all():
        importing.work(import_id=row.pk, owner="worker")


def brought(caller: Caller, *given: Any, send: Any = raw, **how: Any) -> Any:
    """A file that was brought and that a worker has read."""
    first = send(caller, lines(*given), **how)
    assert first.status_code == 201, first.content
    work()
    return said(caller.get(f"{PATH}/{said(first)['id']}"))


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 403), ("rita", 403), ("erik", 403), ("mallory", 404), ("olga", 200)]
)
def test_only_operators_may(who: str, status: int, project: Project, request: pytest.FixtureRequest) -> None:
    row = Import.objects.create(project=project, name="a", file="a.jsonl", state="ready")
    own = f"{PATH}/{row.public_id}"
    caller = Caller(request.getfixturevalue(who))
    answers = [raw(caller, lines(PAIR)), form(caller, lines(PAIR)), caller.get(PATH), caller.get(own)]
    answers += [caller.post(f"{own}/read-as", {}), caller.post(f"{own}/drop")]
    found = {answer.status_code for answer in answers}
    assert found == ({200, 201} if status == 200 else {status})
    assert Import.objects.count() == (3 if status == 200 else 1)


def test_a_token_without_the_scope_brings_nothing(olga: User) -> None:
    assert problem(raw(Caller(olga, "read", "operate"), lines(PAIR))) == (403, "wrong-scope")
    assert not Import.objects.exists()


@WAYS
def test_a_file_goes_from_the_upload_into_the_project(send: Any, project: Project, olga: User) -> None:
    caller = Caller(olga, "data")
    told = brought(caller, PAIR, send=send)
    assert (told["name"], told["file"]) == ("friends", "friends.jsonl")
    assert (told["format"], told["state"]) == ("preference", "ready")
    assert (told["found"]["rows"], told["found"]["rankings"], told["found"]["bad"]) == (1, 1, 0)
    assert told["file_columns"] == ["prompt", "chosen", "rejected"]
    [item] = told["preview"]
    assert item["messages"] == [{"role": "user", "content": "Why shells?"}]
    [tiers] = item["judgements"]
    assert [[item["texts"][at] for at in tier] for tier in tiers] == [["They protect."], ["No idea."]]
    assert records.current_rankings(project).count() == 0
    own = f"{PATH}/{told['id']}"
    assert said(caller.post(f"{own}/write", {}))["state"] == "writing"
    work()
    done = said(caller.get(own))
    assert (done["state"], done["written"]["rankings"]) == ("done", 1)
    assert records.current_rankings(project).count() == 1
    verbs = JournalEntry.objects.filter(actor=olga, subject="import").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["bring", "write"]


def test_errors_come_by_line_and_are_given_up_in_so_many_words(project: Project, olga: User) -> None:
    caller = Caller(olga)
    told = brought(caller, PAIR, {"prompt": ""}, "{not json", PAIR | {"prompt": "How old?"})
    assert [error["line"] for error in told["errors"]] == [2, 3]
    assert all(error["reason"] for error in told["errors"])
    assert (told["found"]["rows"], told["found"]["bad"]) == (4, 2)
    own = f"{PATH}/{told['id']}"
    assert problem(caller.post(f"{own}/write", {})) == (409, "refused")
    assert caller.post(f"{own}/write", {"without_bad": True}).status_code == 200
    work()
    assert records.current_rankings(project).count() == 2


def test_columns_of_other_names_are_mapped(olga: User) -> None:
    caller = Caller(olga)
    told = brought(caller, {"Frage": "Why?", "Antwort": "So."})
    assert told["failure"]
    assert told["file_columns"] == ["Frage", "Antwort"]
    own = f"{PATH}/{told['id']}"
    mapped = caller.post(f"{own}/read-as", {"columns": {"Frage": "prompt", "Antwort": "completion"}})
    assert (said(mapped)["state"], said(mapped)["failure"]) == ("reading", "")
    work()
    found = said(caller.get(own))
    assert (found["found"]["prompts"], found["found"]["demonstrations"]) == (1, 1)
    assert problem(caller.post(f"{own}/read-as", {"columns": {"Frage": "nonsense"}})) == (422, "invalid")
    assert problem(caller.post(f"{own}/read-as", {"format": "xml"})) == (422, "invalid")


def test_a_format_can_be_told_at_once(olga: User) -> None:
    told = brought(Caller(olga), {"question": "Why?"}, format="question", name="quiz", asked="false")
    assert (told["format"], told["name"], told["asked"]) == ("question", "quiz", False)
    assert problem(raw(Caller(olga), lines(PAIR), format="xml")) == (422, "invalid")


def test_a_dropped_import_leaves_nothing_and_is_still_told(project: Project, olga: User) -> None:
    caller = Caller(olga)
    told = brought(caller, PAIR)
    own = f"{PATH}/{told['id']}"
    assert said(caller.post(f"{own}/drop"))["state"] == "dropped"
    assert problem(caller.post(f"{own}/drop")) == (409, "refused")
    assert problem(caller.post(f"{own}/write", {})) == (409, "refused")
    assert not Prompt.objects.filter(project=project).exists()
    assert [each["state"] for each in said(caller.get(PATH))["items"]] == ["dropped"]


def test_what_is_in_view_is_not_dropped(olga: User) -> None:
    caller = Caller(olga)
    own = f"{PATH}/{brought(caller, PAIR)['id']}"
    caller.post(f"{own}/write", {})
    work()
    assert problem(caller.post(f"{own}/drop")) == (409, "refused")


def test_a_stopped_import_goes_on_when_it_is_told(olga: User) -> None:
    caller = Caller(olga)
    told = brought(caller, {"Frage": "Why?"})
    own = f"{PATH}/{told['id']}"
    assert said(caller.post(f"{own}/retry"))["failure"] == ""
    assert problem(caller.post(f"{own}/retry")) == (409, "refused")


@WAYS
def test_the_same_upload_under_one_key_is_one_import(send: Any, olga: User) -> None:
    caller = Caller(olga)
    first, second = (said(send(caller, lines(PAIR), key="k")) for _ in range(2))
    assert first["id"] == second["id"]
    assert Import.objects.count() == 1
    assert problem(send(caller, lines(PAIR, PAIR), key="k")) == (422, "other-request")


@WAYS
def test_an_empty_file_is_refused_and_leaves_its_key_free(send: Any, olga: User) -> None:
    assert problem(send(Caller(olga), b"", key="k"))[0] in (409, 422)
    assert not Import.objects.exists()
    assert not KeptAnswer.objects.exists()


@WAYS
def test_a_file_that_is_too_large_is_refused(send: Any, olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bodies, imports):
        monkeypatch.setattr(module, "LARGEST_FILE", 10)
    assert problem(send(Caller(olga), lines(PAIR)))[0] in (409, 413)
    assert not Import.objects.exists()


@pytest.mark.parametrize("file", ["", "../secret.jsonl", "a/b.jsonl", "a\n.jsonl", "x" * 201])
def test_a_name_that_is_no_files_is_refused(file: str, olga: User) -> None:
    assert problem(raw(Caller(olga), lines(PAIR), file=file)) == (422, "invalid")


def test_another_projects_import_is_not_found(olga: User) -> None:
    theirs = Import.objects.create(project=make.make_project("tortoises"), name="a", file="a.jsonl")
    own = f"{PATH}/{theirs.public_id}"
    caller = Caller(olga)
    answers = [caller.get(own), caller.post(f"{own}/write", {}), caller.post(f"{own}/read-as", {})]
    answers += [caller.post(f"{own}/retry"), caller.post(f"{own}/drop")]
    assert {problem(answer) for answer in answers} == {(404, "not-found")}


def test_a_worker_is_woken_after_the_commit(olga: User, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as rung:
        raw(Caller(olga), lines(PAIR))
    assert len(rung) == 1
