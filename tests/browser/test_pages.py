"""Every page of a labeler at a desk and on a phone, by day and by night: nothing overflows, nothing complains."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit

# (phone, dark). At a desk every page is looked at in test_every_page.py; with a folder for screenshots here as well.
SCREENS = {"dark-phone": (True, True)}
if "TUTELAGE_SCREENSHOTS" in os.environ:
    SCREENS |= {"light-desktop": (False, False), "dark-desktop": (False, True), "light-phone": (True, False)}


@pytest.fixture(params=SCREENS.values(), ids=list(SCREENS))
def bob(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    phone, dark = request.param
    context, person = visit(chromium, site, phone=phone, dark=dark)
    yield person
    context.close()
    assert person.complaints == []


def nothing_sticks_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways"


def test_pages_fit_their_screen(bob: Visitor, request: pytest.FixtureRequest) -> None:
    screen = request.node.callspec.id
    page, address = bob.page, bob.site.address
    page.goto(f"{address}/account/login/")
    _seen(bob, f"signin-{screen}")
    bob.sign_in("bob")
    _seen(bob, f"home-{screen}")
    page.goto(f"{address}/p/pairs/rank/")
    _seen(bob, f"rank2-empty-{screen}")
    page.keyboard.type("2|")
    expect(page.locator("[name=strength]:checked")).to_have_count(1)
    _seen(bob, f"rank2-{screen}")
    for path, name in [("/p/six/rank/", "rank6"), ("/p/turtles/rank/", "rank4")]:
        page.goto(address + path)
        _seen(bob, f"{name}-empty-{screen}")
        page.keyboard.type("b6a=")
        expect(page.locator("#tiers .tier")).to_have_count(2)
        page.keyboard.press("Backspace")
        page.keyboard.type("|")
        expect(page.locator("#id_order")).to_have_value("b a | ")
        _seen(bob, f"{name}-{screen}")
    page.keyboard.press("s")
    _seen(bob, f"skip-menu-{screen}")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    _seen(bob, f"keys-{screen}")
    page.keyboard.press("Escape")
    for path, name in [("/p/turtles/demonstrate/", "demonstrate"), ("/settings/", "settings"), ("/nowhere/", "404")]:
        with page.expect_response("**" + path) as answer:
            page.goto(address + path)
        if answer.value.status == 404:
            bob.complaints.clear()  # Chromium reports the 404 itself, which is what was asked for.
        _seen(bob, f"{name}-{screen}")


def _seen(person: Visitor, name: str) -> None:
    nothing_sticks_out(person.page)
    person.shoot(name)


def test_in_chinese_the_page_and_its_script_speak_chinese(chromium: Browser, site: Site) -> None:
    context, alice = visit(chromium, site)
    page = alice.page
    page.goto(f"{site.address}/account/login/")
    page.click("button.language[value=zh-hans]")
    expect(page.locator("h1")).to_have_text("细读。排出先后。")
    alice.shoot("signin-zh")
    alice.sign_in("alice")
    alice.shoot("home-zh")
    page.goto(f"{site.address}/p/turtles/rank/")
    page.keyboard.type("b=c a")
    expect(page.locator("#missing")).to_have_text("还有 D 没有放置")
    expect(page.locator("#answer-b .placement")).to_have_text("第 1 位，与 C 并列")
    alice.shoot("rank-zh")
    page.keyboard.press("u")
    expect(page.locator("[value=cannot_judge]")).to_be_focused()
    context.close()
    assert alice.complaints == []
