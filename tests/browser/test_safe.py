"""Drafts on two devices, and ten seconds to take an answer back, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Site, Visitor, hears_keys, visit

SEED = "tests.browser.stale_seed"


@pytest.fixture
def alice(chromium: Browser, site: Site) -> Iterator[Visitor]:
    context, person = visit(chromium, site)
    person.sign_in("alice")
    yield person
    context.close()
    assert [said for said in person.complaints if "409 (Conflict)" not in said] == []


def question(page: Page, site: Site) -> str:
    page.goto(f"{site.address}/p/turtles/rank/")
    hears_keys(page)
    return page.url


def write(page: Page, words: str) -> None:
    if not page.locator("#id_note").is_visible():
        page.locator("#note summary").click()
    page.fill("#id_note", words)


def is_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-is", "saved")


def test_what_is_typed_on_one_device_is_there_on_the_next(alice: Visitor, chromium: Browser, site: Site) -> None:
    address = question(alice.page, site)
    write(alice.page, "begun at home")
    is_saved(alice.page)
    context, elsewhere = visit(chromium, site)
    elsewhere.sign_in("alice")
    elsewhere.page.goto(address)
    expect(elsewhere.page.locator("#id_note")).to_have_value("begun at home")
    write(elsewhere.page, "begun at home, continued on the train")
    is_saved(elsewhere.page)
    alice.page.reload()
    expect(alice.page.locator("#id_note")).to_have_value("begun at home, continued on the train")
    expect(alice.page.locator("dialog[open]")).to_have_count(0)
    context.close()


def test_two_windows_that_type_get_both_texts_side_by_side(alice: Visitor, site: Site) -> None:
    address = question(alice.page, site)
    other = alice.page.context.new_page()
    other.goto(address)
    hears_keys(other)
    write(alice.page, "medium heat is best")
    is_saved(alice.page)
    write(other, "low to medium heat is best")
    dialog = other.locator("dialog[open]")
    expect(dialog.locator(".both-sides > div").first).to_contain_text("low to medium heat is best")
    expect(dialog.locator(".both-sides > div").last).to_contain_text("medium heat is best")
    Visitor(other, site).shoot("both-drafts")
    dialog.get_by_role("button", name="Edit together").click()
    expect(other.locator(".beside")).to_contain_text("medium heat is best")
    expect(other.locator("#id_note")).to_have_value("low to medium heat is best")
    write(alice.page, "medium heat")
    alice.page.get_by_role("button", name="Keep the other").click()
    expect(alice.page.locator("#id_note")).to_have_value("low to medium heat is best")


def test_a_copy_older_than_an_answer_is_shown_beside_it(alice: Visitor, chromium: Browser, site: Site) -> None:
    address = question(alice.page, site)
    alice.page.context.set_offline(True)
    write(alice.page, "never sent")
    expect(alice.page.locator("#save-state")).to_have_attribute("data-is", "kept")
    alice.page.goto("about:blank")
    alice.page.context.set_offline(False)
    context, elsewhere = visit(chromium, site)
    elsewhere.sign_in("alice")
    elsewhere.page.goto(address)
    elsewhere.page.fill("#id_order", "a b c")
    elsewhere.page.click("#submit")
    expect(elsewhere.page.locator(".toast")).to_have_text("Ranking submitted")
    context.close()
    alice.page.goto(address)
    expect(alice.page.locator("dialog[open]")).to_contain_text("never sent")
    alice.page.get_by_role("button", name="Keep the other").click()
    expect(alice.page.locator("#id_order")).to_have_value("a b c")
    alice.complaints.clear()


def test_an_answer_is_taken_back_with_one_chord_and_everything_is_as_it_was(alice: Visitor, site: Site) -> None:
    page = alice.page
    address = question(page, site)
    page.fill("#id_order", "b a c")
    write(page, "sent too soon")
    page.keyboard.press("Control+Enter")
    undo = page.get_by_role("status").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    alice.shoot("undo")
    hears_keys(page)
    page.keyboard.press("Control+z")
    expect(page).to_have_url(address)
    expect(page.locator("#id_order")).to_have_value("b a c")
    expect(page.locator("#id_note")).to_have_value("sent too soon")
    hears_keys(page)
    page.locator("#desk").focus()
    page.keyboard.press("Control+Enter")
    undo.click()
    expect(page).to_have_url(address)
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")


def test_a_draft_that_hangs_is_given_up_before_the_answer_is_taken(alice: Visitor, site: Site) -> None:
    page, heard = alice.page, list[str]()
    address = question(page, site)
    page.route("**/drafts/*/", lambda _route: heard.append("draft begun"))
    page.on("requestfailed", lambda request: heard.append("draft given up") if "/drafts/" in request.url else None)
    page.on("request", lambda request: heard.append(request.method) if "/rank/" in request.url else None)
    with page.expect_request("**/drafts/*/"):
        page.fill("#id_order", "c b a")
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert page.url != address
    # Chromium tells of an end a little later than it comes; the page that follows would end the draft too.
    assert heard.index("draft given up") < heard.index("GET")


def test_on_the_next_page_what_was_done_there_is_undone_first(alice: Visitor, site: Site) -> None:
    page = alice.page
    question(page, site)
    page.keyboard.type("abc")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    address = page.url
    hears_keys(page)
    page.keyboard.type("c")
    page.keyboard.press("Control+z")
    expect(page.locator("#id_order")).to_have_value("")
    expect(page).to_have_url(address)


def test_without_a_place_to_keep_copies_everything_still_works(chromium: Browser, site: Site) -> None:
    context, alice = visit(chromium, site)
    context.add_init_script("Object.defineProperty(window, 'indexedDB', {get() { throw new Error('forbidden') }})")
    context.add_init_script("Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('forbidden') }})")
    alice.sign_in("alice")
    question(alice.page, site)
    write(alice.page, "private window")
    is_saved(alice.page)
    alice.page.fill("#id_order", "a b c")
    alice.page.keyboard.press("Control+Enter")
    expect(alice.page.locator(".toast")).to_have_text("Ranking submitted")
    context.close()
    assert alice.complaints == []


def test_what_was_typed_before_the_scripts_came_is_kept_too(alice: Visitor, site: Site) -> None:
    page = alice.page
    held: list[Route] = []
    page.route("**/rank.*.js", lambda route: held.append(route))
    with page.expect_request("**/rank.*.js"):
        page.goto(f"{site.address}/p/turtles/rank/", wait_until="commit")
    page.fill("#id_order", "a b")
    (script,) = held
    script.continue_()
    is_saved(page)
    page.unroute("**/rank.*.js")
    page.reload()
    expect(page.locator("#id_order")).to_have_value("a b")


def test_a_double_click_is_one_answer(alice: Visitor, site: Site) -> None:
    question(alice.page, site)
    alice.page.keyboard.type("cab")
    alice.page.locator("#submit").dblclick()
    expect(alice.page.locator(".toast")).to_have_text("Ranking submitted")
