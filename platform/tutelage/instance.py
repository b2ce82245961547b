"""One running Tutelage in a folder: Valkey, web, worker, beat and supervisor as child processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import redis

from tutelage import broker

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 20
# Without the limit an open event stream would hold the server back for ever; an access log would keep one-time links.
WEB_OPTIONS = ["--timeout-graceful-shutdown", "3", "--no-access-log"]


class CannotStart(Exception):
    """A process did not come up; the message is a sentence for a person."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_trainers(data: Path) -> None:
    """A trainer outlives its supervisor on purpose; when the whole instance ends it is asked to save and stop."""
    limit = time.monotonic() + STOP_SECONDS
    _signal_groups(_trainers_of(data), signal.SIGTERM)
    while _trainers_of(data) and time.monotonic() < limit:
        time.sleep(0.1)
    _signal_groups(_trainers_of(data), signal.SIGKILL)


def _trainers_of(data: Path) -> list[int]:
    """Trainers that write into this folder. Their command lines tell: one that still loads has no heartbeat yet."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_trainer_of(data, path)]


def _is_trainer_of(data: Path, command_line: Path) -> bool:
    try:
        words = command_line.read_bytes().split(b"\0")
    except OSError:
        return False
    return b"trainer" in words and any(word.startswith(os.fsencode(data) + b"/") for word in words)


def _signal_groups(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.killpg(pid, number)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Instance:
    """`prepare` makes the folder, `start` the processes; `stop` ends them, newest first.

    `started` is told of every process as soon as it runs, so that none is ever unknown to who has to end it.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        threads: int | None = None,
        tick: float = 5.0,
        started: "Callable[[Instance], None]" = lambda _instance: None,
    ) -> None:
        self.data = data.resolve()
        self.port = port or free_port()
        self.threads = threads
        self.tick = tick
        self._started = started
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What every process of this instance is started with."""
        own = {"TUTELAGE_DATA": str(self.data), "TICK_SECONDS": str(self.tick), "PYTHONUNBUFFERED": "1"}
        if "REDIS_URL" not in os.environ:
            own["REDIS_URL"] = f"unix://{broker.socket_path(self.data)}"
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "tutelage.settings", **own}

    def prepare(self) -> None:
        """Make the folder, its database and what pages load; again and again without harm. Raises CannotStart."""
        os.umask(0o077)
        (self.data / "logs").mkdir(parents=True, exist_ok=True)
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--no-input", "--verbosity", "0")

    def manage(self, *words: str) -> str:
        """Run a management command of this instance and return what it printed. Raises CannotStart."""
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise CannotStart(f"`manage.py {words[0]}` failed: {' '.join(last)}")
        return done.stdout

    def commands(self) -> dict[str, list[str]]:
        """Process name → command line, in the order in which they are started."""
        celery = [sys.executable, "-m", "celery", "--app", "tutelage"]
        threads = [] if self.threads is None else ["--threads", str(self.threads)]
        web = [sys.executable, "-m", "uvicorn", "tutelage.asgi:application", "--host", "127.0.0.1"]
        return {
            **({} if "REDIS_URL" in os.environ else {"valkey": broker.server_command(self.data)}),
            "web": [*web, "--port", str(self.port), *WEB_OPTIONS],
            "worker": [*celery, "worker", "--concurrency", "1", "--loglevel", "warning"],
            "beat": [*celery, "beat", "--schedule", str(self.data / "beat-schedule"), "--pidfile="],
            "supervisor": [sys.executable, str(ROOT / "manage.py"), "supervise", "--name", "main", *threads],
        }

    def start(self, *names: str) -> None:
        """Start every process, or those named, and wait until pages are answered. Raises CannotStart."""
        for name in names or self.commands():
            self.restart(name)
        self._wait_for_pages()

    def restart(self, name: str) -> None:
        """Start one process; the broker must answer before anything is built on it."""
        log = (self.data / "logs" / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(  # noqa: S603 (command lines of our own)
            self.commands()[name],
            env=self.environment(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in the terminal reaches us alone; we then stop them in order.
            start_new_session=True,
        )
        log.close()
        self._started(self)
        if name == "valkey":
            self._wait_for_broker()

    def stop(self) -> None:
        """End every process, newest first, and the trainer that the supervisor would leave at work."""
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        end_trainers(self.data)

    def log_end(self, name: str, lines: int = 15) -> str:
        path = self.data / "logs" / f"{name}.log"
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _wait_for_broker(self) -> None:
        client = redis.Redis(unix_socket_path=str(broker.socket_path(self.data)))
        self._wait("valkey", lambda: bool(client.ping()), redis.RedisError)

    def _wait_for_pages(self) -> None:
        self._wait("web", lambda: httpx.get(f"{self.url}/healthz").is_success, httpx.HTTPError)

    def _wait(self, name: str, answers: Callable[[], bool], *errors: type[Exception]) -> None:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if self.processes[name].poll() is not None:
                raise CannotStart(f"{name} ended at once. The end of its log:\n{self.log_end(name)}")
            with suppress(*errors):
                if answers():
                    return
            time.sleep(0.1)
        raise CannotStart(f"{name} does not answer after {START_SECONDS} seconds.")
