"""Twelve ways in which a tab goes stale while somebody types in it. In every one the typed text is recovered."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.accounts.test_codes import code_of
from tests.browser.conftest import Site, Visitor, hears_keys, visit
from tests.browser.seed import PASSWORD
from tests.browser.stale_seed import RECOVERY_CODE, SECRET

SEED = "tests.browser.stale_seed"
WORDS = "The third says nothing of eggs"
# What the browser itself says of a request that was refused or found no line, as it should.
EXPECTED = ("Failed to load resource", "net::ERR_INTERNET_DISCONNECTED")


@dataclass
class Desk:
    """Alice at a question that she has typed into."""

    site: Site
    context: BrowserContext
    page: Page
    assignment: str

    @property
    def address(self) -> str:
        return f"{self.site.address}/rank/{self.assignment}/"

    def change(self, sql: str) -> None:
        with sqlite3.connect(self.site.database, timeout=20) as database:
            database.execute(sql.replace("THIS", f"public_id = '{self.assignment.replace('-', '')}'"))

    def kept(self) -> list[tuple[int, bool, str, bool]]:
        """Each answer as (revision, current, note, late)."""
        return [(revision, bool(current), note, bool(late)) for revision, current, note, late in self._rows()]

    def _rows(self) -> list[Any]:
        with sqlite3.connect(self.site.database, timeout=20) as database:
            return database.execute(
                "SELECT r.revision, r.is_current, r.note, a.surplus FROM annotations_ranking r"
                " JOIN annotations_assignment a ON a.id = r.assignment_id WHERE a.public_id = ? ORDER BY r.revision",
                [self.assignment.replace("-", "")],
            ).fetchall()

    def other_window(self) -> Page:
        page = self.context.new_page()
        page.goto(self.address)
        return page


@pytest.fixture
def desk(chromium: Browser, site: Site) -> Iterator[Desk]:
    context, alice = visit(chromium, site)
    alice.sign_in("alice", at="/p/turtles/rank/")
    page = alice.page
    assignment = page.locator("#desk").get_attribute("data-assignment")
    assert assignment
    desk = Desk(site, context, page, assignment)
    write(page)
    yield desk
    context.close()
    desk.change("UPDATE annotations_assignment SET state = 'lapsed', slot = NULL WHERE state = 'lent'")
    desk.change("UPDATE accounts_membership SET deactivated_at = NULL")
    assert [said for said in alice.complaints if not any(known in said for known in EXPECTED)] == []


def write(page: Page, words: str = WORDS) -> None:
    hears_keys(page)
    page.fill("#id_order", "b c a")
    if not page.locator("#id_note").is_visible():
        page.locator("#note summary").click()
    page.fill("#id_note", words)


def submit(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def taken(page: Page, words: str = "Ranking submitted") -> None:
    expect(page.locator(".toast")).to_contain_text(words)


def is_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-is", "saved")


def sign_in_here(page: Page, name: str) -> None:
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=login]").fill(name)
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("button").first.click()


def test_1_the_lease_ran_out_and_nobody_took_the_question(desk: Desk) -> None:
    desk.change("UPDATE annotations_assignment SET lease_until = '2026-01-01 00:00:00' WHERE THIS")
    submit(desk.page)
    taken(desk.page)
    assert desk.kept() == [(1, True, WORDS, False)]


def test_2_the_lease_ran_out_and_another_person_has_it(desk: Desk) -> None:
    desk.change("UPDATE annotations_assignment SET state = 'lapsed', slot = NULL WHERE THIS")
    submit(desk.page)
    taken(desk.page, "It came late: it is kept")
    assert desk.kept() == [(1, True, WORDS, True)]


def test_3_it_was_answered_in_another_tab(desk: Desk) -> None:
    other = desk.other_window()
    write(other, "The third is about the moon")
    submit(other)
    taken(other)
    submit(desk.page)
    dialog = desk.page.locator("dialog[open]")
    expect(dialog.get_by_role("heading")).to_have_text("This answer was changed in another window")
    expect(dialog.locator(".both-sides > div").first).to_contain_text(WORDS)
    expect(dialog.locator(".both-sides > div").last).to_contain_text("The third is about the moon")
    Visitor(desk.page, desk.site).shoot("both-submitted")
    dialog.get_by_role("button", name="Keep this one").click()
    taken(desk.page)
    assert desk.kept() == [(1, False, "The third is about the moon", False), (2, True, WORDS, False)]


def test_4_it_was_revised_in_another_tab(desk: Desk) -> None:
    submit(desk.page)
    taken(desk.page)
    desk.page.goto(desk.address)
    other = desk.other_window()
    write(other, "Revised over there")
    submit(other)
    taken(other)
    write(desk.page, "Revised here")
    submit(desk.page)
    desk.page.get_by_role("button", name="Edit together").click()
    expect(desk.page.locator("#id_note")).to_have_value("Revised here")
    expect(desk.page.locator(".beside")).to_contain_text("over there")
    submit(desk.page)
    taken(desk.page)
    assert [note for _, _, note, _ in desk.kept()] == [WORDS, "Revised over there", "Revised here"]


def test_5_it_was_skipped_in_another_tab(desk: Desk) -> None:
    other = desk.other_window()
    other.locator("a[data-opens=skip-dialog]").first.click()
    other.locator("#skip-dialog [name=reason]").first.click()
    taken(other, "Skipped")
    submit(desk.page)
    taken(desk.page, "It came late: it is kept")
    assert desk.kept() == [(1, True, WORDS, True)]


@pytest.mark.parametrize("column", ["retired_at", "in_review_at"], ids=["6_retired", "7_in_review"])
def test_the_slate_was_put_aside(desk: Desk, column: str) -> None:
    slate = "(SELECT slate_id FROM annotations_assignment WHERE THIS)"
    desk.change(f"UPDATE annotations_slate SET {column} = '2026-01-01 00:00:00' WHERE id = {slate}")
    submit(desk.page)
    taken(desk.page)
    assert desk.kept() == [(1, True, WORDS, False)]


def test_8_the_session_ended(desk: Desk) -> None:
    desk.context.clear_cookies(name="sessionid")
    submit(desk.page)
    dialog = desk.page.locator("dialog[open]")
    expect(dialog.get_by_role("heading")).to_have_text("You were signed out")
    expect(dialog.locator("[name=login]")).to_have_value("alice")
    expect(dialog.locator("[name=password]")).to_be_focused()
    Visitor(desk.page, desk.site).shoot("signed-out")
    dialog.locator("[name=password]").fill("not the password")
    desk.page.keyboard.press("Enter")
    expect(dialog.locator(".field-error, .errorlist").first).to_be_visible()
    sign_in_here(desk.page, "alice")
    taken(desk.page)
    assert desk.kept() == [(1, True, WORDS, False)]


def test_8_the_session_ended_and_the_way_in_asks_for_a_code(chromium: Browser, site: Site) -> None:
    context, bob = visit(chromium, site)
    page = bob.page
    page.goto(f"{site.address}/account/login/?next=/p/turtles/rank/")
    page.fill("[name=login]", "bob")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    # The app's code is good once and for half a minute: it is kept for the way back in.
    page.fill("[name=code]", RECOVERY_CODE)
    page.keyboard.press("Enter")
    write(page)
    desk = Desk(site, context, page, page.locator("#desk").get_attribute("data-assignment") or "")
    context.clear_cookies()
    submit(page)
    sign_in_here(page, "bob")
    code = page.locator("dialog[open] [name=code]")
    expect(code).to_be_visible()
    code.fill(code_of(SECRET))
    page.locator("dialog[open] button").first.click()
    taken(page)
    assert desk.kept() == [(1, True, WORDS, False)]
    context.close()


def test_9_another_person_signed_in(desk: Desk) -> None:
    is_saved(desk.page)
    desk.context.clear_cookies(name="sessionid")
    olga = Visitor(desk.context.new_page(), desk.site)
    olga.sign_in("olga")
    submit(desk.page)
    expect(desk.page.locator("dialog[open] h2")).to_have_text("olga is signed in now")
    expect(desk.page.locator("#id_note")).to_have_value(WORDS)
    assert desk.kept() == []
    assert olga.page.goto(desk.address).status == 404  # type: ignore[union-attr]
    assert WORDS not in olga.page.content()
    desk.context.clear_cookies(name="sessionid")
    Visitor(desk.page, desk.site).sign_in("alice")
    desk.page.goto(desk.address)
    expect(desk.page.locator("#id_note")).to_have_value(WORDS)


def test_10_the_forms_token_was_changed(desk: Desk) -> None:
    desk.context.clear_cookies(name="csrftoken")
    desk.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": desk.site.address}])
    submit(desk.page)
    taken(desk.page)
    assert desk.kept() == [(1, True, WORDS, False)]


def test_11_the_membership_was_ended(desk: Desk) -> None:
    desk.change("UPDATE accounts_membership SET deactivated_at = '2026-01-01 00:00:00'")
    submit(desk.page)
    dialog = desk.page.locator("dialog[open]")
    expect(dialog.get_by_role("heading")).to_have_text("Your membership has ended")
    expect(dialog.locator(".reading")).to_contain_text(WORDS)
    desk.page.goto(desk.address)
    expect(desk.page.locator("#kept")).to_contain_text(WORDS)
    desk.change("UPDATE accounts_membership SET deactivated_at = NULL")
    desk.page.goto(desk.address)
    expect(desk.page.locator("#id_note")).to_have_value(WORDS)


def test_12_the_server_went_away_while_typing(desk: Desk) -> None:
    is_saved(desk.page)
    desk.context.set_offline(True)
    desk.page.fill("#id_note", f"{WORDS}, nor of beaches")
    submit(desk.page)
    state = desk.page.locator("#save-state span")
    expect(state).to_have_text("Kept on this device. Sending again when the line is back.")
    Visitor(desk.page, desk.site).shoot("offline")
    desk.page.close()
    desk.context.set_offline(False)
    page = desk.other_window()
    expect(page.locator("#id_note")).to_have_value(f"{WORDS}, nor of beaches")
    desk.context.set_offline(True)
    submit(page)
    expect(page.locator("#save-state")).to_have_attribute("data-is", "kept")
    desk.context.set_offline(False)
    taken(page)
    assert desk.kept() == [(1, True, f"{WORDS}, nor of beaches", False)]
