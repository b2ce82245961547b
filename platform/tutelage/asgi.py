"""The ASGI application that uvicorn serves: pages on threads that keep their connections, streams on the event loop."""

import gc
import os
from concurrent.futures import ThreadPoolExecutor

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")

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

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.endswith(STREAMS):
            return await super().get_response_async(request)
        return await sync_to_async(self._page, thread_sensitive=False, executor=self._threads)(request)

    def _page(self, request: HttpRequest) -> HttpResponseBase:
        # Django's own signals do this on other threads, whose connections are not these.
        close_old_connections()
        try:
            return self._pages.get_response(request)
        finally:
            close_old_connections()


django.setup(set_prefix=False)
application = Site()
# What is loaded by now stays for good: looking through it again and again is a tenth of a page's time.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
