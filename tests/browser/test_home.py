"""Arriving, pausing, remarks and one's own work in a real browser: by keyboard, on a phone, without scripts."""

import sqlite3
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visitor, visit
from tests.browser.test_pages import nothing_sticks_out

REMARK = "I read B the way you did."


def sql(site: Site, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(site.database, timeout=20) as database:
        return database.execute(statement, values).fetchall()


def leave_a_remark(site: Site, name: str) -> None:
    """On the newest answer of this person, by Olga."""
    sql(
        site,
        "INSERT INTO annotations_remark (public_id, text, created_at, assignment_id, author_id) SELECT ?, ?,"
        " CURRENT_TIMESTAMP, a.id, (SELECT id FROM accounts_user WHERE username = 'olga') FROM annotations_assignment a"
        " JOIN accounts_user u ON u.id = a.labeler_id WHERE u.username = ? AND a.state = 'done'"
        " ORDER BY a.id DESC LIMIT 1",
        uuid.uuid4().hex,
        REMARK,
        name,
    )


def starts(page: Page) -> None:
    """Press what the page offers first."""
    expect(page.locator(".btn-main")).to_be_focused()
    page.keyboard.press("Enter")


def rank(page: Page, order: str = "c a = b d") -> None:
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    page.fill("#id_order", order)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast").first).to_contain_text("Ranking submitted")


@pytest.fixture(scope="module")
def answered(chromium: Browser, site: Site) -> None:
    """Alice has ranked, so that her work can be looked at and remarked on."""
    context, alice = visit(chromium, site)
    alice.sign_in("alice", at="/p/turtles/rank/")
    rank(alice.page)
    context.close()
    assert alice.complaints == []


@pytest.fixture
def seen(chromium: Browser, site: Site) -> Iterator[Visitor]:
    """On a phone, by night; at a desk test_every_page.py looks at every page."""
    context, person = visit(chromium, site, phone=True, dark=True)
    yield person
    context.close()
    assert person.complaints == []


def test_alice_starts_with_enter_pauses_by_keyboard_and_resumes_the_same_question(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("alice")
    starts(page)
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    begun = page.url
    page.get_by_role("link", name="Pause").press("Enter")
    expect(page.locator("h1")).to_have_text("Pause and give back")
    visitor.shoot("pause")
    starts(page)
    expect(page.locator(".toast")).to_have_text("1 question went back to the others.")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    starts(page)
    expect(page.locator("#missing")).to_have_text("Nothing is placed yet")
    assert page.url != begun
    held = page.url
    page.goto(f"{visitor.site.address}/")
    visitor.shoot("home-held")
    page.get_by_role("button", name="Resume").press("Enter")
    page.wait_for_url(held)


@pytest.mark.usefixtures("answered")
def test_a_remark_is_read_on_home_and_leads_to_the_answer(visitor: Visitor) -> None:
    page, site = visitor.page, visitor.site
    leave_a_remark(site, "alice")
    visitor.sign_in("alice")
    news = page.locator(".news")
    expect(news).to_contain_text(REMARK)
    visitor.shoot("home-remark")
    news.get_by_role("button", name="Open").press("Enter")
    expect(page.locator("#id_order")).not_to_have_value("")
    page.goto(f"{site.address}/")
    expect(page.locator(".news")).to_have_count(0)
    page.get_by_role("link", name="My work", exact=True).press("Enter")
    expect(page.locator(".work").first).to_contain_text(REMARK)
    with page.expect_download() as file:
        page.get_by_role("link", name="Download my hours").press("Enter")
    lines = file.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("Day,Project,Active minutes")
    assert "Everyday questions" in lines[1]


@pytest.mark.usefixtures("answered")
def test_a_reviewer_filters_opens_and_remarks_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("olga", at="/p/turtles/answers/")
    answer = page.locator(".reviewed").first
    answer.locator("summary").first.press("Enter")
    expect(answer.locator(".reading").last).to_be_visible()
    answer.get_by_text("Write a remark").press("Enter")
    answer.get_by_label("What the labeler should know").press_sequentially("One more thing.")
    visitor.shoot("answers")
    answer.get_by_role("button", name="Send the remark").press("Enter")
    expect(page.locator(".toast")).to_have_text("The labeler finds your remark on their home page.")
    expect(page.locator(".reviewed").first).to_contain_text("One more thing.")


@pytest.mark.usefixtures("answered")
def test_every_page_fits_a_phone(seen: Visitor) -> None:
    page, site = seen.page, seen.site
    leave_a_remark(site, "alice")
    seen.sign_in("alice")
    for path, name in [("/", "home"), ("/p/turtles/my-work/", "my-work"), ("/p/turtles/pause/", "pause")]:
        page.goto(site.address + path)
        nothing_sticks_out(page)
        seen.shoot(f"{name}-dark-phone")
    page.context.clear_cookies()
    seen.sign_in("olga")
    for path, name in [("/p/turtles/answers/", "answers"), ("/p/turtles/answers/skips/", "skips")]:
        page.goto(site.address + path)
        page.locator("main .reviewed details").evaluate_all("all => all.forEach((one) => (one.open = true))")
        nothing_sticks_out(page)
        seen.shoot(f"{name}-dark-phone")


@pytest.mark.usefixtures("answered")
def test_without_scripts_work_goes_back_and_a_remark_is_read(chromium: Browser, site: Site) -> None:
    leave_a_remark(site, "alice")
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    alice = Visitor(context.new_page(), site)
    alice.sign_in("alice")
    page = alice.page
    page.get_by_role("button", name="I have read it").first.click()
    page.goto(f"{site.address}/p/turtles/rank/")
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause and give back").click()
    expect(page.locator(".toast")).to_contain_text("went back to the others.")
    context.close()


def test_an_empty_queue_says_why_and_what_to_do(visitor: Visitor) -> None:
    page, site = visitor.page, visitor.site
    sql(
        site,
        "UPDATE annotations_samplingorder SET finished_at = CURRENT_TIMESTAMP WHERE project_id IN"
        " (SELECT id FROM accounts_project WHERE slug = 'pairs')",
    )
    visitor.sign_in("bob")
    for _ in range(2):
        page.goto(f"{site.address}/p/pairs/rank/")
        page.keyboard.press("s")
        page.keyboard.press("1")
        expect(page.locator(".toast")).to_contain_text("Skipped")
    page.goto(f"{site.address}/p/pairs/rank/")
    expect(page.locator("h1")).to_have_text("Nothing to rank right now")
    expect(page.locator(".lead")).to_have_text(
        "You have done everything that was open to you. New questions appear here by themselves; look again later."
    )
    visitor.shoot("empty-done")
    sql(site, "UPDATE annotations_samplingorder SET finished_at = NULL")
    page.get_by_role("link", name="Look again").press("Enter")
    expect(page.locator(".lead")).to_contain_text("New answers are being written now: 2 of 2 questions are done.")
    visitor.shoot("empty-writing")
    page.get_by_role("link", name="Write an answer instead").press("Enter")
    expect(page.locator("textarea.turn")).to_be_focused()
