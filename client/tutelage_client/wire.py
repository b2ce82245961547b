"""Requests, sent again where that is safe; and downloads that go on where they broke off."""

import hashlib
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tutelage_client.problems import Damaged, Problem, Unreachable, problem_of

T = TypeVar("T")
NEW_KEY = "a new one"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


class Wire:
    """One connection. `tries` bounds how often a request is sent, `patience` the seconds an answer may ask for."""

    def __init__(self, base_url: str, token: str, *, tries: int, patience: float, timeout: float) -> None:
        self._tries, self._patience = tries, patience
        # What is asked for from a byte on must be the file's bytes.
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        self._http = httpx.Client(base_url=f"{base_url.rstrip('/')}/api/v1", headers=headers, timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, *, key: str | None = NEW_KEY, body: Path | None = None, **told: Any) -> Any:
        """Send one request and return what it is answered with. Raises Problem.

        What changes something carries an idempotency key, so that it is done once however often it is sent; without
        one (None) it is sent once. `body` is a file; `told` goes to httpx.
        """
        changes = method != "GET"
        keyed = str(uuid.uuid4()) if key == NEW_KEY else key
        headers = {"Idempotency-Key": keyed} if changes and keyed else {}

        def once() -> Any:
            if body is None:
                return self._answer(method, path, headers=headers, **told)
            with body.open("rb") as file:
                typed = headers | {"Content-Type": "application/octet-stream"}
                return self._answer(method, path, headers=typed, content=file, **told)

        return self._persist(once) if headers or not changes else once()

    def download(self, path: str, to: Path, *, sha256: str) -> None:
        """Bring a file, or what is missing of it: what came already lies beside it as `.part`. Raises Problem."""
        if to.exists() and digest_of(to) == sha256:
            return
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f"{to.name}.{sha256[:16]}.part")
        self._persist(lambda: self._append(path, part, sha256), progress=lambda: _size(part))
        found = digest_of(part)
        if found != sha256:
            part.unlink()
            raise Damaged(f"{to.name} came with the sha256 {found} in place of {sha256}.")
        part.replace(to)

    def _answer(self, method: str, path: str, **told: Any) -> Any:
        try:
            response = self._http.request(method, path, **told)
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        if not response.is_success:
            raise problem_of(response)
        return response.json() if response.content else None

    def _append(self, path: str, part: Path, sha256: str) -> None:
        there = _size(part)
        headers = {"Range": f"bytes={there}-", "If-Range": f'"{sha256}"'} if there else {}
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return  # All of it is there.
                if not response.is_success:
                    response.read()
                    raise problem_of(response)
                with part.open("ab" if response.status_code == httpx.codes.PARTIAL_CONTENT else "wb") as file:
                    for piece in response.iter_raw():
                        file.write(piece)
        except httpx.TransportError as error:
            raise _unreachable(error) from error

    def _persist(self, attempt: Callable[[], T], *, progress: Callable[[], int] = lambda: 0) -> T:
        """Try until it goes well, or too often in a row without getting on."""
        failed, reached = 0, progress()
        while True:
            try:
                return attempt()
            except Problem as problem:
                failed, reached = 1 if progress() > reached else failed + 1, progress()
                if problem.wait is None or problem.wait > self._patience or failed >= self._tries:
                    raise
                time.sleep(max(problem.wait, _pause(failed)))


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pause(failed: int) -> float:
    """Longer each time, and never two clients at the same beat."""
    return min(_FIRST_WAIT * 2.0 ** (failed - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.0)


def _unreachable(error: httpx.TransportError) -> Problem:
    return Unreachable(str(error) or type(error).__name__, wait=0.0)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
