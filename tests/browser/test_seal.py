"""The journal and the notices in a real browser: read, narrow, verify, and see what is new."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Site, Visitor, visit
from tests.browser.test_pages import nothing_sticks_out

SEED = "tests.browser.seal_seed"


@pytest.fixture
def olga(chromium: Browser, site: Site) -> Iterator[Visitor]:
    context, visitor = visit(chromium, site)
    yield visitor
    context.close()
    assert visitor.complaints == []


@pytest.fixture
def rita(chromium: Browser, site: Site) -> Iterator[Visitor]:
    """On a phone, by night."""
    context, visitor = visit(chromium, site, phone=True, dark=True)
    yield visitor
    context.close()
    assert visitor.complaints == []


def test_an_operator_reads_who_did_what_and_narrows_it(olga: Visitor) -> None:
    olga.sign_in("olga", at="/p/turtles/rounds/")
    page = olga.page
    page.get_by_role("link", name="Journal").click()
    expect(page.get_by_role("heading", name="Journal", level=1)).to_be_visible()
    page.get_by_label("Show").select_option("rounds")
    page.get_by_role("button", name="Filter").press("Enter")
    expect(page.locator(".entry").first).to_contain_text("round")
    page.get_by_role("link", name="moved round 1 on").first.click()
    expect(page.get_by_role("heading", name="Round 1", level=1)).to_be_visible()


def test_the_seal_is_shown_and_verified_when_asked(olga: Visitor) -> None:
    olga.sign_in("olga", at="/p/turtles/journal/")
    page = olga.page
    expect(page.locator("#seals code")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    expect(page.locator("#seals")).to_contain_text("nothing was changed")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator(".toast")).to_contain_text("The worker verifies the journal now")


def test_a_reviewer_on_a_phone_sees_what_is_new_and_it_is_read_by_going_there(rita: Visitor) -> None:
    rita.sign_in("rita", at="/p/turtles/rounds/")
    page = rita.page
    page.locator(".unread").click()
    expect(page.get_by_role("heading", name="Notices", level=1)).to_be_visible()
    expect(page.locator(".notice[data-unread]")).not_to_have_count(0)
    nothing_sticks_out(page)
    news = page.locator(".notice[data-unread]")
    before = news.count()
    news.get_by_role("link", name="Round 2 waits for a review").click()
    expect(page).to_have_url(rita.site.address + "/p/turtles/rounds/2/review/")
    page.goto(rita.site.address + "/notices/")
    expect(news).to_have_count(before - 1)


def test_all_notices_are_read_by_one_button(olga: Visitor) -> None:
    olga.sign_in("olga", at="/notices/")
    page = olga.page
    expect(page.locator(".unread-count")).to_be_visible()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".unread-count")).to_have_count(0)
    expect(page.locator(".notice[data-unread]")).to_have_count(0)


def test_the_journal_fits_a_phone(rita: Visitor) -> None:
    rita.sign_in("olga", at="/p/turtles/journal/?kind=all")
    expect(rita.page.locator(".entry").first).to_be_visible()
    nothing_sticks_out(rita.page)
