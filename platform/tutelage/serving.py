"""How requests are answered: pages on threads that keep their database connections, streams on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix

# One computes while others wait for the disk; with more, on SQLite, where waiting is polling, some wait for long.
THREADS = 4
# The addresses whose views are coroutines. Everything else is a page.
STREAMS = "/events/"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Site(ASGIHandler):
    """Django's handler gives each request a new thread, so a new connection, and one more hop for each middleware.

    Here a page is answered from end to end on one thread of a pool. Streams keep Django's own way.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pages = BaseHandler()
        self._pages.load_middleware()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        # They would be called on other threads than those that have connections: `_page` does what they do.
        signals.request_started.disconnect(reset_queries)
        for signal in (signals.request_started, signals.request_finished):
            signal.disconnect(close_old_connections)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(STREAMS):
            await super().handle(scope, receive, send)
            return
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._threads, self._page, scope, body)
        if response.streaming:
            await self._stream(response, receive, send)
        else:
            await self.send_response(response, send)

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send a download until its last byte, or until nobody listens."""
        sending = asyncio.create_task(self.send_response(response, send))
        listening = asyncio.create_task(self.listen_for_disconnect(receive))
        done, waiting = await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(listening, *waiting, return_exceptions=True)
        await sync_to_async(response.close)()
        if sending in done:
            sending.result()

    def _page(self, scope: Scope, body: Any) -> HttpResponseBase:
        close_old_connections()
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request, refusal = self.create_request(scope, body)
            response: HttpResponseBase = refusal or self._pages.get_response(cast(HttpRequest, request))
            if not response.streaming:
                response.close()
            return response
        finally:
            close_old_connections()
