"""The stream over HTTP: who may have it, in whose words, what is said over it, and when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.test import AsyncClient
from django.utils import translation

from accounts.models import Membership, Project, User
from rounds.machine import State
from rounds.models import Round, Stage
from rounds.queries.situation import situation_of
from rounds.services import rounds
from rounds.views import events
from rounds.views.watching import Watch, mark_of
from tests.rounds import loop, signs

ADDRESS = "/p/turtles/rounds/1/events/"


@pytest.fixture
def improving(ranked: Project) -> Round:
    return loop.work_until(loop.start(ranked), State.PPO)


def mark(found: Round) -> str:
    return mark_of(loop.again(found), loop.live_stage(found))


def parsed(chunk: str) -> list[dict[str, Any]]:
    """The events of a chunk; comments and the retry line are none."""
    found = []
    for block in chunk.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


async def listen(client: AsyncClient, headers: dict[str, str] | None = None) -> Any:
    answer = await client.get(ADDRESS, headers=headers or {})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return answer


async def text_of(stream: AsyncIterator[bytes]) -> AsyncIterator[str]:
    async for chunk in stream:
        yield chunk.decode()


@pytest.fixture
def watching(olga: User, monkeypatch: pytest.MonkeyPatch) -> AsyncClient:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)
    client = AsyncClient()
    client.force_login(olga)
    return client


@pytest.mark.django_db(transaction=True)
def test_a_stream_tells_points_moves_and_ends_with_its_round(
    improving: Round, watching: AsyncClient, olga: User
) -> None:
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(3, of=9))
    known = f"{mark(improving)}.1"

    async def follow() -> list[dict[str, Any]]:
        answer = await listen(watching, {"Last-Event-ID": known})
        received: list[dict[str, Any]] = []
        measured: list[Stage] = []
        async for chunk in text_of(answer.streaming_content):
            received += parsed(chunk)
            if not measured and any(each["event"] == "points" for each in received):
                measured.append(stage)
                await sync_to_async(signs.measure)(stage, signs.ppo_rows(1, of=9, first=4))
            if any(each["event"] == "points" and each["data"]["rows"][0]["step"] == 4 for each in received):
                await sync_to_async(end_once)(improving, olga)
        return received

    received = asyncio.run(follow())
    points = [row["step"] for each in received if each["event"] == "points" for row in each["data"]["rows"]]
    assert points == [2, 3, 4]
    assert received[-1]["event"] == "end"
    assert [each["data"]["state"] for each in received if each["event"] == "state"] == [State.CANCELLED]


def end_once(found: Round, by: User) -> None:
    if loop.again(found).state != State.CANCELLED:
        rounds.cancel(by=by, round_id=found.pk)


@pytest.mark.django_db(transaction=True)
def test_a_stream_stops_working_when_the_viewer_leaves(
    improving: Round, watching: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    news = Watch.news

    def counted(watch: Watch) -> Any:
        looks.append(watch)
        return news(watch)

    monkeypatch.setattr(Watch, "news", counted)

    async def leave() -> int:
        answer = await listen(watching)
        stream = answer.streaming_content
        await anext(stream)
        await anext(stream)
        await stream.aclose()
        before = len(looks)
        await asyncio.sleep(0.1)
        assert len(looks) == before
        return before

    assert asyncio.run(leave()) >= 1


@pytest.mark.django_db(transaction=True)
def test_a_stream_ends_by_itself_so_that_rights_are_asked_again(
    improving: Round, watching: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_POLLS", 3)
    monkeypatch.setattr(events, "POLLS_BETWEEN_SIGNS", 1)

    async def whole() -> str:
        answer = await listen(watching)
        return "".join([chunk async for chunk in text_of(answer.streaming_content)])

    text = asyncio.run(whole())
    assert text.count(": still here") == 3
    assert "event: end" not in text


def deactivate(person: User) -> None:
    Membership.objects.filter(user=person).update(deactivated_at=Now())


def sign_out(person: User) -> None:
    Session.objects.all().delete()


@pytest.mark.parametrize("leave", [deactivate, sign_out])
@pytest.mark.django_db(transaction=True)
def test_who_is_let_go_or_signs_out_loses_the_stream_at_the_next_sign_of_life(
    improving: Round,
    watching: AsyncClient,
    olga: User,
    monkeypatch: pytest.MonkeyPatch,
    leave: Callable[[User], None],
) -> None:
    monkeypatch.setattr(events, "POLLS_BETWEEN_SIGNS", 2)

    async def follow() -> list[str]:
        answer = await listen(watching)
        names: list[str] = []
        async for chunk in text_of(answer.streaming_content):
            names += [each["event"] for each in parsed(chunk)]
            if "progress" in names:
                await sync_to_async(leave)(olga)
        return names

    assert asyncio.run(follow())[-1] == "gone"


@pytest.mark.django_db(transaction=True)
def test_a_stream_speaks_the_language_and_the_time_zone_of_who_looks(
    improving: Round, watching: AsyncClient, olga: User
) -> None:
    User.objects.filter(pk=olga.pk).update(language="zh-hans", time_zone="Asia/Shanghai")

    async def headline() -> str:
        answer = await listen(watching)
        async for chunk in text_of(answer.streaming_content):
            for each in parsed(chunk):
                if each["event"] == "progress":
                    return str(each["data"]["headline"])
        return ""

    with translation.override("zh-hans"):
        expected = situation_of(improving, loop.live_stage(improving))["headline"]
    assert asyncio.run(headline()) == expected


@pytest.mark.django_db(transaction=True)
def test_a_labeler_gets_no_stream(improving: Round, alice: User) -> None:
    client = AsyncClient()
    client.force_login(alice)

    async def status() -> int:
        return (await client.get(ADDRESS)).status_code

    assert asyncio.run(status()) == 404
