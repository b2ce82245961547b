"""How requests are answered: pages on threads that keep their database connections, streams on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections, reset_queries
from django.http import HttpResponseBase
from django.urls import set_script_prefix

# More than compute at once, for some wait; few enough that on SQLite, where waiting is polling, none waits for long.
THREADS = 8
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
            return await super().handle(scope, receive, send)
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return None
        with body:
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._threads, self._page, scope, body)
            await self.send_response(response, send)
        if response.streaming:
            await sync_to_async(response.close)()
        return None

    def _page(self, scope: Scope, body: Any) -> HttpResponseBase:
        close_old_connections()
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request, refusal = self.create_request(scope, body)
            response: HttpResponseBase = refusal or self._pages.get_response(request)
            if not response.streaming:
                response.close()
            return response
        finally:
            close_old_connections()
