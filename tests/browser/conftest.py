"""A server of its own, with its own database, and a Chromium that reports every complaint of a page."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.chromium import launched
from tests.browser.seed import PASSWORD

# A machine that does other things beside may need longer than Playwright thinks.
expect.set_options(timeout=20_000)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    address: str
    database: Path
    # The session of everybody who has signed in before.
    sessions: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages load, put together as `make up` does it: one by one the scripts of a page would be thirty requests."""
    folder = tmp_path_factory.mktemp("static")
    _run(_environment(folder, static=folder), "manage.py", "collectstatic", "--no-input", "-v0")
    return folder


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, collected: Path, valkey: str) -> Callable[[str], Path]:
    """The database that a module fills: made once, however many files of tests begin with a copy of it."""

    @cache
    def fill(seed: str) -> Path:
        folder = tmp_path_factory.mktemp("seeded")
        for command in (["manage.py", "migrate", "-v0"], ["-m", seed]):
            _run(_environment(folder, static=collected), *command)
        return folder / "site.sqlite3"

    return fill


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    collected: Path,
    seeded: Callable[[str], Path],
) -> Iterator[Site]:
    """The site, served by uvicorn on a free port of the loopback, seeded afresh for each file of tests.

    A file with a world of its own names the module that makes it in `SEED`.
    """
    folder = tmp_path_factory.mktemp("site")
    with (
        closing(sqlite3.connect(seeded(getattr(request.module, "SEED", "tests.browser.seed")))) as made,
        closing(sqlite3.connect(folder / "site.sqlite3")) as own,
    ):
        made.backup(own)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = _serve(listener, _environment(folder, static=collected))
        try:
            _wait_for(address, server)
            yield Site(address, folder / "site.sqlite3")
        finally:
            server.terminate()
            server.wait(timeout=20)


def _run(environment: dict[str, str], *command: str) -> None:
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)


def _environment(folder: Path, *, static: Path) -> dict[str, str]:
    return os.environ | {
        "TUTELAGE_DATA": str(folder),
        "TUTELAGE_STATIC": str(static),
        "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
        "DJANGO_SETTINGS_MODULE": "tutelage.settings",
    }


def _serve(listener: socket.socket, env: dict[str, str]) -> subprocess.Popen[bytes]:
    # The socket is handed over, so that nothing can take the port in between.
    command = [sys.executable, "-m", "uvicorn", "tutelage.asgi:application", "--fd", str(listener.fileno())]
    return subprocess.Popen(
        [*command, "--lifespan", "off", "--log-level", "warning"], cwd=ROOT, env=env, pass_fds=[listener.fileno()]
    )


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended before it answered"
        try:
            urllib.request.urlopen(f"{address}/account/login/", timeout=10).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server never answered")


# Not for longer than a file: Playwright keeps an event loop in this thread, and Django refuses rows beside one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@dataclass
class Visitor:
    """A person at a browser, with everything the pages complained about."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, name: str, *, at: str = "/") -> None:
        """By the form the first time; whoever was here before has a session still. Go to the page `at` then."""
        if name not in self.site.sessions:
            self._sign_in_by_form(name)
        else:
            session = {"name": "sessionid", "value": self.site.sessions[name], "url": self.site.address}
            self.page.context.add_cookies([session])
        if self.page.url != self.site.address + at:
            self.page.goto(self.site.address + at)

    def _sign_in_by_form(self, name: str) -> None:
        self.page.goto(f"{self.site.address}/account/login/")
        self.page.fill("[name=login]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.site.address}/")
        (session,) = (each["value"] for each in self.page.context.cookies() if each["name"] == "sessionid")
        self.site.sessions[name] = session

    def hears(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)

    def shoot(self, name: str) -> None:
        """Keep a screenshot where TUTELAGE_SCREENSHOTS names a folder."""
        if folder := os.environ.get("TUTELAGE_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")


# A test reads in no time: all it opens counts as in view before the first frame, which a busy machine paints late,
# and a millisecond in view counts as ten seconds. Else every submit might be asked about.
READS_FAST = """
  const clock = performance.now.bind(performance);
  performance.now = () => clock() * 10_000;
  window.IntersectionObserver = class extends IntersectionObserver {
    constructor(note, options) {
      super(note, options);
      this.note = note;
    }
    observe(target) {
      super.observe(target);
      const intersectionRect = target.getBoundingClientRect();
      const seen = { target, isIntersecting: true, intersectionRatio: 1, intersectionRect };
      queueMicrotask(() => this.note([seen]));
    }
  };
"""


def visit(
    browser: Browser, site: Site, *, phone: bool = False, dark: bool = False, reads_fast: bool = True
) -> tuple[BrowserContext, Visitor]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
        color_scheme="dark" if dark else "light",
        has_touch=phone,
        is_mobile=phone,
        locale="en-US",
    )
    if reads_fast:
        context.add_init_script(READS_FAST)
    visitor = Visitor(context.new_page(), site)
    visitor.page.on("console", visitor.hears)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    return context, visitor


def hears_keys(page: Page) -> None:
    """Wait for the scripts of a page to work on: the server's own toast and fields stand there before them."""
    page.locator("html.js").wait_for(state="attached")


@pytest.fixture
def clean_desk(site: Site) -> None:
    """Nothing typed lies on any desk: the server keeps it, and the next test may be lent the same question."""
    # What the last test's pages saved while they closed is answered before this is.
    urllib.request.urlopen(f"{site.address}/account/login/", timeout=10).close()
    with sqlite3.connect(site.database) as database:
        database.execute("DELETE FROM annotations_draft")


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    """Somebody at a desk; every complaint of a page fails the test."""
    context, person = visit(chromium, site)
    yield person
    context.close()
    assert person.complaints == []
