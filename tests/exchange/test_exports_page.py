"""The exports page: who may come, what it says in each state, and files that arrive as they were written."""

import hashlib
import json
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from accounts.models import JournalEntry, Membership, Project, Role, User
from exchange.models import Export, ExportState
from exchange.queries import REASONS
from exchange.services import exports
from rounds.models import Beat
from tests import make
from tests.exchange.written import again, written

PAGE = "/p/turtles/exports/"
FILES = ["train.jsonl", "eval.jsonl", "manifest.json", "README.md"]


@pytest.fixture
def cast(alice: User, rita: User, olga: User, erik: User, mallory: User) -> dict[str, User]:
    return {person.username: person for person in (alice, rita, olga, erik, mallory)}


def addresses(export: Export) -> list[tuple[str, str]]:
    own = f"{PAGE}{export.public_id}/"
    posts = [("post", f"{PAGE}order/"), ("post", f"{own}retry/"), ("post", f"{own}delete/")]
    return [("get", PAGE), *(("get", f"{own}files/{file}") for file in FILES), *posts]


@pytest.mark.parametrize(
    ("name", "status"), [("alice", 403), ("rita", 403), ("mallory", 404), ("erik", None), ("olga", None)]
)
def test_only_exporters_and_operators_come_in(
    project: Project, cast: dict[str, User], name: str, status: int | None
) -> None:
    export = written(project)
    client = make.client_of(cast[name])
    for method, address in addresses(export):
        found = getattr(client, method)(address, {"format": "sft"}).status_code
        assert found == (status or {"get": 200, "post": 302}[method]), address
    assert Export.objects.count() == (2 if status is None else 1)
    assert again(export).state == (ExportState.DELETED if status is None else ExportState.READY)


