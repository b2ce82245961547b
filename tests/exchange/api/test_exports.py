"""Exports by a program: ordered with what the page offers, watched, taken piece by piece, journalled; and by whom."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import JournalEntry, Project, User
from exchange.models import Export, ExportState, Format
from exchange.services import exports, writing
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.exchange.written import again, written
from tests.rounds import loop

PATH = "/projects/turtles/exports"
# One that is, beside the default, for each option of the page.
OPTIONS: dict[str, Any] = {
    "since": "2026-01-01",
    "until": "2999-12-31",
    "guideline": 1,
    "agreement": 0.5,
    "role": "labeler",
    "surplus": False,
    "pairs": "ends",
    "ties": True,
    "eval_share": 20,
}


def ordered(caller: Caller, format: str = "rankings", **options: Any) -> Any:
    """An export that was ordered by a program and that a worker wrote."""
    first = caller.post(PATH, {"format": format, "options": options})
    assert first.status_code == 201, first.content
    told = said(first)
    writing.write(export_id=Export.objects.get(public_id=told["id"]).pk, owner="worker")
    return said(caller.get(f"{PATH}/{told['id']}"))


def take(caller: Caller, path: str, **headers: str) -> HttpResponse:
    """A request for a part of a file."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller._client.get(f"/api/v1{path}", headers=named)


def body(answer: HttpResponse) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(("who", "status"), [("alice", 403), ("rita", 403), ("mallory", 404)])
def test_only_exporters_and_operators_may(
    who: str, status: int, project: Project, request: pytest.FixtureRequest
) -> None:
    export = written(project)
    own = f"{PATH}/{export.public_id}"
    caller = Caller(request.getfixturevalue(who))
    answers = [caller.get(path) for path in (PATH, f"{PATH}/sources", own, f"{own}/files/manifest.json")]
    answers += [caller.post(PATH, {"format": "sft"}), caller.post(f"{own}/retry"), caller.send("DELETE", own)]
    assert {problem(answer)[0] for answer in answers} == {status}
    assert Export.objects.get().state == ExportState.READY


@pytest.mark.parametrize("who", ["erik", "olga"])
def test_an_export_goes_from_the_order_to_its_files(who: str, alice: User, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(who)
    make.make_ranking(alice, make.make_slate(alice.memberships.get().project))
    caller = Caller(person, "data")
    first = said(caller.post(PATH, {"format": "preference"}))
    assert (first["state"], first["files"], first["digest"], first["ordered_by"]) == ("waiting", [], "", who)
    writing.write(export_id=Export.objects.get().pk, owner="worker")
    told = said(caller.get(f"{PATH}/{first['id']}"))
    assert (told["state"], told["progress"]) == ("ready", None)
    files = {file["name"]: file for file in told["files"]}
    assert files["train.jsonl"]["rows"] == 6
    for name, file in files.items():
        found = body(caller.get(f"{PATH}/{first['id']}/files/{name}"))
        assert (hashlib.sha256(found).hexdigest(), len(found)) == (file["sha256"], file["bytes"])
    manifest = json.loads(body(caller.get(f"{PATH}/{first['id']}/files/manifest.json")))
    assert manifest["files"]["train.jsonl"] == files["train.jsonl"]["sha256"]
    assert told["digest"] == files["manifest.json"]["sha256"]
    journal = JournalEntry.objects.filter(actor=person, verb__in=["order", "download"]).order_by("pk")
    assert [entry.facts.get("file") for entry in journal] == [None, *files, "manifest.json"]


def test_every_option_of_the_page_is_one_here(erik: User) -> None:
    told = ordered(Caller(erik), "preference", **OPTIONS)
    assert told["options"] == {"round": None, **OPTIONS}
    assert Export.objects.get().options == OPTIONS
    assert Export.objects.get().state == ExportState.READY


def test_the_defaults_are_no_options(erik: User) -> None:
    told = ordered(Caller(erik), surplus=True, pairs="all", ties=False)
    assert Export.objects.get().options == {}
    assert told["options"]["surplus"] is True


@pytest.mark.parametrize("format", Format.values)
def test_every_format_can_be_ordered(format: str, erik: User) -> None:
    told = ordered(Caller(erik), format)
    assert (told["format"], told["state"]) == (format, "ready")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"round": 7}, (409, "refused")),
        ({"guideline": 9}, (409, "refused")),
        ({"round": 0}, (422, "invalid")),
        ({"agreement": 1.5}, (422, "invalid")),
        ({"pairs": "some"}, (422, "invalid")),
        ({"since": "yesterday"}, (422, "invalid")),
        ({"since": "0001-01-01"}, (422, "invalid")),
        ({"since": 0}, (422, "invalid")),
        ({"eval_share": 101}, (422, "invalid")),
    ],
)
def test_options_that_make_no_sense_order_nothing(options: dict[str, Any], told: tuple[int, str], erik: User) -> None:
    assert problem(Caller(erik).post(PATH, {"format": "rankings", "options": options})) == told
    assert not Export.objects.exists()


def test_a_second_of_a_format_is_refused_while_one_is_on_its_way(erik: User) -> None:
    caller = Caller(erik)
    assert caller.post(PATH, {"format": "sft"}).status_code == 201
    assert problem(caller.post(PATH, {"format": "sft"})) == (409, "refused")


def test_an_order_sent_twice_under_one_key_is_one(erik: User) -> None:
    caller = Caller(erik)
    first, second = (said(caller.post(PATH, {"format": "sft"}, key="k")) for _ in range(2))
    assert first == second
    assert Export.objects.count() == 1


