"""How a request is answered: whole pages from one thread, downloads until nobody listens."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core import signals
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from tutelage.serving import THREADS, Site

PART = b"x" * 1000
CLOSED = threading.Event()


def page(request: HttpRequest) -> HttpResponse:
    words = [request.method or "", request.POST.get("said", ""), threading.current_thread().name]
    return HttpResponse(" ".join(words), status=201)


class Download(StreamingHttpResponse):
    def close(self) -> None:
        super().close()
        CLOSED.set()


def download(request: HttpRequest) -> StreamingHttpResponse:
    parts = request.GET.get("parts")

    async def written() -> AsyncIterator[bytes]:
        at = 0
        while parts is None or at < int(parts):
            at += 1
            yield PART
            await asyncio.sleep(0)

    return Download(written())


urlpatterns = [path("page/", page), path("download/", download)]


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
    CLOSED.clear()
    yield Site()
    # What it took off would be missed by the tests that come after.
    signals.request_started.connect(reset_queries)
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def asked(site: Site, address: str, method: str = "GET", body: bytes = b"") -> ApplicationCommunicator:
    where, _mark, query = address.partition("?")
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "path": where, "method": method, "headers": headers, "query_string": query.encode()}
    talk = ApplicationCommunicator(site, scope)
    talk.input_queue.put_nowait({"type": "http.request", "body": body})
    return talk


async def whole(talk: ApplicationCommunicator) -> tuple[int, bytes]:
    start, body, more = await talk.receive_output(20), b"", True
    while more:
        part = await talk.receive_output(20)
        body, more = body + part.get("body", b""), part.get("more_body", False)
    await talk.wait(20)
    return start["status"], body


def test_pages_come_whole_from_the_threads_of_one_pool(site: Site) -> None:
    async def many() -> list[tuple[int, bytes]]:
        posts = [asked(site, "/page/", "POST", f"said={number}".encode()) for number in range(3 * THREADS)]
        return await asyncio.gather(*(whole(post) for post in posts))

    answers = asyncio.run(many())
    assert {status for status, _body in answers} == {201}
    words = [body.decode().split() for _status, body in answers]
    assert [said for _method, said, _thread in words] == [str(number) for number in range(3 * THREADS)]
    assert len({thread for _method, _said, thread in words}) <= THREADS
    assert all(thread.startswith("page_") for _method, _said, thread in words)


def test_a_download_comes_to_its_last_byte_and_is_closed(site: Site) -> None:
    status, body = asyncio.run(whole(asked(site, "/download/?parts=50")))
    assert (status, body) == (200, 50 * PART)
    assert CLOSED.is_set()


def test_a_download_that_nobody_listens_to_ends_and_is_closed(site: Site) -> None:
    async def leave() -> None:
        talk = asked(site, "/download/")
        for _ in range(5):
            await talk.receive_output(20)
        talk.input_queue.put_nowait({"type": "http.disconnect"})
        await talk.wait(20)

    asyncio.run(leave())
    assert CLOSED.is_set()
