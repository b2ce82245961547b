"""Labelers who rank without a pause: `python -m tests.bench.web_load '{"url", "cookies", "seconds"}'` tells one line.

Each opens a page, sends an order, and goes where the answer leads, until the time is over.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter
from typing import Any

import httpx

KEY = re.compile(r'name="key" value="([^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
LETTERS = re.compile(r'data-letters="([a-i]+)"')


class Labeler:
    """One person's browser, as far as the server can tell."""

    def __init__(self, url: str, cookie: str, until: float) -> None:
        self.client = httpx.AsyncClient(base_url=url, cookies={"sessionid": cookie}, timeout=60)
        self.until = until
        self.next: list[float] = []
        self.submit: list[float] = []
        self.errors: Counter[str] = Counter()

    async def work(self) -> None:
        async with self.client:
            page = await self.client.get("/p/bench/rank/", follow_redirects=True)
            while time.perf_counter() < self.until and page.is_success:
                page = await self.rank(page)
            if not page.is_success:
                self.errors[f"{page.status_code} at {page.url.path}"] += 1

    async def rank(self, page: httpx.Response) -> httpx.Response:
        """Send an order of this page's letters and open what follows. Whatever is no page of work ends the work."""
        found = [pattern.search(page.text) for pattern in (KEY, TOKEN, LETTERS)]
        if not all(found):
            return httpx.Response(404, request=page.request)
        key, token, letters = (each.group(1) for each in found if each)
        body = {"key": key, "csrfmiddlewaretoken": token, "order": " ".join(letters), "making": "{}"}
        began = time.perf_counter()
        answer = await self.client.post(page.url, data=body, headers={"Referer": str(page.url)})
        sent = time.perf_counter()
        if answer.status_code != 302:
            return answer
        following = await self.client.get(answer.headers["Location"], follow_redirects=True)
        self.submit.append(sent - began)
        self.next.append(time.perf_counter() - sent)
        return following


async def crowd(url: str, cookies: list[str], seconds: float) -> dict[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    people = [Labeler(url, cookie, began + seconds) for cookie in cookies]
    await asyncio.gather(*(person.work() for person in people))
    took = time.perf_counter() - began
    submits = [time for person in people for time in person.submit]
    nexts = [time for person in people for time in person.next]
    both = [one + other for one, other in zip(submits, nexts, strict=True)]
    return {
        **_shares("submit", submits),
        **_shares("next", nexts),
        "both_p50": 1000 * statistics.median(both),
        "submissions": len(submits),
        "rate": len(submits) / took,
        "load_ms": 1000 * (time.process_time() - busy) / len(submits),
        "errors": [f"{count} × {what}" for person in people for what, count in person.errors.items()],
    }


def _shares(name: str, times: list[float]) -> dict[str, float]:
    """Median and 95th percentile in ms."""
    parts = statistics.quantiles(times, n=20, method="inclusive")
    return {f"{name}_p50": 1000 * parts[9], f"{name}_p95": 1000 * parts[18]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(crowd(**json.loads(sys.argv[1])))))
