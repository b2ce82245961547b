"""What goes wrong, each kind as an exception of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

# Answers that another try may better: too many requests, or a server that is away for a moment.
PASSING = {429, 502, 503, 504}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request: where, as a path through it, and what."""

    location: str
    message: str


class Problem(Exception):
    """Something did not go well. What the server refuses has the fields of its problem details (RFC 9457).

    `kind` is the last part of `type`; `wait` says in how many seconds another try may go better, None: never.
    """

    def __init__(self, detail: str, *, kind: str = "", title: str = "", status: int = 0, wait: float | None = None):
        super().__init__(": ".join(filter(None, (f"{status or ''} {title}".strip(), detail))))
        self.detail, self.kind, self.title, self.status, self.wait = detail, kind, title, status, wait
        self.type = ""
        self.errors: list[Fault] = []


class NoToken(Problem):
    """The token is none, was revoked, or has expired."""


class NotAllowed(Problem):
    """The owner's role, or the token's scope, does not cover this."""


class NotFound(Problem):
    """Not there, or not for this token."""


class Refused(Problem):
    """Not as things stand; `detail` says why."""


class Moved(Refused):
    """What the request was about changed meanwhile: read it again."""


class Invalid(Problem):
    """The request says something that cannot be; `errors` name the places."""


class TooLarge(Problem):
    """A body, or a file, of that length is not taken."""


class Busy(Problem):
    """Too many requests, or the server is away or at work on this very one: longer than this client waits."""


class Failed(Problem):
    """The server failed; its log has the reason."""


class Unreachable(Problem):
    """No answer came."""


class Damaged(Problem):
    """A file is not what its checksum says."""


class Stopped(Problem):
    """An import or an export waits for a person, or was ended."""


_BY_KIND: dict[str, type[Problem]] = {
    "unreadable": Invalid,
    "bad-cursor": Invalid,
    "no-token": NoToken,
    "not-allowed": NotAllowed,
    "wrong-scope": NotAllowed,
    "not-found": NotFound,
    "refused": Refused,
    "moved": Moved,
    "at-work": Busy,
    "too-large": TooLarge,
    "invalid": Invalid,
    "other-request": Invalid,
    "too-many": Busy,
    "failed": Failed,
}


def problem_of(response: httpx.Response) -> Problem:
    """What a refusal says, once it has been read. Answers of other servers on the way count as well."""
    told = _details(response)
    status, kind = response.status_code, str(told.get("type", "")).partition("#")[2]
    found = _BY_KIND.get(kind) or _by_status(status)
    problem = found(
        str(told.get("detail", response.text[:200])),
        kind=kind,
        title=str(told.get("title", response.reason_phrase)),
        status=status,
        wait=_seconds(response.headers.get("retry-after", "")) if found is Busy else None,
    )
    problem.type = str(told.get("type", ""))
    problem.errors = [Fault(each["location"], each["message"]) for each in told.get("errors") or []]
    return problem


def _details(response: httpx.Response) -> dict[str, Any]:
    if "problem+json" not in response.headers.get("content-type", ""):
        return {}
    told: dict[str, Any] = response.json()
    return told


def _by_status(status: int) -> type[Problem]:
    if status in PASSING:
        return Busy
    return Failed if httpx.codes.is_server_error(status) else Problem


def _seconds(said: str) -> float:
    """Retry-After, which is a number of seconds or a date; 0 where it is neither."""
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