def test_a_worker_is_woken_after_the_commit(erik: User, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as rung:
        Caller(erik).post(PATH, {"format": "sft"})
    assert len(rung) == 1


def test_how_far_a_worker_is_and_why_one_stopped(project: Project, erik: User, store: Path) -> None:
    caller = Caller(erik)
    export = exports.order(by=erik, project=project, format="rankings")
    own = f"{PATH}/{export.public_id}"
    assert said(caller.get(own))["progress"] is None
    fence = exports.claim(export_id=export.pk, owner="worker", seconds=60)
    assert fence
    partial = store / f"{export.place(fence)}.partial"
    partial.mkdir(parents=True)
    (partial / "heartbeat").write_text(json.dumps({"step": 40, "of": 120}))
    assert said(caller.get(own))["progress"] == {"step": 40, "of": 120}
    assert problem(caller.post(f"{own}/retry")) == (409, "refused")
    exports.stop(export_id=export.pk, owner="worker", kind="no_space", message="no space in /var")
    assert "No space is left" in said(caller.get(own))["failure"]
    assert said(caller.post(f"{own}/retry"))["failure"] == ""


@pytest.mark.parametrize(
    ("asked", "status", "found"), [("bytes=4-7", 206, b"4567"), ("bytes=-3", 206, b"789"), ("bytes=10-", 416, b"")]
)
def test_a_download_goes_on_where_it_broke_off(
    project: Project, erik: User, store: Path, asked: str, status: int, found: bytes
) -> None:
    export = written(project)
    (store / export.path / "train.jsonl").write_bytes(b"0123456789")
    caller, path = Caller(erik), f"{PATH}/{export.public_id}/files/train.jsonl"
    whole = caller.get(path)
    assert (whole.status_code, body(whole)) == (200, b"0123456789")
    part = take(caller, path, Range=asked, If_Range=whole["ETag"])
    assert part.status_code == status
    assert (body(part) if part.streaming else part.content) == found
    another = take(caller, path, Range=asked, If_Range='"another"')
    assert (another.status_code, body(another)) == (200, b"0123456789")


@pytest.mark.parametrize("file", ["train", "..%2f..%2fsecret_key", "train.jsonl%00", "heartbeat"])
def test_no_other_name_is_a_file(project: Project, erik: User, file: str) -> None:
    export = written(project)
    assert problem(Caller(erik).get(f"{PATH}/{export.public_id}/files/{file}")) == (404, "not-found")


def test_deleted_files_are_gone_and_what_they_were_stays(project: Project, erik: User) -> None:
    caller = Caller(erik)
    told = ordered(caller)
    own = f"{PATH}/{told['id']}"
    assert caller.send("DELETE", own).status_code == 204
    after = said(caller.get(own))
    assert (after["state"], after["files"], after["digest"]) == ("deleted", told["files"], told["digest"])
    assert problem(caller.get(f"{own}/files/train.jsonl")) == (404, "not-found")
    assert problem(caller.send("DELETE", own)) == (409, "refused")
    assert JournalEntry.objects.filter(verb="delete", actor=erik).count() == 1


def test_another_projects_export_is_not_found(erik: User) -> None:
    theirs = written(make.make_project("tortoises"))
    own = f"{PATH}/{theirs.public_id}"
    caller = Caller(erik)
    answers = [caller.get(own), caller.get(f"{own}/files/manifest.json"), caller.post(f"{own}/retry")]
    answers.append(caller.send("DELETE", own))
    assert {problem(answer) for answer in answers} == {(404, "not-found")}
    assert again(theirs).state == ExportState.READY


def test_the_list_is_newest_first_page_by_page(project: Project, erik: User) -> None:
    made = [str(written(project).public_id) for _ in range(3)]
    first = said(Caller(erik).get(PATH, limit=2))
    rest = said(Caller(erik).get(PATH, limit=2, cursor=first["next"]))
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None


def test_a_rounds_exact_data_stays_what_it_was(project: Project, erik: User, alice: User, bob: User) -> None:
    loop.install(project, "base")
    for slate in make.make_slates(project, 3):
        make.make_ranking(alice, slate)
    number = loop.freeze(loop.start(project)).number
    caller = Caller(erik)
    then = ordered(caller, round=number)
    make.make_ranking(bob, make.make_slate(project))
    now = ordered(caller, round=number)
    assert now["digest"] == then["digest"]
    assert [file["sha256"] for file in now["files"]] == [file["sha256"] for file in then["files"]]
    assert ordered(caller)["digest"] != then["digest"]
    assert said(caller.get(f"{PATH}/sources", round=number)) == {"sources": 3}
    assert said(caller.get(f"{PATH}/sources")) == {"sources": 4}


def test_sources_are_counted_as_an_export_would_go_through_them(project: Project, erik: User, alice: User) -> None:
    caller = Caller(erik, "data")
    make.make_ranking(alice, make.make_slate(project))
    assert said(caller.get(f"{PATH}/sources")) == {"sources": 1}
    assert said(caller.get(f"{PATH}/sources", format="sft")) == {"sources": 0}
    assert said(caller.get(f"{PATH}/sources", role="reviewer")) == {"sources": 0}
    assert problem(caller.get(f"{PATH}/sources", round=7)) == (409, "refused")
    assert problem(caller.get(f"{PATH}/sources", format="xml")) == (422, "invalid")
