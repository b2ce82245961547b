"""The key map of the ranking page, what is said of each key, where the focus goes, and an input method at work."""

import sqlite3
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Site, Visitor

pytestmark = pytest.mark.usefixtures("clean_desk")


def kept(site: Site, columns: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(site.database) as database:
        return database.execute(
            f"SELECT {columns} FROM annotations_ranking r JOIN annotations_placement p ON p.ranking_id = r.id"
            " WHERE r.id = (SELECT max(id) FROM annotations_ranking)"
        ).fetchall()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.sign_in("bob", at="/p/turtles/rank/")
    return visitor.page


def says(page: Page, words: str) -> None:
    expect(page.locator("#said")).to_have_text(words)


def test_four_answers_with_one_tie_take_five_keys_and_one_chord(page: Page, site: Site) -> None:
    for key in "ca=bd":
        page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert sorted(tier for (tier,) in kept(site, "p.tier")) == [1, 2, 2, 3]


def test_each_key_says_what_it_did(page: Page) -> None:
    for key, words in [
        ("b", "B"),
        ("=", "B, the next letter ties with the last"),
        ("d", "B = D"),
        ("|", "B = D, acceptable line"),
        ("Backspace", "B = D"),
        ("b", "B is placed already."),
        ("Control+z", "B = D, acceptable line"),
        ("Control+y", "B = D"),
        ("Control+Shift+Z", "There is nothing to redo."),
        ("ArrowUp", "D, B"),
        ("r", "Nothing is rated yet."),
        ("7", "D is rated 7"),
        ("k", "Marked as unsure"),
        ("m", "Raw text"),
    ]:
        page.keyboard.press(key)
        says(page, words)


def test_undo_and_redo_go_back_and_forth_until_something_new_is_done(page: Page) -> None:
    field = page.locator("#id_order")
    page.keyboard.type("abc")
    page.click("#undo")
    page.click("#undo")
    expect(field).to_have_value("a ")
    expect(page.locator("#redo")).to_have_attribute("aria-disabled", "false")
    page.keyboard.press("Control+Shift+Z")
    expect(field).to_have_value("a b ")
    page.keyboard.press("d")
    expect(page.locator("#redo")).to_have_attribute("aria-disabled", "true")
    page.click("#redo", force=True)
    says(page, "There is nothing to redo.")
    expect(field).to_have_value("a b d ")


def test_ones_own_ratings_order_the_tray_until_a_hand_has_touched_it(page: Page) -> None:
    button, field = page.locator("#by-ratings"), page.locator("#id_order")
    expect(button).to_be_hidden()
    for letter, rating in {"A": "3", "B": "6", "C": "3"}.items():
        page.keyboard.press(f"Shift+{letter}")
        page.keyboard.press(rating)
    expect(button).to_be_visible()
    page.keyboard.press("r")
    expect(field).to_have_value("b a = c ")
    expect(button).to_be_hidden()
    page.keyboard.press("Shift+D")
    page.keyboard.press("7")
    button.click()
    expect(field).to_have_value("d b a = c ")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#tiers .contradiction")).to_have_text("rated below D")
    expect(button).to_be_hidden()
    page.keyboard.press("r")
    says(page, "You ordered by hand. Take all out first, then your ratings can order.")
    expect(field).to_have_value("b d a = c ")


def test_a_panel_of_flags_opens_clear_of_the_header(page: Page, site: Site) -> None:
    page.keyboard.press("Shift+A")
    page.keyboard.press("x")
    expect(page.locator("#flags-a input").first).to_be_focused()
    clear = "document.querySelector('#flags-a .panel-body').getBoundingClientRect().top"
    page.wait_for_function(f"{clear} >= document.querySelector('.top').getBoundingClientRect().bottom")


def test_flags_notes_and_doubt_are_said_by_key_and_kept(page: Page, site: Site) -> None:
    page.keyboard.press("Shift+C")
    page.keyboard.press("x")
    expect(page.locator("#flags-c input").first).to_be_focused()
    page.keyboard.press("2")
    says(page, "Flagged: States something false")
    expect(page.locator("#flags-c [data-name]")).to_have_text("States something false")
    page.keyboard.press("w")
    page.keyboard.type("No sea turtle does.")
    page.keyboard.press("Escape")
    expect(page.locator("#answer-c")).to_be_focused()
    page.keyboard.press("q")
    page.keyboard.press("1")
    says(page, "Flagged: The answers hardly differ")
    page.keyboard.press("Escape")
    page.keyboard.type("kabcd")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    found = kept(site, "p.flags, p.note, r.flags, r.unsure, r.hurried")
    assert ('["false"]', "No sea turtle does.", '["alike"]', 1, 0) in found
    assert [note for _flags, note, *_rest in found].count("") == 3


def test_the_text_is_rendered_until_the_raw_one_is_asked_for(page: Page) -> None:
    bold = page.locator(".prose strong", has_text="long distances")
    expect(bold).to_be_visible()
    page.click("#raw")
    expect(bold).to_be_hidden()
    expect(page.get_by_text("They migrate **long distances** between")).to_be_visible()
    page.keyboard.press("m")
    expect(bold).to_be_visible()
    says(page, "Rendered text")


def test_space_reads_on_through_an_answer_and_into_the_next(page: Page, visitor: Visitor) -> None:
    page.set_viewport_size({"width": 1000, "height": 420})
    page.goto(f"{visitor.site.address}/p/six/rank/")
    card = page.locator("#answer-a")
    page.keyboard.press("Space")
    expect(card).to_be_focused()
    presses = 1
    while card.evaluate("card => card === document.activeElement") and presses < 20:
        page.keyboard.press("Space")
        presses += 1
    expect(page.locator("#answer-b")).to_be_focused()
    page.keyboard.press("Shift+Space")
    expect(card).to_be_focused()
    page.focus("#answer-a .chip")
    page.keyboard.press("Space")
    expect(page.locator("#id_order")).to_have_value("a ")


def test_the_map_names_every_key_and_closes_again(page: Page) -> None:
    page.keyboard.press("?")
    shown = page.locator("#keys-dialog .key").all_inner_texts()
    for key in "=|⌫rxqwnmoksu?":
        assert key in shown
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    expect(page.locator("#id_order")).to_have_value("")


def test_tab_goes_through_the_page_as_it_is_read(page: Page) -> None:
    where = """() => { const at = document.activeElement;
        return at.closest('.answer')?.dataset.letter
            ?? at.closest('.top, .prompt, .ways, .tray, .bar-submit')?.classList[0] ?? at.className }"""
    places: list[str] = []
    while "bar-submit" not in places and len(places) < 80:
        page.keyboard.press("Tab")
        places.append(page.evaluate(where))
    once = [place for at, place in enumerate(places) if place != places[at - 1] or not at]
    assert once == ["skip-link", "top", "prompt", "a", "b", "c", "d", "ways", "tray", "bar-submit"]


def composing(page: Page, *codes: str) -> CDPSession:
    """Keys that an input method takes: they arrive as "Process", as Chromium itself sends them."""
    method = page.context.new_cdp_session(page)
    for code in codes:
        key = {"type": "rawKeyDown", "key": "Process", "code": code, "windowsVirtualKeyCode": 229}
        method.send("Input.dispatchKeyEvent", key)
    return method


def test_an_input_method_writes_into_fields_and_its_letters_are_letters_outside(page: Page) -> None:
    field = page.locator("#id_order")
    composing(page, "KeyB")
    expect(field).to_have_value("b ")
    page.keyboard.press("n")
    method = composing(page, "KeyN", "KeyI")
    method.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    expect(page.locator("#id_note")).to_have_value("ni")
    composing(page, "Space", "Backspace", "Digit1")
    method.send("Input.insertText", {"text": "你"})
    expect(page.locator("#id_note")).to_have_value("你")
    expect(field).to_have_value("b ")


def test_half_an_order_from_an_input_method_is_no_mistake(page: Page) -> None:
    field, mistake = page.locator("#id_order"), page.locator("#order-problem")
    field.focus()
    method = composing(page, "KeyZ")
    method.send("Input.imeSetComposition", {"text": "z", "selectionStart": 1, "selectionEnd": 1})
    expect(field).to_have_value("z")
    expect(mistake).to_have_text("")
    method.send("Input.insertText", {"text": "ｃ＝ａ"})
    expect(page.locator("#answer-a .placement")).to_have_text("1st, tied with C")
    expect(mistake).to_have_text("")
