"""Every page of everybody, in both languages: axe-core finds nothing, zoom and phones cut nothing, keys reach all."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, ViewportSize
from playwright.sync_api import Page as Tab

from tests.bench.weight import weigh_in
from tests.screenshots.pages import PAGES, Page
from tests.screenshots.site import LANGUAGES, Site, Viewer, seeded_site, viewer

CHECKS = Path(__file__).with_name("checks.js")
AXE = str(files("axe_playwright_python") / "axe.min.js")
GRAVE = ("serious", "critical")
LOOKED_AT = [page for page in PAGES if not page.disturbs]
# 1440 × 900 at 200 %, and the smallest phone that is meant.
ZOOMED, PHONE = ViewportSize(width=720, height=450), ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)
# Chromium itself reports an answer that is an error, which is what was asked for.
ASKED_FOR = "Failed to load resource"
WALKED = ("home", "rank-4", "rank-2", "demonstrate", "signin", "settings", "rounds", "people", "prompts", "exports")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, valkey: str) -> Iterator[Site]:
    with seeded_site(tmp_path_factory.mktemp("pages")) as found:
        yield found
    # Failed sign-ins are counted there, over all tests.
    cache.clear()


@pytest.fixture(scope="module", params=LANGUAGES)
def someone(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Viewer]:
    site.speak(request.param)
    found = viewer(chromium, site, request.param)
    found.context.add_init_script(path=CHECKS)
    found.context.add_init_script(path=AXE)
    yield found
    found.context.close()


@pytest.fixture
def person(someone: Viewer, site: Site) -> Viewer:
    """At a desk, by day; nothing of what an earlier page typed is kept, on the server or on the device."""
    someone.tab.goto("about:blank")
    site.forget_drafts()
    devices = someone.context.new_cdp_session(someone.tab)
    devices.send("Storage.clearDataForOrigin", {"origin": site.address, "storageTypes": "indexeddb,local_storage"})
    someone.tab.set_viewport_size(DESK)
    someone.tab.emulate_media(color_scheme="light", forced_colors="none", reduced_motion="reduce")
    return someone


def grave(tab: Tab, *rules: str) -> list[str]:
    """What axe-core calls serious or critical: its rule, and where."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    options = {"resultTypes": ["violations"], **only}
    found: dict[str, Any] = tab.evaluate("options => axe.run(document, options)", options)
    violations = [each for each in found["violations"] if each["impact"] in GRAVE]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in violations for node in each["nodes"]]


def wrong(tab: Tab, *checks: str) -> list[str]:
    return [said for check in checks for said in tab.evaluate(f"checks.{check}()")]


@pytest.mark.parametrize("page", LOOKED_AT, ids=lambda page: page.name)
def test_axe_finds_nothing_grave_by_day_and_by_night(person: Viewer, page: Page) -> None:
    tab = person.see(page)
    assert grave(tab) == []
    assert wrong(tab, "moving", "sideways") == []
    tab.emulate_media(color_scheme="dark")
    assert grave(tab, "color-contrast") == []
    tab.emulate_media(forced_colors="active")
    assert wrong(tab, "faceless") == []
    assert [said for said in person.complaints if ASKED_FOR not in said] == []


@pytest.mark.parametrize("page", LOOKED_AT, ids=lambda page: page.name)
def test_nothing_is_cut_or_covered_at_200_percent_and_on_a_phone(person: Viewer, page: Page) -> None:
    found = {}
    for name, size in {"200 %": ZOOMED, "phone": PHONE}.items():
        person.tab.set_viewport_size(size)
        found[name] = wrong(person.see(page), "sideways", "covered")
    assert found == {"200 %": [], "phone": []}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in WALKED], ids=lambda page: page.name)
def test_tab_reaches_everything_once_in_order_and_shows_where_it_is(person: Viewer, page: Page) -> None:
    tab = person.see(page)
    stops, found, seen = tab.evaluate("checks.stops()"), [], []
    tab.evaluate("checks.beginAgain()")
    for _ in range(2 * len(stops)):
        tab.keyboard.press("Tab")
        now = tab.evaluate("checks.focused()")
        if not now or now in seen[:1]:
            break
        seen.append(now)
        found += wrong(tab, "focus")
    assert found == []
    # What scrolls is a stop of its own in Chromium, and has nothing to operate.
    assert [name for name in seen if name in stops] == stops


def test_the_ranking_page_is_light_the_first_time_and_lighter_the_second(chromium: Browser, site: Site) -> None:
    cold, warm = weigh_in(chromium, site.address, site.session_of("alice"), "/p/turtles/rank/")
    assert 0 < cold.bytes <= 150_000
    assert cold.requests <= 12
    assert warm.bytes <= 20_000


def test_the_first_tab_offers_the_way_past_the_header(person: Viewer) -> None:
    tab = person.see(next(page for page in PAGES if page.name == "rounds"))
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip-link"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_a_ranking_is_made_without_any_movement(person: Viewer) -> None:
    tab = person.see(next(page for page in PAGES if page.name == "rank-4"))
    for key in ("b", "=", "a", "ArrowUp", "Backspace", "c"):
        tab.keyboard.press(key)
        assert wrong(tab, "moving") == []


@pytest.mark.parametrize(
    ("planted", "check"),
    [
        ("<a href='/' style='position:absolute;left:2000px'>far</a>", "sideways"),
        ("<div style='position:fixed;inset:0;z-index:99'></div>", "covered"),
        ("<p style='transition:transform 1s'>x</p>", "moving"),
        ("<button style='border:0'></button>", "faceless"),
    ],
)
def test_a_planted_fault_is_found(chromium: Browser, planted: str, check: str) -> None:
    tab = chromium.new_page()
    tab.set_content(
        f"<!doctype html><button>one</button>{planted}<style>button{{min-width:40px;min-height:40px}}</style>"
    )
    tab.evaluate(CHECKS.read_text(encoding="utf-8"))
    assert wrong(tab, check) != []
    tab.close()
