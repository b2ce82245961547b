"""Learning to label, in a real browser: guidelines at their clause, practice, the qualification set, withdrawing."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, hears_keys, visit

CLAUSES = [
    "# How to rank {rank}",
    "Read all.",
    "## Harmless {harmful}",
    "Below the rest.",
    "# How to write {write}",
    "Plainly.",
]
GUIDELINES = "\n\n".join(CLAUSES)
TEXTS = ["The moon is far away.", "On beaches, at night.", "They lay eggs."]
ROW = {
    "text": "Where do turtles lay?",
    "texts": TEXTS,
    "order": "b c a",
    "explanation": "{b} says where.",
    "clause": "harmless",
}
SETS = [ROW, ROW | {"text": "And then?"}, ROW | {"purpose": "qualification"}]


@pytest.fixture(scope="module")
def school(chromium: Browser, site: Site) -> Iterator[Site]:
    """Olga writes guidelines with clauses, and brings a practice set and a qualification set."""
    context, olga = visit(chromium, site)
    page = olga.page
    olga.sign_in("olga")
    _publish(page, site, GUIDELINES)
    page.goto(f"{site.address}/p/turtles/exercises/")
    page.click("text=Bring a file")
    raw = "\n".join(map(json.dumps, SETS)).encode()
    page.set_input_files("[name=import-file]", {"name": "sets.jsonl", "mimeType": "application/jsonl", "buffer": raw})
    page.click("text=Add the file")
    expect(page.locator(".toast")).to_have_text("3 exercises added.")
    olga.shoot("exercises")
    yield site
    context.close()
    assert olga.complaints == []


def _publish(page: Page, site: Site, text: str) -> None:
    page.goto(f"{site.address}/p/turtles/settings/")
    page.fill(".guideline-form textarea", text)
    page.click(".guideline-form button")
    expect(page.locator(".toast")).to_contain_text("holds from now on")


def _letters(page: Page) -> list[str]:
    """The letters of the texts on this screen, as the author wrote them, once its keys work."""
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    cards = [page.locator(".answer", has_text=text) for text in TEXTS]
    return [card.get_attribute("data-letter") or "" for card in cards]


def test_practice_by_keyboard_says_at_once_what_was_expected_and_why(school: Site, visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("alice", at="/p/turtles/practice/")
    expect(page.locator("a.btn-main")).to_be_focused()
    page.keyboard.press("Enter")
    moon, beaches, eggs = _letters(page)
    page.keyboard.type(f"{moon}{beaches}")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_have_text(f"{eggs.upper()} is not placed yet")
    page.keyboard.type(f"={eggs}")
    page.keyboard.press("Control+z")
    expect(page.locator("#tiers .tier")).to_have_count(2)
    page.keyboard.press("Control+Shift+z")
    visitor.shoot("exercise")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".verdict")).to_have_text("0 of 3 pairs as expected")
    expect(page.locator(".verdict")).to_be_focused()
    expect(page.locator(".known-why .card")).to_contain_text(f"{beaches.upper()} says where.")
    expect(page.locator("[data-said=tied] th")).to_have_text(f"{beaches.upper()} before {eggs.upper()}")
    visitor.shoot("practice-explained")
    page.click("text=1.1 Harmless")
    expect(page.locator("#clause-harmless")).to_be_in_viewport()
    expect(page).to_have_url(f"{school.address}/p/turtles/guidelines/#clause-harmless")


def test_the_drawer_opens_at_the_kind_of_work_and_at_the_flag_in_focus(school: Site, visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob")
    # Bob passes first, for nothing is lent before.
    page.goto(f"{school.address}/p/turtles/rank/")
    expect(page.locator("h1")).to_have_text("Before your first question")
    visitor.shoot("qualification")
    expect(page.locator(".btn-main")).to_be_focused()
    page.keyboard.press("Enter")
    moon, beaches, eggs = _letters(page)
    page.keyboard.type(f"{beaches}{eggs}{moon}")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("You can start")
    expect(page.locator("a.btn-main")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rank/*-*/")
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    with page.expect_response("**/guidelines/seen/") as told:
        page.keyboard.press("o")
    assert told.value.status == 204
    expect(page.locator("#clause-how-to-rank")).to_be_focused()
    visitor.shoot("drawer")
    page.keyboard.press("Escape")
    page.click("#flags-a summary")
    page.focus("[name=flags-a][value=harmful]")
    page.keyboard.press("o")
    expect(page.locator("#clause-harmless")).to_be_focused()
    expect(page.locator("#guidelines-dialog .is-here")).to_have_text("1.1 Harmless")
    page.keyboard.press("Escape")
    page.goto(f"{school.address}/p/turtles/demonstrate/")
    page.click("[data-opens=guidelines-dialog]")
    expect(page.locator("#clause-how-to-write")).to_be_focused()


def test_who_saw_an_older_version_is_shown_what_changed(chromium: Browser, school: Site, visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("alice", at="/p/turtles/guidelines/")
    context, olga = visit(chromium, school)
    olga.sign_in("olga")
    _publish(olga.page, school, GUIDELINES.replace("Below the rest.", "Below all the rest."))
    context.close()
    page.reload()
    expect(page.locator(".changed h3")).to_have_text("1.1 Harmless")
    expect(page.locator(".changed ins")).to_have_text("Below all the rest.")
    expect(page.locator(".changed del")).to_have_text("Below the rest.")
    visitor.shoot("guidelines-changed")
    page.reload()
    expect(page.locator(".changed")).to_have_count(0)


def test_on_a_phone_practice_is_made_by_touch_and_nothing_sticks_out(chromium: Browser, school: Site) -> None:
    context, alice = visit(chromium, school, phone=True, dark=True)
    page = alice.page
    alice.sign_in("alice", at="/p/turtles/practice/")
    _fits(page)
    page.tap(".steps-list a >> nth=1")
    hears_keys(page)
    for _ in TEXTS:
        page.tap("#place-current")
    _fits(page)
    page.tap("#submit")
    expect(page.locator(".verdict")).to_contain_text("of 3 pairs as expected")
    alice.shoot("practice-explained-phone")
    _fits(page)
    for path in ("guidelines", "qualification", "consent"):
        page.goto(f"{school.address}/p/turtles/{path}/")
        _fits(page)
    context.close()
    assert alice.complaints == []


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways"


def test_without_scripts_practice_and_guidelines_are_plain_pages(chromium: Browser, school: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    alice = Visitor(context.new_page(), school)
    alice.sign_in("alice", at="/p/turtles/practice/")
    page = alice.page
    page.click(".steps-list a >> nth=0")
    page.fill("[name=order]", "a b")
    page.click("#submit")
    expect(page.locator("#order-errors")).to_contain_text("C is not placed yet.")
    page.fill("[name=order]", "a b c")
    page.click("#submit")
    expect(page.locator(".verdict")).to_contain_text("of 3 pairs as expected")
    page.click("text=Once more")
    page.click(".top-end >> text=Guidelines")
    expect(page.locator("h1")).to_have_text("Guidelines")
    context.close()


def test_a_consent_is_accepted_and_withdrawn_where_it_stands(chromium: Browser, school: Site, visitor: Visitor) -> None:
    context, olga = visit(chromium, school)
    olga.sign_in("olga", at="/p/turtles/people/consent/")
    olga.page.fill("textarea", "We keep what you rank.")
    olga.page.click("main .btn-main")
    expect(olga.page.locator(".toast")).to_be_visible()
    context.close()
    page = visitor.page
    visitor.sign_in("alice", at="/p/turtles/rank/")
    page.click("text=I accept this")
    page.goto(f"{school.address}/settings/")
    page.click("main >> text=Everyday questions")
    page.click(".withdraw summary")
    visitor.shoot("consent-withdraw")
    page.click("text=Withdraw my consent")
    expect(page.locator(".toast")).to_contain_text("Withdrawn.")
    page.goto(f"{school.address}/p/turtles/rank/")
    expect(page.locator("h1")).to_have_text("Before you start")
