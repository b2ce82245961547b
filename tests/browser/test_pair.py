"""Two answers: by keyboard alone, by touch, what is said of each key; and more than four, two at a time."""

import sqlite3
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit
from tests.browser.test_rank import rankings

pytestmark = pytest.mark.usefixtures("clean_desk")


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.sign_in("bob", at="/p/pairs/rank/")
    return visitor.page


def says(page: Page, words: str) -> None:
    expect(page.locator("#said")).to_have_text(words)


def kept(site: Site) -> tuple[object, ...]:
    with sqlite3.connect(site.database) as database:
        found = database.execute(
            "SELECT strength, cut, note, json_extract(making, '$.inputs.compare'), json_extract(making, '$.compared')"
            " FROM annotations_ranking WHERE id = (SELECT max(id) FROM annotations_ranking)"
        ).fetchone()
        return tuple(found)


def test_each_key_says_what_is_chosen_now(page: Page) -> None:
    chosen = page.locator("input[name=strength]:checked")
    for key, words in [
        ("Control+Enter", "Nothing is chosen yet"),
        ("a", "A is better"),
        ("b", "B is better"),
        ("=", "About the same"),
        ("1", "A is much better"),
        ("3", "A is slightly better"),
        ("4", "About the same"),
        ("7", "B is much better"),
        ("|", "B is much better. Both bad"),
        ("|", "B is much better"),
        ("Backspace", "Nothing is chosen yet"),
        ("Control+z", "B is much better"),
        ("Control+z", "B is much better. Both bad"),
        ("Control+Shift+Z", "B is much better"),
        ("Control+y", "Nothing is chosen yet"),
        ("Control+y", "There is nothing to redo."),
        ("x", "Look at an answer first: Shift and its letter."),
        ("k", "Marked as unsure"),
    ]:
        page.keyboard.press(key)
        says(page, words)
    expect(chosen).to_have_count(0)
    expect(page.locator("#submit")).to_have_attribute("aria-disabled", "true")


