"""Taking a policy out: one tar that unpacks to what was taken in, flat in memory, checked, resumable, written down."""

import asyncio
import io
import json
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from annotations.models import Policy
from rounds.archive import PIECE, Archive
from rounds.machine import State
from rounds.sending import Piecemeal
from rounds.services import retention, rounds
from rounds.store import full_path
from tests import make
from tests.rounds import loop
from trainer import manifest
from trainer.manifest import ManifestError

LARGE = 64 * 2**20


def address(policy: Policy) -> str:
    return f"/p/turtles/policies/{policy.public_id}/download/"


def taken(client: Client, where: str, **headers: str) -> tuple[Any, bytes]:
    answer: Any = client.get(where, headers=headers)
    return answer, b"".join(answer)


@pytest.fixture
def client(olga: User) -> Client:
    return make.client_of(olga)


def test_what_arrives_unpacks_to_the_very_directory(ranked: Project, client: Client, tmp_path: Path) -> None:
    base = Policy.objects.get(name="base")
    answer, body = taken(client, address(base))
    assert answer["Content-Length"] == str(len(body))
    assert answer["Content-Disposition"] == 'attachment; filename="turtles-base.tar"'
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert tar.getnames()[-1] == "turtles-base/manifest.json"
        tar.extractall(tmp_path)
    assert manifest.read(tmp_path / "turtles-base", kind="policy")["kind"] == "policy"
    assert manifest.digest(tmp_path / "turtles-base") == base.digest


def test_each_download_is_journalled(ranked: Project, client: Client, olga: User) -> None:
    base = Policy.objects.get(name="base")
    taken(client, address(base))
    [entry] = JournalEntry.objects.filter(verb="download")
    assert (entry.actor, entry.subject, entry.subject_id) == (olga, "policy", str(base.pk))
    assert entry.facts == {"digest": base.digest}


def test_a_transfer_that_broke_off_goes_on_from_any_byte(ranked: Project, client: Client) -> None:
    where = address(Policy.objects.get(name="base"))
    answer, whole = taken(client, where)
    assert (answer.status_code, answer["Accept-Ranges"]) == (200, "bytes")
    for start in (0, 1, 511, 512, 600, len(whole) - 1):
        rest, body = taken(client, where, Range=f"bytes={start}-")
        assert (rest.status_code, body) == (206, whole[start:])
        assert rest["Content-Range"] == f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    assert client.get(where, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    other, body = taken(client, where, Range="bytes=5-", **{"If-Range": '"another"'})
    assert (other.status_code, body) == (200, whole)
    several, body = taken(client, where, Range="bytes=0-1,5-9")
    assert (several.status_code, body) == (200, whole)


def test_a_file_that_was_changed_breaks_the_transfer_before_the_manifest(ranked: Project, client: Client) -> None:
    base = Policy.objects.get(name="base")
    weights = full_path(base.path) / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[::-1] + b"")
    answer: Any = client.get(address(base))
    sent: list[bytes] = []
    with pytest.raises(ManifestError, match=r"model\.safetensors does not have the digest"):
        sent.extend(answer)
    assert b"manifest.json" not in b"".join(sent)


@pytest.mark.parametrize("spoil", ["manifest.json", "model/model.safetensors"])
def test_a_directory_that_lacks_a_file_is_refused_in_words(ranked: Project, client: Client, spoil: str) -> None:
    base = Policy.objects.get(name="base")
    (full_path(base.path) / spoil).unlink()
    page = client.get(address(base), follow=True)
    assert page.redirect_chain
    assert spoil in page.content.decode()
    assert not JournalEntry.objects.filter(verb="download").exists()


def test_collected_weights_are_refused_in_words(ranked: Project, client: Client, olga: User) -> None:
    waiting = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.reject(by=None, round_id=waiting.pk)
    retention.collect_now(by=olga, project=ranked, now=timezone.now())
    assert waiting.candidate
    assert "The weights were collected." in client.get(address(waiting.candidate), follow=True).content.decode()
    reward = client.get("/p/turtles/rounds/1/reward-model/", follow=True)
    assert "The weights were collected." in reward.content.decode()


def test_a_stand_in_without_weights_is_refused_in_words(ranked: Project, client: Client) -> None:
    others = Policy.objects.create(project=ranked, name="others", digest="0" * 64)
    assert "it has no weights here" in client.get(address(others), follow=True).content.decode()


def test_a_rounds_reward_model_and_snapshot_are_taken_the_same_way(ranked: Project, client: Client) -> None:
    loop.work_until(loop.start(ranked), State.PPO)
    for what, kind in (("reward-model", "reward_model"), ("snapshot", "dataset")):
        _answer, body = taken(client, f"/p/turtles/rounds/1/{what}/")
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            file = tar.extractfile(f"turtles-r1-{what}/manifest.json")
            assert file
            assert json.load(file)["kind"] == kind
    assert JournalEntry.objects.filter(verb="download").count() == 2


def test_a_round_without_a_reward_model_says_so(ranked: Project, client: Client) -> None:
    loop.start(ranked)
    assert "has no reward model" in client.get("/p/turtles/rounds/1/reward-model/", follow=True).content.decode()
    assert "has no snapshot" in client.get("/p/turtles/rounds/1/snapshot/", follow=True).content.decode()


def large(folder: Path) -> tuple[dict[str, Any], str]:
    """A policy whose one file has holes: large to read, and nothing on the disk."""
    with manifest.writing(folder, kind="policy", stage="tiny") as fresh, (fresh / "weights").open("wb") as file:
        file.truncate(LARGE)
    return manifest.peek(folder, kind="policy"), manifest.digest(folder)


def opened(folder: Path) -> Archive:
    facts, digest = large(folder)
    return Archive(folder, facts=facts, digest=digest, within="large", at=0)


def test_memory_stays_flat_however_large_a_file_is(tmp_path: Path) -> None:
    archive = opened(tmp_path / "large")

    async def sent() -> int:
        return sum([len(piece) async for piece in Piecemeal(archive)])

    tracemalloc.start()
    try:
        size = asyncio.run(sent())
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == archive.size > LARGE
    assert most < 8 * PIECE


def test_pieces_are_read_on_other_threads_than_the_one_that_answers() -> None:
    def pieces() -> Iterator[bytes]:
        yield threading.current_thread().name.encode()

    async def sent() -> tuple[list[bytes], bytes]:
        return [piece async for piece in Piecemeal(pieces())], threading.current_thread().name.encode()

    [reader], answers = asyncio.run(sent())
    assert reader != answers


def test_who_leaves_closes_every_file(tmp_path: Path) -> None:
    archive = opened(tmp_path / "large")
    response = Piecemeal(archive)
    next(iter(response))
    response.close()
    with pytest.raises(ValueError, match="closed file"):
        for _piece in archive:
            pass


@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_leaves_in_pieces(ranked: Project, olga: User) -> None:
    client = AsyncClient()
    client.force_login(olga)
    base = Policy.objects.get(name="base")

    async def sizes() -> list[int]:
        answer: Any = await client.get(address(base))
        return [len(piece) async for piece in answer]

    found = async_to_sync(sizes)()
    assert len(found) > 3
    assert sum(found) % tarfile.RECORDSIZE == 0
