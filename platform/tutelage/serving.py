"""How requests are answered: pages on threads that keep their database connections, streams on the event loop."""

from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponseBase

# More than compute at once, for some wait; few enough that on SQLite, where waiting is polling, none waits for long.
THREADS = 8
# The addresses whose views are coroutines. Everything else is a page.
STREAMS = "/events/"


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

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.endswith(STREAMS):
            return await super().get_response_async(request)
        return await sync_to_async(self._page, thread_sensitive=False, executor=self._threads)(request)

    def _page(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            return self._pages.get_response(request)
        finally:
            close_old_connections()
