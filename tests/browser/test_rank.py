"""Ranking in a real browser: keys, mouse, drag, phone, and what is said when something is missing."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, hears_keys, visit

pytestmark = pytest.mark.usefixtures("clean_desk")


def rankings(site: Site) -> list[tuple[str, int | None]]:
    """Each ranking as (tiers by letter, cut): `c a=b d` the way it was typed."""
    with sqlite3.connect(site.database) as database:
        found = database.execute(
            "SELECT r.id, r.cut, a.shown FROM annotations_ranking r"
            " JOIN annotations_assignment a ON a.id = r.assignment_id ORDER BY r.id"
        ).fetchall()
        return [(_tiers(database, ranking, shown), cut) for ranking, cut, shown in found]


def _tiers(database: sqlite3.Connection, ranking: int, shown: str) -> str:
    rows = database.execute(
        "SELECT p.tier, m.position FROM annotations_placement p JOIN annotations_slatecompletion m"
        " ON m.completion_id = p.completion_id WHERE p.ranking_id = ? ORDER BY p.tier",
        [ranking],
    ).fetchall()
    letters = {int(position): "abcdefghi"[at] for at, position in enumerate(shown.strip("[]").split(","))}
    tiers: dict[int, list[str]] = {}
    for tier, position in rows:
        tiers.setdefault(tier, []).append(letters[position])
    return " ".join("=".join(sorted(tier)) for _, tier in sorted(tiers.items()))


def test_alice_logs_in_ranks_with_the_keyboard_and_the_row_is_there(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("alice")
    visitor.shoot("home")
    before = rankings(visitor.site)
    expect(page.locator("a.btn-main")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    visitor.shoot("rank-empty")
    page.keyboard.type("c a = b ")
    expect(page.locator("#missing")).to_have_text("D is not placed yet")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_have_text("D is not placed yet")
    assert rankings(visitor.site) == before
    page.keyboard.type("|d5")
    expect(page.locator("#id_order")).to_have_value("c a = b | d ")
    visitor.shoot("rank-full")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert rankings(visitor.site) == [*before, ("c a=b d", 2)]


def test_bob_ranks_with_the_mouse_alone(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site)
    before = rankings(site)
    page = bob.page
    bob.sign_in("bob", at="/p/turtles/rank/")
    for letter in "dabc":
        page.click(f"#answer-{letter} .chip")
    expect(page.locator("#id_order")).to_have_value("d a b c ")
    page.locator("#tiers .tier").nth(1).locator("[data-step='-1']").click()
    expect(page.locator("#id_order")).to_have_value("a d b c ")
    _drag(page, "#tiers .tier >> nth=3", "#tiers .tier >> nth=0")
    expect(page.locator("#id_order")).to_have_value("a = c d b ")
    page.click("button.hint[data-does=line]")
    page.click("#answer-a .rating label >> nth=6")
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert rankings(site) == [*before, ("a=c d b", 3)]
    context.close()
    assert bob.complaints == []


def _drag(page: Page, source: str, onto: str) -> None:
    grip, target = page.locator(f"{source} >> [data-grip]").bounding_box(), page.locator(onto).bounding_box()
    assert grip
    assert target
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(grip["x"], target["y"] + target["height"] / 2, steps=8)
    page.mouse.up()


def test_a_finger_drags_by_the_handle_and_escape_puts_a_row_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/turtles/rank/")
    page.keyboard.type("abcd")
    rows = page.locator("#tiers .tier")
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    def middle(selector: str, at: int) -> dict[str, float]:
        box = rows.nth(at).locator(selector).bounding_box()
        assert box
        return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}

    grip, third = middle("[data-grip]", 0), middle(".slot", 2)
    said, field = page.locator("#said"), page.locator("#id_order")
    touch("touchStart", grip)
    expect(said).to_have_text("A is lifted. Escape puts it back.")
    touch("touchMove", third)
    expect(said).to_have_text("A: tied with C")
    page.keyboard.press("Escape")
    expect(said).to_have_text("A stays where it was.")
    touch("touchEnd")
    expect(field).to_have_value("a b c d ")
    touch("touchStart", grip)
    touch("touchMove", third | {"y": third["y"] + 18})
    expect(said).to_have_text("A: above D")
    touch("touchEnd")
    expect(field).to_have_value("b c a d ")
    expect(said).to_have_text("B, C, A, D")


def test_who_is_quick_is_asked_once_and_marked_only_if_they_send_it(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site, reads_fast=False)
    page, asked = bob.page, bob.page.locator("#quick-dialog")
    # However slow the machine is, no time goes by on this clock.
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    bob.sign_in("bob", at="/p/turtles/rank/")
    page.keyboard.type("dcba")
    page.keyboard.press("Control+Enter")
    expect(asked.get_by_role("heading")).to_have_text("You were quick. Look again?")
    bob.shoot("rank-quick")
    expect(page.locator("#quick-look")).to_be_focused()
    page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    expect(page.locator("#answer-a")).to_be_focused()
    # What is in view, the page hears with its first frame: only from then on does time in view go by.
    expect(page.locator(".answer[data-in-view='1']")).to_have_count(4)
    # Nothing is called read that would be called hurried: two seconds are enough for the short one.
    short, long = (page.locator(".answer", has_text=words) for words in ("nest on beaches", "The female comes ashore"))
    page.clock.run_for(2000)
    expect(short).to_have_class(re.compile("is-read"))
    expect(long).not_to_have_class(re.compile("is-read"))
    page.clock.run_for(60_000)
    expect(page.locator(".answer.is-read")).to_have_count(4)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert hurried(site) == 0
    hears_keys(page)
    page.keyboard.type("dcba")
    page.keyboard.press("Control+Enter")
    sent = page.url
    page.click("#quick-send")
    page.wait_for_url(lambda url: url != sent)
    assert hurried(site) == 1
    context.close()
    assert bob.complaints == []


def hurried(site: Site) -> int:
    """How the last ranking is marked."""
    with sqlite3.connect(site.database) as database:
        last = database.execute("SELECT hurried FROM annotations_ranking ORDER BY id DESC LIMIT 1").fetchone()
        return int(last[0])


def test_what_was_typed_survives_a_reload_and_goes_when_it_was_sent(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/turtles/rank/")
    page.keyboard.press("Backspace")
    page.keyboard.type("c=ad|")
    page.keyboard.press("n")
    page.keyboard.type("B is about the moon")
    page.reload()
    expect(page.locator("#id_order")).to_have_value("c = a d | ")
    expect(page.locator("#id_note")).to_have_value("B is about the moon")
    page.keyboard.type("b")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert page.evaluate(COPIES_LEFT) == 0


# Playwright's own way to wait for a function evaluates a string, which the pages forbid.
COPIES_LEFT = """async () => {
    const count = () => new Promise((resolve) => {
        indexedDB.open("tutelage").onsuccess = ({target: {result: database}}) =>
            (database.transaction("copies").objectStore("copies").count().onsuccess = (event) =>
                resolve(event.target.result));
    });
    for (let tries = 0; tries < 200 && (await count()); tries += 1) await new Promise((next) => setTimeout(next, 50));
    return count();
}"""


def test_a_mistake_in_the_typed_order_is_named_as_it_is_typed(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/turtles/rank/")
    page.fill("#id_order", "a e")
    expect(page.locator("#order-problem")).to_have_text("There is no answer E here.")
    page.fill("#id_order", "a a")
    expect(page.locator("#order-problem")).to_have_text("A is placed twice.")
    page.fill("#id_order", "Ａ　＝ｂ")
    expect(page.locator("#order-problem")).to_have_text("")
    expect(page.locator("#answer-b .placement")).to_have_text("1st, tied with A")


def test_without_scripts_the_plain_form_does_the_same(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    bob = Visitor(context.new_page(), site)
    bob.sign_in("bob", at="/p/turtles/rank/")
    page = bob.page
    page.fill("[name=order]", "c a = b")
    page.click("#note summary")
    page.fill("[name=note]", "kept")
    bob.shoot("rank-plain")
    page.click("#submit")
    expect(page.locator("#order-errors")).to_contain_text("D is not placed yet.")
    bob.shoot("rank-plain-error")
    expect(page.locator("[name=order]")).to_have_value("c a = b")
    expect(page.locator("[name=note]")).to_have_value("kept")
    page.fill("[name=order]", "c a = b | d")
    page.click("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    context.close()


def test_keys_move_undo_rate_and_look(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("bob", at="/p/six/rank/")
    field = page.locator("#id_order")
    page.keyboard.type("abc")
    page.keyboard.press("ArrowUp")
    expect(field).to_have_value("a c b ")
    page.keyboard.press("Control+z")
    expect(field).to_have_value("a b c ")
    page.keyboard.press("Shift+A")
    expect(page.locator("#answer-a")).to_be_focused()
    page.keyboard.type("2")
    page.keyboard.press("Shift+B")
    page.keyboard.type("6")
    expect(page.locator("#tiers .contradiction")).to_have_text("rated below B")
    page.keyboard.type("6")
    expect(page.locator("#tiers .contradiction")).to_have_count(0)
    expect(page.locator("#said")).to_have_text("The rating of B is taken back")


def test_on_a_phone_two_buttons_place_what_is_in_view(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site, phone=True)
    page = bob.page
    bob.sign_in("bob", at="/p/turtles/rank/")
    page.tap("[data-look=b]")
    page.tap("#place-current")
    expect(page.locator("#tie-current")).to_have_text("Tie with B")
    page.tap("#tie-current")
    for letter in "cd":
        page.tap(f"[data-look={letter}]")
        page.tap("#place-current")
    page.tap("#submit")
    expect(page.locator(".toast")).to_have_text("Ranking submitted")
    assert rankings(site)[-1] == ("a=b c d", None)
    context.close()
    assert bob.complaints == []
