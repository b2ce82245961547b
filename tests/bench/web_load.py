"""Labelers who rank without a pause: `python -m tests.bench.web_load '{"url", "cookies", "seconds"}'` tells one line.

Each opens a page, sends an order, and goes where the answer leads, until the time is over. Each is a thread with one
connection and Python's own client: what the load computes is taken from the server, so it must be little.
"""

import gzip
import http.client
import json
import re
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

KEY = re.compile(r'name="key" value="([^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
LETTERS = re.compile(r'data-letters="([a-i]+)"')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ALWAYS = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class Answer:
    path: str
    status: int
    text: str
    location: str


class Labeler:
    """One person's browser, as far as the server can tell."""

    def __init__(self, url: str, cookie: str) -> None:
        self.line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.url, self.cookies = url, {"sessionid": cookie}
        self.next: list[float] = []
        self.submit: list[float] = []
        self.errors: Counter[str] = Counter()

    def work(self, until: float) -> None:
        page = self.follow("/p/bench/rank/")
        while time.perf_counter() < until and page.status == 200:
            page = self.rank(page)
        if page.status != 200:
            self.errors[f"{page.status} at {page.path}"] += 1
        self.line.close()

    def rank(self, page: Answer) -> Answer:
        """Send an order of this page's letters and open what follows. Whatever is no page of work ends the work."""
        found = [pattern.search(page.text) for pattern in (KEY, TOKEN, LETTERS)]
        if not all(found):
            return Answer(page.path, 404, "", "")
        key, token, letters = (each.group(1) for each in found if each)
        body = {"key": key, "csrfmiddlewaretoken": token, "order": " ".join(letters), "making": "{}"}
        began = time.perf_counter()
        answer = self.ask("POST", page.path, urlencode(body), FORM | {"Referer": self.url + page.path})
        sent = time.perf_counter()
        if answer.status != 302:
            return Answer(answer.path, answer.status if answer.status != 200 else 400, "", "")
        following = self.follow(answer.location)
        self.submit.append(sent - began)
        self.next.append(time.perf_counter() - sent)
        return following

    def follow(self, path: str) -> Answer:
        answer = self.ask("GET", path)
        while answer.status == 302:
            answer = self.ask("GET", answer.location)
        return answer

    def ask(self, method: str, path: str, body: str | None = None, more: dict[str, str] | None = None) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.line.request(method, path, body, ALWAYS | {"Cookie": cookie} | (more or {}))
        answer = self.line.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.keep(SimpleCookie(line))
        sent = answer.read()
        text = gzip.decompress(sent) if answer.headers["Content-Encoding"] == "gzip" else sent
        return Answer(path, answer.status, text.decode(), answer.headers.get("Location", ""))

    def keep(self, told: SimpleCookie) -> None:
        for name, morsel in told.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.coded_value


def crowd(url: str, cookies: list[str], seconds: float) -> dict[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    people = [Labeler(url, cookie) for cookie in cookies]
    with ThreadPoolExecutor(len(people)) as threads:
        list(threads.map(lambda person: person.work(began + seconds), people))
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
    print(json.dumps(crowd(**json.loads(sys.argv[1]))))
