"""Before a round: the board tells what it would need, for what is chosen; a schedule's line shows its next times."""

from playwright.sync_api import expect

from tests.browser.conftest import Site, Visitor
from tests.rounds.test_memory import SMOLLM2, write_model

SEED = "tests.browser.before_seed"
BOARD, SCHEDULE = "/p/turtles/rounds/", "/p/turtles/rounds/schedule/"


def test_the_board_tells_what_a_round_would_need_and_anew_for_another_choice(visitor: Visitor, site: Site) -> None:
    write_model(site.database.parent / "store" / "base", SMOLLM2)
    visitor.sign_in("olga", at=BOARD)
    page, card = visitor.page, visitor.page.locator("#before")
    page.get_by_label("Preset").select_option("small")
    expect(card).to_contain_text("nothing is known yet: no round has come through with the preset small")
    expect(card).to_contain_text("Memory may not suffice: Reward model may take")
    page.get_by_label("Preset").select_option("tiny")
    expect(card).to_contain_text("about 30 min of computing")
    expect(card).to_contain_text("from round 1")
    visitor.shoot("before")


def test_a_line_is_refused_in_a_sentence_or_shows_its_next_five_times(visitor: Visitor) -> None:
    visitor.sign_in("olga", at=SCHEDULE)
    page = visitor.page
    page.get_by_label("Rounds start by themselves").check()
    line = page.get_by_label("Or at the times of a line")
    line.fill("30 25 * * *")
    line.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The second field, the hour")
    # The browser says of itself that the answer was a 400.
    visitor.complaints.clear()
    line.fill("30 2 1 1 *")
    line.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Schedule saved")
    expect(page.locator(".runs li")).to_have_count(5)
    expect(page.locator(".runs li").first).to_contain_text("1 January")
    expect(page.get_by_role("heading", name="No worker is running")).to_be_visible()
    visitor.shoot("schedule-line")


def test_without_a_script_the_board_leads_to_a_page_of_its_own(visitor: Visitor) -> None:
    visitor.sign_in("olga", at=BOARD)
    visitor.page.goto(f"{visitor.site.address}{BOARD}before/")
    expect(visitor.page.get_by_role("heading", name="Before a round starts")).to_be_visible()
    expect(visitor.page.locator("#before")).to_contain_text("10 tell how far they agree")
