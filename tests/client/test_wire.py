"""What the client does when a server is busy, away, or breaks off: against one that says what it is told to say."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from tutelage_client import Busy, Client, Damaged, Failed, Refused, wire

CONTENT = b"0123456789" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Said:
    """One answer. It breaks off after its body where that is shorter than `length`."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Heard:
    """One request."""

    method: str
    headers: dict[str, str]
    body: bytes


class Script(ThreadingHTTPServer):
    """Gives the answers in their order and keeps the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Teller)
        self.answers: list[Said] = []
        self.heard: list[Heard] = []


class Teller(BaseHTTPRequestHandler):
    server: Script

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        heard = {name.lower(): value for name, value in self.headers.items()}
        self.server.heard.append(Heard(self.command, heard, self.rfile.read(length)))
        said = self.server.answers.pop(0)
        self.send_response(said.status)
        length = len(said.body) if said.length is None else said.length
        for name, value in {"Content-Length": str(length), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.body)
        self.close_connection = True

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Not a word."""


@pytest.fixture
def script() -> Iterator[Script]:
    with Script() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long the client would have slept each time."""
    slept: list[float] = []
    monkeypatch.setattr(wire, "time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.fixture
def client(script: Script, waits: list[float]) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{script.server_port}", "tut_x", tries=3, patience=60) as client:
        yield client


BUSY = Said(429, b'{"type": "/api/v1/docs#too-many", "detail": "Wait."}')
BUSY.headers = {"Content-Type": "application/problem+json", "Retry-After": "42"}
AWAY = Said(503, b"", {"Retry-After": "7"})
FINE = Said(200, b'{"added": 1, "known": 0}')


def test_a_busy_server_is_asked_again_under_the_same_key_when_it_says(
    client: Client, script: Script, waits: list[float]
) -> None:
    script.answers = [BUSY, AWAY, FINE]
    assert client.add_prompts("turtles", ["Why?"]).added == 1
    assert len({heard.headers["idempotency-key"] for heard in script.heard}) == 1
    assert len({heard.body for heard in script.heard}) == 1
    assert waits == [42, 7]


def test_two_changes_have_two_keys(client: Client, script: Script) -> None:
    script.answers = [FINE, FINE]
    for _ in range(2):
        client.add_prompts("turtles", ["Why?"])
    assert len({heard.headers["idempotency-key"] for heard in script.heard}) == 2


def test_it_gives_up_in_the_end(client: Client, script: Script, waits: list[float]) -> None:
    script.answers = [AWAY, AWAY, AWAY]
    with pytest.raises(Busy) as busy:
        client.get("/me")
    assert (busy.value.status, len(waits)) == (503, 2)


def test_it_does_not_wait_longer_than_its_patience(client: Client, script: Script, waits: list[float]) -> None:
    script.answers = [Said(429, b"", {"Retry-After": "61"})]
    with pytest.raises(Busy):
        client.get("/me")
    assert waits == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said(500, b"oh"), Failed),
        (
            Said(409, b'{"type": "#refused", "detail": "No."}', {"Content-Type": "application/problem+json"}),
            Refused,
        ),
    ],
)
def test_what_another_try_does_not_better_is_sent_once(
    client: Client, script: Script, said: Said, kind: type[Exception]
) -> None:
    script.answers = [said]
    with pytest.raises(kind):
        client.post("/x", {})
    assert len(script.heard) == 1


def test_a_change_without_a_key_is_sent_once(client: Client, script: Script) -> None:
    script.answers = [BUSY]
    with pytest.raises(Busy):
        client.post("/x", {}, key=None)
    assert "idempotency-key" not in script.heard[0].headers


def test_a_file_is_sent_again_from_its_beginning(client: Client, script: Script, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(CONTENT)
    script.answers = [AWAY, Said(409, b"no")]
    with pytest.raises(Exception, match="no"):
        client.bring("turtles", tmp_path / "a.jsonl")
    assert [heard.body for heard in script.heard] == [CONTENT, CONTENT]


def test_a_download_goes_on_after_each_break(client: Client, script: Script, tmp_path: Path) -> None:
    half, rest = CONTENT[:4000], CONTENT[4000:]
    script.answers = [
        Said(200, half, length=len(CONTENT)),
        AWAY,
        Said(206, rest[:10], length=len(rest)),
        Said(206, rest[10:]),
    ]
    client._wire.download("/file", tmp_path / "in/file", sha256=DIGEST)
    assert (tmp_path / "in/file").read_bytes() == CONTENT
    asked = [(heard.headers.get("range"), heard.headers.get("if-range")) for heard in script.heard]
    again = ("bytes=4000-", f'"{DIGEST}"')
    assert asked == [(None, None), again, again, ("bytes=4010-", f'"{DIGEST}"')]


def test_another_file_begins_anew(client: Client, script: Script, tmp_path: Path) -> None:
    script.answers = [Said(200, b"old", length=10), Said(200, CONTENT)]
    client._wire.download("/file", tmp_path / "file", sha256=DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_damaged_file_is_not_kept(client: Client, script: Script, tmp_path: Path) -> None:
    script.answers = [Said(200, b"something else")]
    with pytest.raises(Damaged):
        client._wire.download("/file", tmp_path / "file", sha256=DIGEST)
    assert list(tmp_path.iterdir()) == []
