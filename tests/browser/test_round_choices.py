"""An operator chooses how a round learns, starts it, lets it wait and lets it go on, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit

SEED = "tests.browser.learn_seed"


@pytest.fixture(params=["desktop", "phone"])
def olga(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    context, visitor = visit(chromium, site, phone=request.param == "phone")
    visitor.sign_in("olga", at="/p/turtles/rounds/")
    yield visitor
    context.close()
    assert visitor.complaints == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def look(olga: Visitor, name: str) -> None:
    size = olga.page.viewport_size
    assert size is not None
    olga.shoot(f"learn-{name}-{size['width']}")


def test_a_round_is_started_as_chosen_waits_and_goes_on(olga: Visitor) -> None:
    page = olga.page
    page.get_by_label("How it learns").select_option(label="DPO: straight from the rankings")
    expect(page.get_by_label("Budget")).not_to_be_visible()
    page.get_by_text("More choices").press("Enter")
    page.get_by_label("Start from").select_option(label="other")
    page.get_by_label("Budget").fill("3")
    assert fits(page)
    look(olga, "start")
    page.get_by_role("button", name="Start a round").click()

    expect(page.get_by_text("DPO, 3 readings")).to_be_visible()
    expect(page.locator("dd", has_text="other")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Exporting is paused")).to_be_visible()
    expect(page.locator(".tag-bad, .banner-bad, .tone-bad")).to_have_count(0)
    assert fits(page)
    look(olga, "paused")
    page.get_by_role("link", name="Rounds").first.click()
    expect(page.locator(".tag", has_text="paused")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Go on").press("Enter")
    expect(page.get_by_text("is paused")).to_have_count(0)

    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Cancel this round").click()
    expect(page.get_by_text("cancelled").first).to_be_visible()


def test_a_budget_that_cannot_be_is_said_where_it_was_typed(olga: Visitor) -> None:
    page = olga.page
    page.get_by_label("How it learns").select_option(label="Best of n only: nothing is trained")
    page.get_by_text("More choices").click()
    page.get_by_label("Budget").fill("500")
    page.get_by_role("button", name="Start a round").click()
    # The estimate beside the form may say it, too.
    expect(page.get_by_role("listitem").filter(has_text="a whole number from 2 to 64")).to_be_visible()
    expect(page.get_by_label("Budget")).to_have_value("500")
    expect(page.get_by_label("How it learns")).to_have_value(re.compile("best_of"))
    olga.complaints[:] = [each for each in olga.complaints if "400" not in each]
