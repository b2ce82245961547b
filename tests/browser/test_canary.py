"""An operator approves a candidate for a share, promotes a canary, and takes a policy back, in a real browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit

SEED = "tests.browser.canary_seed"


@pytest.fixture(params=["desktop", "phone"])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def stored(site: Site, seeded: Callable[[str], Path]) -> None:
    """The site's own copy of what the seed wrote beside its rows: policies are read before they are deployed."""
    shutil.copytree(seeded(SEED).parent / "store", site.database.parent / "store")


@pytest.fixture
def olga(chromium: Browser, site: Site, stored: None, device: str) -> Iterator[Visitor]:
    context, visitor = visit(chromium, site, phone=device == "phone")
    visitor.sign_in("olga")
    yield visitor
    context.close()
    assert visitor.complaints == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_candidate_is_approved_for_a_share_of_the_prompts(olga: Visitor, device: str) -> None:
    page = olga.page
    page.goto(f"{olga.site.address}/p/review-{device}/rounds/1/review/")
    share = page.get_by_label("Of 100 prompts, it answers")
    expect(share).to_have_value("100")
    share.fill("20")
    page.get_by_label("A note, if you like").fill("Try it first.")
    assert fits(page)
    olga.shoot(f"canary-decide-{device}")
    page.get_by_role("button", name="Approve and deploy").press("Enter")
    expect(page.get_by_text("Try it first.")).to_be_visible()
    expect(page.get_by_text("Deploying").first).to_be_attached()


def test_a_canary_is_looked_at_promoted_and_the_policy_taken_back_in_one_click(olga: Visitor, device: str) -> None:
    page = olga.page
    page.goto(f"{olga.site.address}/p/tried-{device}/rounds/")
    expect(page.get_by_role("heading", name="No round begins while a canary is out")).to_be_visible()
    card = page.locator(".deployed")
    expect(card.get_by_role("heading", name="Canary: r2-ppo answers 20 of 100 prompts")).to_be_visible()
    card.get_by_text("How its answers look").click()
    expect(card.get_by_text("Answers without an end")).to_be_visible()
    expect(card.get_by_text("Empty answers: 62% of 32, at most 25%")).to_be_visible()
    assert fits(page)
    olga.shoot(f"canary-board-{device}")
    card.get_by_role("button", name="Promote").click()
    expect(page.locator(".toast")).to_contain_text("r2-ppo writes completions from now on")
    expect(card.get_by_role("heading", name="Policy r2-ppo writes today")).to_be_visible()
    card.get_by_role("button", name="Roll back to base").press("Enter")
    expect(page.locator(".toast")).to_contain_text("writes completions again")
    expect(card.get_by_text("ended by olga")).to_be_visible()
    assert fits(page)
    olga.shoot(f"canary-after-{device}")
