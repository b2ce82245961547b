"""The client against a live server: what goes in, what comes out, and what goes wrong by name."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.models import Prompt
from tests import make
from tests.client import live
from tutelage_client import (
    Client,
    Invalid,
    NotAllowed,
    NotFound,
    NoToken,
    Refused,
    Stopped,
    Unreachable,
)

pytestmark = pytest.mark.django_db(transaction=True)
Clients = Callable[[User], Client]
PAIR = {"prompt": "Why shells?", "chosen": "They protect.", "rejected": "No idea."}


def file(folder: Path, *given: dict[str, Any]) -> Path:
    path = folder / "friends.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return path


def test_prompts_go_in_as_batches_and_come_back_as_pages(project: Project, olga: User, client_of: Clients) -> None:
    client = client_of(olga)
    added = client.add_prompts("turtles", [f"Why {number}?" + " So?" * 200 for number in range(250)])
    assert (added.added, added.known) == (250, 0)
    assert JournalEntry.objects.filter(verb="add_prompts").count() == 2
    found = list(client.prompts("turtles", limit=100))
    assert [each.messages[0]["content"][:9] for each in found[:2]] == ["Why 249? ", "Why 248? "]
    assert len({each.id for each in found}) == 250
    assert client.add_prompts("turtles", ["Why 7?" + " So?" * 200]).known == 1


def test_projects_are_told_as_their_types_say(project: Project, alice: User, client_of: Clients) -> None:
    client = client_of(alice)
    assert [(place.slug, place.role) for place in client.projects()] == [("turtles", "labeler")]
    told = client.project("turtles")
    assert (told.name, told.k) == (project.name, project.k)
    assert told.created_at.replace(microsecond=0) == project.created_at.replace(microsecond=0)


def test_a_file_is_brought_read_and_written(olga: User, client_of: Clients, worker: None, tmp_path: Path) -> None:
    client = client_of(olga)
    done = client.import_file("turtles", file(tmp_path, PAIR), name="friends of turtles")
    assert (done.state, done.name, done.written["rankings"]) == ("done", "friends-of-turtles", 1)
    assert [each.id for each in client.imports("turtles")] == [done.id]


def test_columns_are_mapped_and_bad_lines_given_up(
    olga: User, client_of: Clients, worker: None, tmp_path: Path
) -> None:
    client = client_of(olga)
    brought = client.bring("turtles", file(tmp_path, {"Frage": "Why?"}, {"Frage": ""}))
    with pytest.raises(Stopped, match="format"):
        client.wait_for_import("turtles", brought.id, every=0.1)
    client.read_import_as("turtles", brought.id, columns={"Frage": "prompt"})
    read = client.wait_for_import("turtles", brought.id, every=0.1)
    assert [error["line"] for error in read.errors or []] == [2]
    with pytest.raises(Refused):
        client.write_import("turtles", brought.id)
    client.write_import("turtles", brought.id, without_bad=True)
    assert client.wait_for_import("turtles", brought.id, every=0.1).state == "done"
    assert Prompt.objects.count() == 1


def test_an_export_comes_whole_and_a_broken_download_goes_on(
    project: Project, alice: User, erik: User, client_of: Clients, worker: None, tmp_path: Path
) -> None:
    make.make_ranking(alice, make.make_slate(project))
    client, folder = client_of(erik), tmp_path / "out"
    ready = client.export("turtles", "preference", folder, pairs="ends")
    found = {each.name: hashlib.sha256((folder / each.name).read_bytes()).hexdigest() for each in ready.files}
    assert found == {each.name: each.sha256 for each in ready.files}
    assert ready.digest == found["manifest.json"]
    whole = (folder / "train.jsonl").read_bytes()
    part = folder / f"train.jsonl.{found['train.jsonl'][:16]}.part"
    (folder / "train.jsonl").unlink()
    part.write_bytes(whole[:20])
    client.download_export("turtles", ready, folder)
    assert (folder / "train.jsonl").read_bytes() == whole
    assert not part.exists()
    taken = JournalEntry.objects.filter(verb="download", actor=erik)
    assert taken.count() == len(ready.files) + 1, "what lies there already is not taken again"


def test_folders_of_an_export_lie_as_in_the_archive(
    project: Project, erik: User, client_of: Clients, worker: None, tmp_path: Path
) -> None:
    ready = client_of(erik).export("turtles", "folder", tmp_path / "out")
    assert {each.name for each in ready.files} == {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }


def test_a_program_waits_for_people(project: Project, alice: User, erik: User, client_of: Clients) -> None:
    client = client_of(erik)
    with pytest.raises(TimeoutError):
        client.wait_for_rankings("turtles", 1, timeout=0, every=0.1)
    make.make_prompt(project)
    with live.again_and_again(lambda: live.rank_everything(project, alice)):
        assert client.wait_for_rankings("turtles", 1, timeout=60, every=0.1) == 1
    assert client.count("turtles", role="reviewer") == 0


def test_the_same_change_under_a_key_of_ones_own_is_done_once(olga: User, client_of: Clients) -> None:
    client = client_of(olga)
    body = {"prompts": [{"messages": [{"role": "user", "content": "Why?"}]}]}
    first, second = (client.post("/projects/turtles/prompts", body, key="mine") for _ in range(2))
    assert first == second == {"added": 1, "known": 0}
    with pytest.raises(Invalid) as refused:
        client.post("/projects/turtles/prompts", {"prompts": []}, key="mine")
    assert refused.value.kind in ("invalid", "other-request")


def test_what_goes_wrong_has_a_name(
    project: Project, alice: User, mallory: User, olga: User, erik: User, client_of: Clients, address: str
) -> None:
    with pytest.raises(NotFound):
        client_of(mallory).project("turtles")
    with pytest.raises(NotAllowed):
        client_of(alice).order_export("turtles", "sft")
    with pytest.raises(NoToken), Client(address, "tut_nothing") as nobody:
        list(nobody.projects())
    with pytest.raises(Invalid) as invalid:
        client_of(olga).add_prompts("turtles", [{"messages": []}])
    assert invalid.value.errors[0].location.endswith("messages")
    client = client_of(erik)
    client.order_export("turtles", "sft")
    with pytest.raises(Refused, match="on its way"):
        client.order_export("turtles", "sft")
    with pytest.raises(Unreachable), Client("http://127.0.0.1:9", "tut_nothing", tries=1) as far:
        far.project("turtles")


def test_an_export_that_was_deleted_is_not_waited_for(project: Project, erik: User, client_of: Clients) -> None:
    client = client_of(erik)
    ordered = client.order_export("turtles", "sft")
    client.delete_export("turtles", ordered.id)
    with pytest.raises(Stopped):
        client.wait_for_export("turtles", ordered.id)
    assert [each.state for each in client.exports("turtles")] == ["deleted"]
