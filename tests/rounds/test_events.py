"""The live stream: each point once and in order, every move, nothing again after a break, and an end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts.models import Project, User
from rounds.machine import State
from rounds.models import Round
from rounds.services import rounds
from rounds.views import events
from rounds.views.watching import Position, Watch
from tests.rounds import loop, signs

ADDRESS = "/p/turtles/rounds/1/events/"


@pytest.fixture
def improving(ranked: Project) -> Round:
    return loop.work_until(loop.start(ranked), State.PPO)


def told(watch: Watch) -> dict[str, Any]:
    return {event.name: event.data for event in watch.news()}


def steps(watch: Watch) -> list[int]:
    return [row["step"] for event in watch.news() if event.name == "points" for row in event.data["rows"]]


def seen(found: Round, mark: str = "ppo-well-waiting", step: int = 0) -> Watch:
    return Watch(found.pk, Position(mark, step))


def test_points_are_told_once_and_in_order(improving: Round) -> None:
    watch = seen(improving)
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(3, of=9))
    assert steps(watch) == [1, 2, 3]
    assert steps(watch) == []
    signs.measure(stage, signs.ppo_rows(2, of=9, first=4))
    assert steps(watch) == [4, 5]


def test_who_comes_back_is_told_only_what_they_missed(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(9))
    assert steps(seen(improving, step=6)) == [7, 8, 9]


def test_the_id_of_each_event_is_where_to_go_on_from(improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(9))
    last = seen(improving).news()[-1]
    assert str(last.position) == "ppo-well-waiting.9"
    assert steps(Watch(improving.pk, Position.read(str(last.position)))) == []


@pytest.mark.parametrize("foreign", ["", "x", "ppo.", ".-3", "ppo.99999999999999", "ppo-well-waiting.1e3", "\x00.1.1"])
def test_an_id_that_is_not_ours_begins_from_the_start(improving: Round, foreign: str) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(2))
    watch = Watch(improving.pk, Position.read(foreign))
    names = [event.name for event in watch.news()]
    assert names[:2] == ["state", "points"]


def test_a_move_of_the_round_is_told_with_the_points_of_its_new_stage(improving: Round) -> None:
    watch = seen(improving)
    watch.news()
    found = loop.work(improving)
    signs.measure(loop.live_stage(found), [{"step": 1, "of": 2, "seconds": 1.0}])
    news = told(watch)
    assert news["state"]["state"] == State.EVALUATING
    assert news["points"]["kind"] == "evaluate"


def test_a_failure_is_told_with_its_reason_and_a_retry_too(improving: Round, olga: User) -> None:
    watch = seen(improving)
    watch.news()
    loop.fail(loop.live_stage(improving))
    assert told(watch)["state"] == {"state": State.PPO, "failure": "It failed."}
    rounds.retry(by=olga, round_id=improving.pk)
    assert told(watch)["state"] == {"state": State.PPO, "failure": ""}


def test_steps_that_are_measured_again_after_a_crash_are_told_again(improving: Round) -> None:
    stage = loop.live_stage(improving)
    watch = seen(improving)
    signs.measure(stage, signs.ppo_rows(5, of=9))
    watch.news()
    path = events_file(improving)
    path.write_text("")
    signs.measure(stage, signs.ppo_rows(2, of=9, first=4))
    assert steps(watch) == [4, 5]


def events_file(found: Round) -> Any:
    from rounds.child import out_of
    from trainer import manifest

    return manifest.partial(out_of(loop.live_stage(found))) / "metrics.jsonl"


def test_the_end_of_the_round_is_the_last_thing_told(improving: Round, olga: User) -> None:
    watch = seen(improving)
    rounds.cancel(by=olga, round_id=improving.pk)
    assert [event.name for event in watch.news()][-1] == "end"
    assert watch.ended


def test_progress_is_told_when_it_changes(improving: Round) -> None:
    watch = seen(improving)
    signs.measure(loop.live_stage(improving), signs.ppo_rows(5, of=20))
    assert told(watch)["progress"]["doing"] == "step 5 of 20"
    assert told(watch).get("progress", {"doing": "step 5 of 20"})["doing"] == "step 5 of 20"


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

    async def follow() -> list[dict[str, Any]]:
        answer = await listen(watching, {"Last-Event-ID": "ppo-well-waiting.1"})
        received: list[dict[str, Any]] = []
        async for chunk in text_of(answer.streaming_content):
            received += parsed(chunk)
            if [each["event"] for each in received].count("points") == 1 and len(received) == 2:
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


@pytest.mark.django_db(transaction=True)
def test_a_labeler_gets_no_stream(improving: Round, alice: User) -> None:
    client = AsyncClient()
    client.force_login(alice)

    async def status() -> int:
        return (await client.get(ADDRESS)).status_code

    assert asyncio.run(status()) == 404
