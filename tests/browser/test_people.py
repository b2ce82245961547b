"""Operators and their people in a real browser: the switch by keyboard, a copied link, a warning without scripts."""

import re
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Site, Visitor, visit
from tests.browser.test_pages import nothing_sticks_out


@pytest.fixture
def olga(chromium: Browser, site: Site) -> Iterator[Visitor]:
    """On a phone, by night; at a desk test_every_page.py looks at every page."""
    context, person = visit(chromium, site, phone=True, dark=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield person
    context.close()
    assert person.complaints == []


def sql(site: Site, statement: str) -> None:
    with sqlite3.connect(site.database, timeout=20) as database:
        database.execute(statement)


def member_of_two(site: Site) -> None:
    sql(
        site,
        "INSERT OR IGNORE INTO accounts_membership (user_id, project_id, role, joined_at) SELECT u.id, p.id, "
        "'operator', CURRENT_TIMESTAMP FROM accounts_user u, accounts_project p "
        "WHERE u.username = 'olga' AND p.slug = 'six'",
    )


def test_every_page_of_people_fits_a_phone_and_the_link_is_copied(olga: Visitor, site: Site) -> None:
    member_of_two(site)
    page = olga.page
    olga.sign_in("olga", at="/p/turtles/people/")
    page.locator("details.member summary").first.click()
    nothing_sticks_out(page)
    page.get_by_role("button", name="Make a link").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.locator("#link").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert re.fullmatch(rf"{site.address}/join/[\w-]+/", link)
    olga.shoot("people-dark-phone")
    for path in ("/p/turtles/people/consent/", "/account/2fa/", "/settings/"):
        page.goto(site.address + path)
        nothing_sticks_out(page)


def test_the_switch_is_worked_by_keyboard_and_leads_to_the_same_kind_of_page(olga: Visitor, site: Site) -> None:
    member_of_two(site)
    page = olga.page
    olga.sign_in("olga", at="/p/turtles/people/")
    switch = page.locator("details.switch")
    switch.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(switch).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(switch).not_to_have_attribute("open", "")
    expect(switch.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    switch.get_by_role("link", name="Six at a time").press("Enter")
    page.wait_for_url(f"{site.address}/p/six/people/")


def test_without_scripts_a_warning_is_passed_and_a_question_is_skipped(chromium: Browser, site: Site) -> None:
    sql(site, "UPDATE annotations_prompt SET sensitive = 1")
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    Visitor(page, site).sign_in("bob")
    page.goto(f"{site.address}/p/pairs/rank/")
    expect(page.locator("h1")).to_have_text("The next question is sensitive")
    page.get_by_role("link", name="Show it").click()
    expect(page.locator(".answer")).to_have_count(2)
    page.get_by_label("A is better").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("h1")).to_have_text("The next question is sensitive")
    page.locator("details.skips summary").click()
    page.get_by_role("button", name="I do not want to read this").click()
    expect(page.locator(".toast")).to_have_text("Skipped. Somebody else gets this question")
    context.close()
