"""Pictures of every page in both languages, both themes, on a desk and on a phone: `make screenshots OUT=folder`."""

import argparse
import os
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import launched
from tests.screenshots.pages import PAGES, Page
from tests.screenshots.sheet import picture, write_sheet
from tests.screenshots.site import LANGUAGES, SCREENS, THEMES, Site, Viewer, seeded_site, viewer

# Chromium takes no picture as tall as 16,384 pixels; a phone has two for each of the page's.
TALLEST = 8_000


def main() -> None:
    asked = _asked()
    for name in ("DATABASE_URL", "REDIS_URL", "TUTELAGE_STORE"):
        os.environ.pop(name, None)
    pages = [page for page in PAGES if not asked.only or page.name in asked.only.split(",")]
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tut-") as home, seeded_site(Path(home)) as site, launched() as browser:
        for language in LANGUAGES:
            site.speak(language)
            for screen in SCREENS:
                _shoot(browser, site, language, screen, pages, asked.out)
    print(write_sheet(asked.out, [page.name for page in pages]))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the folder for the pictures and their index.html")
    parser.add_argument("--only", default="", help="names of pages, with commas between them")
    return parser.parse_args()


def _shoot(browser: Browser, site: Site, language: str, screen: str, pages: list[Page], out: Path) -> None:
    person = viewer(browser, site, language, screen)
    for page in pages:
        _shoot_page(person, page, language, screen, out)
    person.context.close()


def _shoot_page(person: Viewer, page: Page, language: str, screen: str, out: Path) -> None:
    tab = person.see(page)
    # As tall as the page: a bar that sticks to the edge of the screen would else lie in the middle of the picture.
    width, height = SCREENS[screen]
    tall = min(tab.evaluate("document.documentElement.scrollHeight"), TALLEST)
    tab.set_viewport_size({"width": width, "height": max(height, tall)})
    for theme in THEMES:
        tab.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        path = out / picture(page.name, language, theme, screen)
        tab.screenshot(path=path, animations="disabled")
    tab.set_viewport_size({"width": width, "height": height})


if __name__ == "__main__":
    main()
