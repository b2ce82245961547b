"""Writing in a real browser: preview and advice, turns by key, starting from a completion, correcting while ranking."""

import sqlite3
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, hears_keys, visit

pytestmark = pytest.mark.usefixtures("clean_desk")

ANSWER = "Somewhere **warm** and sandy, and only at night."


def demonstrations(site: Site) -> list[tuple[Any, ...]]:
    with sqlite3.connect(site.database) as database:
        return database.execute(
            "SELECT d.messages, c.text, d.edit_distance, d.is_current FROM annotations_demonstration d"
            " LEFT JOIN annotations_completion c ON c.id = d.origin_id ORDER BY d.id"
        ).fetchall()


def write_at(visitor: Visitor, name: str, project: str = "turtles") -> Page:
    visitor.sign_in(name, at=f"/p/{project}/demonstrate/")
    return visitor.page


def test_the_preview_follows_the_text_and_advice_is_said_once(visitor: Visitor) -> None:
    page = write_at(visitor, "alice")
    expect(page.locator("#id_content_0")).to_be_focused()
    page.keyboard.type("Somewhere **warm**")
    expect(page.locator(".preview strong")).to_have_text("warm")
    expect(page.locator("#advice li")).to_have_attribute("data-kind", "short")
    expect(page.locator("#said")).to_have_text("Very short. A reader may want to know more.")
    page.keyboard.type(" and sandy, and only at night.")
    expect(page.locator("#advice li")).to_have_count(0)
    page.keyboard.insert_text(" Hi\u200bdden\u202e")
    expect(page.locator(".preview")).to_contain_text("Hi⟨U+200B⟩dden⟨U+202E⟩")
    expect(page.locator("#said")).to_contain_text("2 invisible characters")
    visitor.shoot("write-advice")
    page.locator("#advice button").click()
    expect(page.locator("#id_content_0")).to_have_value("Somewhere **warm** and sandy, and only at night. Hidden")


