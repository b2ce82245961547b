"""The review in a browser: figures are read, votes are cast blind by keys, and names come after them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit

SEED = "tests.browser.trust_seed"
REVIEW = "/p/turtles/rounds/1/review/"
BOOTH = f"{REVIEW}vote/"


@pytest.fixture(scope="module", autouse=True)
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The site reads the evaluation where the seed wrote it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTELAGE_STORE", str(tmp_path_factory.mktemp("store")))
        yield


def press(page: Page, key: str) -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_a_reviewer_votes_by_keys_and_the_names_come_after_the_vote(visitor: Visitor) -> None:
    visitor.sign_in("rita", at=REVIEW)
    page = visitor.page
    expect(page.get_by_text("5 questions wait for your blind vote")).to_be_visible()
    page.get_by_role("link", name="Vote blind").click()
    expect(page.get_by_text("Question 1 of 5, 0 voted")).to_be_visible()
    press(page, "n")
    expect(page.get_by_text("Question 2 of 5, 0 voted")).to_be_visible()
    press(page, "b")
    for voted, key in enumerate("120"):
        expect(page.get_by_text(f"Question {voted + 1} of 5, {voted} voted")).to_be_visible()
        press(page, key)
    page.goto(f"{visitor.site.address}{REVIEW}")
    expect(page.get_by_text("2 questions wait for your blind vote")).to_be_visible()
    expect(page.get_by_text("you chose this, blind")).to_have_count(2)
    expect(page.get_by_text("You found no difference, blind.")).to_be_visible()
    expect(page.locator(".wins tbody tr").first).to_contain_text("people, blind")
    page.get_by_role("button", name="Show the names; I vote no more").click()
    expect(page.locator(".comparison")).to_have_count(6)
    page.goto(f"{visitor.site.address}{BOOTH}")
    expect(page.get_by_role("heading", name="You have seen the names")).to_be_visible()


def test_votes_are_cast_on_a_phone_without_scripts(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="en-US")
    rita, person = visit(chromium, site)
    person.sign_in("olga")
    context.add_cookies([{"name": "sessionid", "value": site.sessions["olga"], "url": site.address}])
    rita.close()
    page = context.new_page()
    page.goto(f"{site.address}{BOOTH}")
    for name in ("Answer 1", "No difference", "Answer 2", "Answer 1", "Answer 1"):
        page.get_by_role("button", name=name).click()
    expect(page.get_by_role("heading", name="You have voted on every question")).to_be_visible()
    page.get_by_role("link", name="Look through your votes").click()
    expect(page.get_by_role("button", name="Answer 1")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_alarms_frontier_and_the_reward_models_report_are_read(visitor: Visitor) -> None:
    visitor.sign_in("olga", at=REVIEW)
    page = visitor.page
    expect(page.locator(".alarms")).to_contain_text("from 0.09 to 0.28")
    plot = page.get_by_role("img", name="Reward for distance")
    expect(plot.locator("[data-tone=candidate] circle")).to_be_visible()
    expect(plot.locator("polyline[data-tone=best]")).to_have_css("stroke-dasharray", "5px, 4px")
    frontier = page.locator("section", has=plot)
    frontier.get_by_text("As a table").click()
    expect(frontier.get_by_role("row", name="candidate")).to_contain_text("4.00 ± 0.50")
    page.get_by_role("link", name="Where it is right, and how sure it is").click()
    expect(page.get_by_text("It orders 78% of the pairs as people did")).to_be_visible()
    expect(page.get_by_role("img", name="Calibration")).to_be_visible()
    for name in ("By margin", "By labeler", "By policies", "Log-loss", "Doubt and length"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