def test_who_is_not_signed_in_is_sent_to_sign_in(project: Project, client: object) -> None:
    for method, address in addresses(written(project)):
        answer = getattr(client, method)(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/login/")


def test_an_exporter_of_another_project_finds_nothing(project: Project, erik: User) -> None:
    other = make.make_project("tortoises")
    theirs = written(other)
    client = make.client_of(erik)
    for file in FILES:
        assert client.get(f"{PAGE}{theirs.public_id}/files/{file}").status_code == 404
    for verb in ("retry", "delete"):
        assert client.post(f"{PAGE}{theirs.public_id}/{verb}/").status_code == 404
    assert again(theirs).state == ExportState.READY


def test_a_role_that_was_taken_away_takes_the_files_away(project: Project, erik: User) -> None:
    export = written(project)
    Membership.objects.filter(user=erik).update(role=Role.LABELER)
    assert make.client_of(erik).get(f"{PAGE}{export.public_id}/files/train.jsonl").status_code == 403


@pytest.mark.parametrize(
    "file",
    ["train", "..%2f..%2fsecret_key", "../manifest.json", "%2e%2e", "heartbeat", "train.jsonl%00", "~", "TRAIN.JSONL"],
)
def test_no_other_name_is_a_file(project: Project, erik: User, file: str) -> None:
    export = written(project)
    assert make.client_of(erik).get(f"{PAGE}{export.public_id}/files/{file}").status_code == 404


def test_a_file_arrives_as_it_was_written_and_is_journalled(project: Project, alice: User, erik: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    export = written(project)
    client = make.client_of(erik)
    for name in ("train.jsonl", "manifest.json"):
        answer = client.get(f"{PAGE}{export.public_id}/files/{name}")
        body = b"".join(answer)
        assert hashlib.sha256(body).hexdigest() == export.facts["files"][name]["sha256"]
        assert answer["Content-Length"] == str(len(body))
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"].startswith('attachment; filename="turtles-rankings-')
        assert answer["Content-Disposition"].endswith(f'{name}"')
    told = JournalEntry.objects.filter(verb="download", actor=erik)
    assert [entry.facts["file"] for entry in told.order_by("pk")] == ["train.jsonl", "manifest.json"]


RANGES = [
    ("bytes=4-7", b"4567", "bytes 4-7/10"),
    ("bytes=4-", b"456789", "bytes 4-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"),
    ("bytes=8-99", b"89", "bytes 8-9/10"),
]


@pytest.mark.parametrize(("asked", "body", "told"), RANGES)
def test_a_download_goes_on_where_it_broke_off(
    project: Project, erik: User, store: Path, asked: str, body: bytes, told: str
) -> None:
    export = written(project)
    (store / export.path / "train.jsonl").write_bytes(b"0123456789")
    client, address = make.client_of(erik), f"{PAGE}{export.public_id}/files/train.jsonl"
    whole = client.get(address)
    assert (b"".join(whole), whole.status_code, whole["Accept-Ranges"]) == (b"0123456789", 200, "bytes")
    part = client.get(address, headers={"range": asked, "if-range": whole["ETag"]})
    assert (b"".join(part), part.status_code, part["Content-Range"]) == (body, 206, told)
    assert part["Content-Length"] == str(len(body))
    another = client.get(address, headers={"range": asked, "if-range": '"another file"'})
    assert (b"".join(another), another.status_code) == (b"0123456789", 200)


@pytest.mark.parametrize(
    ("asked", "status"), [("bytes=10-", 416), ("bytes=7-4", 416), ("bytes=-", 200), ("lines=1-2", 200)]
)
def test_a_range_that_is_none_is_refused_or_left_alone(
    project: Project, erik: User, store: Path, asked: str, status: int
) -> None:
    export = written(project)
    (store / export.path / "train.jsonl").write_bytes(b"0123456789")
    address = f"{PAGE}{export.public_id}/files/train.jsonl"
    assert make.client_of(erik).get(address, headers={"range": asked}).status_code == status


@pytest.mark.django_db(transaction=True)
def test_under_asgi_a_file_leaves_in_pieces(project: Project, erik: User, store: Path) -> None:
    export = written(project)
    (store / export.path / "train.jsonl").write_bytes(b"x" * 700_000)
    client = AsyncClient()
    client.force_login(erik)

    async def sizes() -> list[int]:
        answer = await client.get(f"{PAGE}{export.public_id}/files/train.jsonl")
        return [len(piece) async for piece in answer]

    assert async_to_sync(sizes)() == [262_144, 262_144, 175_712]


def test_deleted_files_are_gone_and_the_page_says_what_they_were(project: Project, erik: User) -> None:
    export = written(project)
    client = make.client_of(erik)
    client.post(f"{PAGE}{export.public_id}/delete/")
    assert client.get(f"{PAGE}{export.public_id}/files/train.jsonl").status_code == 404
    page = client.get(PAGE).content.decode()
    assert export.facts["files"]["train.jsonl"]["sha256"] in page
    assert "What they were stays here." in page
    assert "/files/" not in page


def test_a_file_that_is_missing_is_not_found(project: Project, erik: User, store: Path) -> None:
    export = written(project)
    (store / export.path / "eval.jsonl").unlink()
    assert make.client_of(erik).get(f"{PAGE}{export.public_id}/files/eval.jsonl").status_code == 404
    assert not JournalEntry.objects.filter(verb="download").exists()


def test_an_order_without_a_format_says_so_and_orders_nothing(project: Project, erik: User) -> None:
    client = make.client_of(erik)
    assert "Choose a format." in client.post(f"{PAGE}order/", {}).content.decode()
    assert client.post(f"{PAGE}order/", {"format": "xml"}).status_code == 400
    assert not Export.objects.exists()


def test_a_second_click_is_told_that_one_is_on_its_way(project: Project, erik: User) -> None:
    client = make.client_of(erik)
    for _click in range(2):
        page = client.post(f"{PAGE}order/", {"format": "sft"}, follow=True).content.decode()
    assert "An export of this format is on its way." in page
    assert Export.objects.count() == 1


def test_the_page_says_where_an_export_stands(project: Project, erik: User, store: Path) -> None:
    client = make.client_of(erik)

    def page() -> str:
        return str(client.get(PAGE).content.decode())

    assert "Nothing was exported yet." in page()
    assert "No worker is running" in page()
    Beat.objects.create(name="worker", at=timezone.now())
    assert "No worker is running" not in page()
    export = exports.order(by=erik, project=project, format="rankings")
    assert "waits for a worker" in page()
    fence = exports.claim(export_id=export.pk, owner="worker", seconds=60)
    assert fence
    assert "being written" in page()
    partial = store / f"{export.place(fence)}.partial"
    partial.mkdir(parents=True)
    (partial / "heartbeat").write_text(json.dumps({"step": 40, "of": 120}))
    assert "40 of 120 read" in page()
    exports.stop(export_id=export.pk, owner="worker", kind="no_space", message="no space in /var")
    assert "No space is left on the disk" in page()
    assert "/var" not in page()
    assert f"{PAGE}{export.public_id}/retry/" in page()
    client.post(f"{PAGE}{export.public_id}/retry/")
    assert "waits for a worker" in page()
    client.post(f"{PAGE}{export.public_id}/delete/")
    assert "before it was written" in page()


@pytest.mark.parametrize("kind", ["no_space", "too_long", "crashed", "another"])
def test_a_stopped_export_says_why(project: Project, erik: User, kind: str) -> None:
    export = exports.order(by=erik, project=project, format="rankings")
    exports.claim(export_id=export.pk, owner="worker", seconds=60)
    exports.stop(export_id=export.pk, owner="worker", kind=kind, message="A sentence from elsewhere.")
    page = make.client_of(erik).get(PAGE).content.decode()
    assert str(REASONS.get(kind, "A sentence from elsewhere.")) in page


def test_the_page_works_in_chinese(project: Project, erik: User) -> None:
    User.objects.filter(pk=erik.pk).update(language="zh-hans")
    written(project)
    assert make.client_of(User.objects.get(pk=erik.pk)).get(PAGE).status_code == 200


def test_a_form_without_its_token_is_refused(project: Project, erik: User) -> None:
    assert make.client_of(erik, csrf=True).post(f"{PAGE}order/", {"format": "sft"}).status_code == 403
