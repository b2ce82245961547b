"""docker-compose.yml and the Dockerfile: what they promise, and every command run here as the file gives it."""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from tests.rehearse import ROOT
from tests.with_postgres import server
from tutelage import broker
from tutelage.instance import free_port

PATIENCE_SECONDS = 60
OURS = ("TUTELAGE_DATA", "SECRET_KEY", "REDIS_URL", "DATABASE_URL")
Service = dict[str, Any]


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    found: dict[str, Service] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return found


class Native:
    """The services of the file as processes of this machine: own addresses and folders, the file's commands."""

    def __init__(self, services: dict[str, Service], folder: Path, database: str) -> None:
        self.services, self.folder, self.database = services, folder, database
        self.redis_port, self.web_port = free_port(), free_port()
        # Whoever imports torch outside of the trainer's image finds this instead.
        blocked = folder / "without-torch" / "torch"
        blocked.mkdir(parents=True)
        (blocked / "__init__.py").write_text("raise ImportError('there is no torch in this image')\n")

    def environment(self, name: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in OURS}
        given = {key: self._value(key, value) for key, value in self.services[name].get("environment", {}).items()}
        own = {"TUTELAGE_DATA": str(self.folder / name), "TUTELAGE_STORE": str(self.folder / "store")}
        torchless = {"PYTHONPATH": str(self.folder / "without-torch")} if self._target(name) == "web" else {}
        return {**kept, "PYTHONUNBUFFERED": "1", **own, **given, **torchless}

    def _target(self, name: str) -> str | None:
        build = self.services[name].get("build")
        return build["target"] if build else None

    def _value(self, key: str, value: str) -> str:
        here = {
            "DATABASE_URL": self.database,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "SECRET_KEY": secrets.token_urlsafe(64),
        }
        return here.get(key) or re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)

    def command(self, name: str) -> list[str]:
        words = [str(word) for word in self.services[name]["command"]]
        if words[0] == "redis-server":
            return [str(broker.server_binary()), *words[1:], "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        words = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
        here = {"8000": str(self.web_port), "0.0.0.0": "127.0.0.1", "/tmp/beat-schedule": str(self.folder / "beat")}
        return [here.get(word, word) for word in words]

    @contextmanager
    def running(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        (self.folder / name).mkdir(exist_ok=True)
        with self.log(name).open("wb") as log:
            cwd = self.folder / name if name == "redis" else ROOT
            process = subprocess.Popen(self.command(name), env=self.environment(name), cwd=cwd, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def wait_for(self, name: str, happened: Any) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < limit, f"{name}: {self.log(name).read_text(encoding='utf-8')}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def native(services: dict[str, Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    """Every service of the file at work."""
    with server() as database, ExitStack() as stack:
        found = Native(services, tmp_path_factory.mktemp("compose"), database)
        stack.enter_context(found.running("redis"))
        with found.running("migrate") as migrate:
            assert migrate.wait() == 0, found.log("migrate").read_text(encoding="utf-8")
        for name in ("web", "worker", "beat", "supervisor"):
            stack.enter_context(found.running(name))
        yield found


def answers(native: Native) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{native.web_port}/account/login/").is_success
    except httpx.TransportError:
        return False


def beats(native: Native) -> set[str]:
    """Who has said that it is alive, in the rows that the pages read."""
    folder = native.database.partition("@/")[2].rpartition("/")[0]
    with psycopg.connect(host=folder, user="postgres", dbname="postgres") as rows:
        return {name for (name,) in rows.execute("SELECT name FROM rounds_beat")}


def test_every_service_works_with_the_command_that_the_file_gives(native: Native) -> None:
    native.wait_for("web", lambda: answers(native))
    native.wait_for("supervisor", lambda: "supervisor:main" in beats(native))
    # The worker's beat comes from the tick, which beat sends: both are at work.
    native.wait_for("worker", lambda: "worker" in beats(native))


def test_the_web_image_has_no_torch_and_the_trainers_has(services: dict[str, Service]) -> None:
    web, trainer = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("FROM web AS trainer")
    assert ("torch" in web.split("FROM", 1)[1], ".[trainer]" in web, ".[trainer]" in trainer) == (False, False, True)
    targets = {name: service["build"]["target"] for name, service in services.items() if "build" in service}
    assert targets == {"migrate": "web", "web": "web", "worker": "web", "beat": "web", "supervisor": "trainer"}


def test_the_trainers_service_holds_no_secret_but_the_databases_address(services: dict[str, Service]) -> None:
    assert set(services["supervisor"]["environment"]) == {"DATABASE_URL", "REDIS_URL"}


def test_there_is_no_default_password(services: dict[str, Service]) -> None:
    given = " ".join(str(service.get("environment", "")) for service in services.values())
    secret = set(re.findall(r"\$\{(?:POSTGRES_PASSWORD|SECRET_KEY)[^}]*\}", given))
    assert secret
    assert all(":?" in each for each in secret)


def test_only_this_machine_reaches_the_pages_and_nothing_else_is_open(services: dict[str, Service]) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_the_webs_health_check_passes_behind_a_proxy_too(native: Native, services: dict[str, Service]) -> None:
    native.wait_for("web", lambda: answers(native))
    _, _, option, program = services["web"]["healthcheck"]["test"]
    words = [sys.executable, option, program.replace("8000", str(native.web_port))]
    assert subprocess.run(words, env=native.environment("web"), check=False).returncode == 0
