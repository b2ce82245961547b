"""Streams whose pieces are read on other threads than those that answer pages."""

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse


class Piecemeal(StreamingHttpResponse):
    """A stream of a plain iterator: under ASGI Django's own would read all of it before the first byte leaves."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        read = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
        while (piece := await read()) is not None:
            yield piece
