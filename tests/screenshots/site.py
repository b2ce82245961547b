"""A site of its own with the seeded rows, and a browser that looks at its pages as anybody, in any language."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Response
from playwright.sync_api import Page as Tab

from tests.screenshots.pages import Page
from tutelage.instance import ROOT, Instance

LANGUAGES = ("en", "zh-hans")
THEMES = ("light", "dark")
SCREENS = {"desktop": (1440, 900), "phone": (390, 844)}
# Without beat, worker and supervisor: rows stay in the state that is to be seen.
_PROCESSES = ("valkey", "web")


@dataclass(frozen=True)
class Site:
    """Where it answers, and what the seed wrote down: ids, tokens, cookies."""

    address: str
    data: Path
    places: dict[str, str]

    def speak(self, language: str) -> None:
        """Let every person have chosen this language."""
        self._write(f"UPDATE accounts_user SET language = '{language}'")

    def forget_drafts(self) -> None:
        """What was typed into one page must not stand in the next."""
        self._write("DELETE FROM annotations_draft")

    def _write(self, statement: str) -> None:
        with closing(sqlite3.connect(self.data / "tutelage.sqlite3", timeout=20)) as database, database:
            database.execute(statement)

    def session_of(self, who: str) -> str:
        return self.places["half_in" if who == "half in" else f"cookie-{who}"]


@contextmanager
def seeded_site(data: Path) -> Iterator[Site]:
    """Serve a freshly seeded site from this folder, as `make up` would, but nothing works behind its pages."""
    instance = Instance(data)
    instance.prepare()
    names = [name for name in _PROCESSES if name in instance.commands()]
    try:
        instance.start(*names)
        places = data / "places.json"
        seed = [sys.executable, "-m", "tests.screenshots.seed", str(places)]
        subprocess.run(seed, cwd=ROOT, env=instance.environment(), check=True)
        yield Site(instance.url, data, json.loads(places.read_text(encoding="utf-8")))
    finally:
        instance.stop()


@dataclass
class Viewer:
    """One browser context that becomes whoever a page is for, and keeps what pages complained about."""

    site: Site
    context: BrowserContext
    tab: Tab
    complaints: list[str] = field(default_factory=list)
    _last: Response | None = None

    def see(self, page: Page) -> Tab:
        """Open the page as its person and do what it asks for; fail if it is answered with another status."""
        self._become(page.who)
        self.site.forget_drafts()
        self.complaints.clear()
        self.tab.goto(self.site.address + page.path.format_map(self.site.places))
        if page.does:
            page.does(self.tab)
        self.tab.wait_for_load_state()
        assert self._last is not None
        assert self._last.status == page.status, f"{page.name}: {self._last.status} at {self._last.url}"
        return self.tab

    def _become(self, who: str) -> None:
        self.context.clear_cookies()
        if who:
            session = {"name": "sessionid", "value": self.site.session_of(who), "url": self.site.address}
            self.context.add_cookies([session])

    def answered(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._last = response


def viewer(browser: Browser, site: Site, language: str, screen: str = "desktop") -> Viewer:
    width, height = SCREENS[screen]
    phone = screen == "phone"
    context = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=phone,
        is_mobile=phone,
        device_scale_factor=2 if phone else 1,
        locale="zh-CN" if language == "zh-hans" else "en-US",
        reduced_motion="reduce",
    )
    # The device's own copies, too.
    context.add_init_script("localStorage.clear()")
    found = Viewer(site, context, context.new_page())
    found.tab.on("response", found.answered)
    found.tab.on("console", lambda said: said.type in ("error", "warning") and found.complaints.append(said.text))
    found.tab.on("pageerror", lambda error: found.complaints.append(str(error)))
    return found