def test_two_answers_are_judged_by_the_keyboard_alone(visitor: Visitor, page: Page) -> None:
    page.keyboard.press("Shift+B")
    expect(page.locator("#answer-b")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("2")
    says(page, "Flagged: States something false")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("a 1 = | are letters here")
    page.keyboard.press("Escape")
    expect(page.locator("#missing")).to_have_text("Nothing is chosen yet")
    page.keyboard.press("2")
    page.keyboard.press("|")
    expect(page.locator("#missing")).to_have_text("A is better. Both bad")
    expect(page.locator("#answer-a .chip[aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#answer-b .chip[aria-pressed=true]")).to_have_count(0)
    visitor.shoot("pair")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert kept(visitor.site)[:3] == (-2, 0, "a 1 = | are letters here")
    assert rankings(visitor.site)[-1] == ("a b", 0)


def test_letters_choose_under_an_input_method_and_a_reload_keeps_the_choice(page: Page) -> None:
    page.evaluate(
        """() => document.body.dispatchEvent(
            new KeyboardEvent('keydown', {key: 'Process', code: 'KeyB', keyCode: 229, bubbles: true}))"""
    )
    says(page, "B is better")
    page.keyboard.press("|")
    page.reload()
    expect(page.locator("#missing")).to_have_text("B is better. Both bad")


def test_the_mouse_chooses_by_step_and_by_letter(page: Page) -> None:
    page.click("text=B is slightly better")
    says(page, "B is slightly better")
    page.click("#answer-a button.chip")
    says(page, "A is better")
    page.click("text=Both bad")
    says(page, "A is better. Both bad")
    page.click("#cannot-judge")
    expect(page.locator("#skip-dialog [value=cannot_judge]")).to_be_focused()


def test_what_another_window_chose_is_told_in_words(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site)
    bob.sign_in("bob")
    here, there = bob.page, context.new_page()
    for page in (here, there):
        page.goto(f"{site.address}/p/pairs/rank/")
    there.keyboard.press("1")
    expect(there.locator("#save-state")).to_have_attribute("data-is", "saved")
    here.keyboard.press("7")
    here.keyboard.press("|")
    sides = here.locator("dialog[open] .both-sides > div")
    expect(sides.first).to_contain_text("Which is better, and by how much?B is much betterBoth badyes")
    expect(sides.last).to_contain_text("Which is better, and by how much?A is much better")
    context.close()


def test_without_scripts_two_answers_are_a_plain_form(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    bob = Visitor(context.new_page(), site)
    bob.sign_in("bob", at="/p/pairs/rank/")
    page = bob.page
    page.click("#submit")
    expect(page.locator("#order-errors")).to_contain_text("Nothing is chosen yet.")
    page.click("text=About the same")
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert kept(site)[:2] == (0, None)
    context.close()


def test_six_are_ordered_two_at_a_time_by_the_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/six/rank/")
    page.keyboard.press("t")
    says(page, "Question 1 of at most 10: A or B?")
    expect(page.locator(".answer:visible")).to_have_count(2)
    for key, words in [
        ("Backspace", "There is nothing to take back."),
        ("c", "A or B?"),
        ("b", "B is better. Question 2 of at most 10: C or D?"),
        ("=", "C and D are the same. Question 3 of at most 10: E or F?"),
        ("Control+z", "Taken back. Question 2 of at most 10: C or D?"),
        ("=", "C and D are the same. Question 3 of at most 10: E or F?"),
        ("f", "F is better. Question 4 of at most 10: B or C?"),
    ]:
        page.keyboard.press(key)
        says(page, words)
    expect(page.locator("#id_order")).to_have_value("")
    page.reload()
    expect(page.locator("#id_compared")).not_to_have_value("")
    page.keyboard.press("t")
    says(page, "Question 4 of at most 10: B or C?")
    page.keyboard.press("b")
    says(page, "B is better. Question 5 of at most 10: C or F?")
    visitor.shoot("two-at-a-time")
    page.keyboard.press("Escape")
    says(page, "B, C = D")
    expect(page.locator("#compare-open")).to_be_focused()
    expect(page.locator(".answer:visible")).to_have_count(6)
    page.keyboard.press("t")
    says(page, "Question 5 of at most 10: C or F?")
    _go_on(page, "f")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    tiers = rankings(visitor.site)[-1][0]
    assert tiers.index("f") < tiers.index("b") < tiers.index("c=d")
    *_, acts, compared = kept(visitor.site)
    assert isinstance(acts, int)
    assert 7 <= acts <= 12
    assert str(compared).startswith(": b>a c=d f>e b>c f>c f>b ")


def _go_on(page: Page, best: str) -> None:
    """Answer what is still asked: this letter before any, else the left one."""
    letters = page.locator("[data-say] .key")
    while page.locator(".is-comparing").count():
        left, _, right = letters.all_text_contents()
        page.keyboard.press(right if right == best else left)


def test_what_is_placed_already_is_not_asked_again(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/six/rank/")
    page.keyboard.type("bd|afe")
    page.keyboard.press("t")
    says(page, "Question 1 of at most 3: A or C?")
    page.keyboard.press("c")
    says(page, "C is better. Question 2 of at most 3: C or D?")
    page.keyboard.press("=")
    says(page, "B, C = D, acceptable line, A, F, E")
    page.keyboard.press("Control+z")
    expect(page.locator("#id_order")).to_have_value("b d | a f e ")


def test_on_a_phone_four_are_ordered_by_touch_and_the_tray_can_still_change_it(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site, phone=True, dark=True)
    page = bob.page
    bob.sign_in("bob", at="/p/turtles/rank/")
    page.tap("#compare-open")
    expect(page.locator("#compare-progress")).to_have_text("Question 1 of at most 5")
    page.tap("[data-say=second]")
    page.tap("[data-say=first]")
    expect(page.locator("#compare-progress")).to_have_text("Question 3 of at most 5")
    page.tap("#compare-back")
    expect(page.locator("#compare-known")).to_have_text("B›A")
    bob.shoot("two-at-a-time-phone")
    page.tap("#answer-c button.chip")
    says(page, "C is better. Question 3 of at most 5: B or C?")
    page.tap("[data-say=same]")
    says(page, "B and C are the same. Question 4 of at most 5: A or D?")
    page.tap("[data-say=same]")
    expect(page.locator("#id_order")).to_have_value("b = c a = d ")
    page.tap("#undo")
    expect(page.locator("#id_order")).to_have_value("")
    page.tap("#redo")
    page.tap("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert rankings(site)[-1] == ("b=c a=d", None)
    context.close()
    assert bob.complaints == []


PROOF = Path(__file__).with_name("insertion_proof.js")


def test_merge_insertion_finds_every_hidden_order_within_the_bound_of_ford_and_johnson(page: Page, site: Site) -> None:
    found = page.evaluate(PROOF.read_text(), f"{site.address}/static/annotations/insertion.js")
    assert found["wrong"] == []
    bound = {"2": 1, "3": 3, "4": 5, "5": 7, "6": 10, "7": 13, "8": 16, "9": 19}
    assert all(found["worst"][k] <= most for k, most in bound.items())
    assert {k: found["worst"][k] for k in "23456"} == {k: bound[k] for k in "23456"}