def test_turns_go_on_and_back_by_keys_and_the_conversation_is_kept(visitor: Visitor) -> None:
    page = write_at(visitor, "alice")
    page.fill("#id_content_0", ANSWER)
    page.keyboard.press("Control+Shift+U")
    expect(page.locator("#id_content_1")).to_be_focused()
    expect(page.locator("#id_content_0")).to_have_value(ANSWER)
    expect(page.locator("#as-user")).to_be_disabled()
    page.keyboard.type("Why at night?")
    expect(page.locator("#missing")).to_have_text("The last turn is the user's")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_have_text("The last turn is the user's")
    page.keyboard.press("Control+Shift+U")
    expect(page.locator("#id_content_2")).to_be_focused()
    expect(page.locator("#missing")).to_have_text("A turn is still empty")
    visitor.shoot("write-turns")
    page.click("button[value=take_back]")
    expect(page.locator(".turn")).to_have_count(2)
    page.click("#as-assistant")
    page.fill("#id_content_2", "Because it is cooler then.")
    hears_keys(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Answer submitted")
    told = demonstrations(visitor.site)[-1][0]
    assert [role in told for role in ("Why at night?", "Because it is cooler then.")] == [True, True]


def test_going_on_in_the_middle_of_a_word_is_no_other_window(visitor: Visitor) -> None:
    page = write_at(visitor, "alice")
    page.fill("#id_content_0", ANSWER)
    page.click("#as-user")
    expect(page.locator("#id_content_1")).to_be_focused()
    hears_keys(page)
    page.keyboard.type("Why?")
    expect(page.locator("#save-state")).to_have_attribute("data-is", "saved")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#id_content_1")).to_have_value("Why?")
    page.click("#as-assistant")
    expect(page.locator("#id_content_2")).to_be_focused()
    hears_keys(page)
    page.keyboard.type("Because it is cooler then.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Answer submitted")


def test_bob_starts_from_an_answer_and_what_he_changed_is_counted(visitor: Visitor) -> None:
    page = write_at(visitor, "bob", "six")
    page.locator("#starts summary").click()
    visitor.shoot("write-starts")
    card = page.locator(".start-list li", has_text="On the moon.")
    card.get_by_role("button").click()
    expect(page.locator("#id_content_0")).to_have_value("On the moon.")
    expect(page.locator("#starts summary")).to_contain_text("Started from answer")
    # Nobody typed since: what was sent is the draft, also of a window that knew the empty page.
    expect(page.locator("#save-state")).to_have_attribute("data-is", "saved")
    page.goto(page.url)
    expect(page.locator("#id_content_0")).to_have_value("On the moon.")
    expect(page.locator("#starts summary")).to_contain_text("Started from answer")
    page.locator("#id_content_0").press("Control+End")
    page.keyboard.type(" No!")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Answer submitted")
    assert demonstrations(visitor.site)[-1][1:3] == ("On the moon.", 4)


def test_the_best_answer_is_corrected_while_it_is_ranked(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/turtles/rank/")
    expect(page.locator("#correct")).to_be_hidden()
    page.keyboard.type("b")
    cards, panel = page.locator(".answers").bounding_box(), page.locator("#correct").bounding_box()
    assert cards
    assert panel
    assert panel["y"] < cards["y"] + cards["height"] + 1
    page.locator("#correct summary").click()
    best = page.request.get(f"{page.url}answers/b/").text()
    expect(page.locator("#id_correction")).to_have_value(best)
    for letter in "acd":
        page.click(f"#answer-{letter} .chip")
    page.locator("#tiers .tier").nth(1).locator("[data-step='-1']").click()
    # Nobody has changed anything yet: the text is that of whichever is first.
    expect(page.locator("#id_correction")).to_have_value(page.request.get(f"{page.url}answers/a/").text())
    expect(page.locator("#correct-of")).to_have_text("You correct A.")
    page.locator("#id_correction").press("Control+End")
    page.keyboard.type(" At night.")
    page.locator("#tiers .tier").nth(1).locator("[data-step='-1']").click()
    expect(page.locator("#correct-of")).to_have_text("You correct A, which is not first any more.")
    visitor.shoot("rank-correct")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert demonstrations(visitor.site)[-1][2:] == (10, 1)


def test_the_better_of_two_is_corrected_and_a_reload_keeps_what_was_typed(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/pairs/rank/")
    expect(page.locator("#correct")).to_be_hidden()
    page.keyboard.type("7")
    page.locator("#correct summary").click()
    expect(page.locator("#correct-of")).to_have_text("You correct B.")
    page.locator("#id_correction").press("Control+End")
    page.keyboard.type(" At night.")
    typed = page.input_value("#id_correction")
    expect(page.locator("#save-state")).to_have_attribute("data-is", "saved")
    page.reload()
    expect(page.locator("#id_correction")).to_have_value(typed)
    expect(page.locator("#id_corrected")).to_have_value("b")
    visitor.shoot("pair-correct")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert demonstrations(visitor.site)[-1][2:] == (10, 1)


def test_on_a_phone_one_pane_shows_at_a_time(chromium: Browser, site: Site) -> None:
    context, alice = visit(chromium, site, phone=True)
    page = write_at(alice, "alice")
    expect(page.locator(".pane-read")).to_be_hidden()
    page.fill("#id_content_0", ANSWER)
    page.tap("button[data-pane=read]")
    expect(page.locator(".preview strong")).to_have_text("warm")
    expect(page.locator("#id_content_0")).to_be_hidden()
    alice.shoot("write-phone")
    page.tap("button[data-pane=write]")
    expect(page.locator("#id_content_0")).to_have_value(ANSWER)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert alice.complaints == []


def test_an_input_method_composes_in_peace(visitor: Visitor) -> None:
    page = write_at(visitor, "alice")
    page.evaluate(
        """() => {
            const text = document.getElementById('id_content_0');
            const key = {key: 's', code: 'KeyS', isComposing: true, bubbles: true};
            text.dispatchEvent(new KeyboardEvent('keydown', key));
            text.value = '在沙滩上产卵，通常在夜里';
            text.dispatchEvent(new InputEvent('input', {isComposing: true, bubbles: true}));
            text.dispatchEvent(new CompositionEvent('compositionend', {bubbles: true}));
        }"""
    )
    expect(page.locator(".preview")).to_contain_text("在沙滩上产卵")
    expect(page.locator("#advice li")).to_have_attribute("data-kind", "language")
    expect(page.locator("#skip-dialog")).to_be_hidden()


def test_without_scripts_the_plain_form_previews_goes_on_and_submits(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    bob = Visitor(context.new_page(), site)
    page = write_at(bob, "bob", "pairs")
    before = len(demonstrations(site))
    page.fill("#id_content_0", "In *sand*.")
    page.click("button[value=preview]")
    expect(page.locator(".preview em")).to_have_text("sand")
    bob.shoot("write-plain")
    page.click("#as-user")
    page.fill("#id_content_1", "Why?")
    page.click("#submit")
    expect(page.locator("#turn-errors")).to_contain_text("The last turn is the user's")
    page.click("button[value=take_back]")
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Answer submitted")
    assert len(demonstrations(site)) == before + 1
    context.close()
