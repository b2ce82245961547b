"""An operator draws a gate elsewhere, brings safety prompts in, and reads what policies refuse."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitor


def test_an_operator_draws_a_gate_elsewhere(visitor: Visitor) -> None:
    visitor.sign_in("olga", at="/p/turtles/rounds/")
    page = visitor.page
    page.get_by_role("link", name="Gates").click()
    limit = page.get_by_role("group", name="KL to SFT").get_by_label("Limit")
    limit.fill("12.5")
    page.get_by_role("group", name="Empty answers").get_by_label("Holds a round back").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("2 gates changed")).to_be_visible()
    expect(limit).to_have_value("12.5")
    expect(page.get_by_role("group", name="Empty answers").get_by_label("Holds a round back")).not_to_be_checked()
    # The browser itself does not let a senseless limit go.
    limit.fill("5000")
    page.get_by_role("button", name="Save").click()
    assert limit.evaluate("field => field.validity.rangeOverflow")


def test_safety_prompts_come_in_and_go_out_again(visitor: Visitor) -> None:
    visitor.sign_in("olga", at="/p/turtles/gates/")
    page = visitor.page
    page.get_by_role("button", name="Bring in the set that ships").click()
    expect(page.get_by_text("56 safety prompts added.")).to_be_visible()
    row = page.get_by_role("row", name="the set that ships")
    expect(row.get_by_role("cell").nth(1)).to_have_text("28")
    row.get_by_role("button", name="Take out").click()
    expect(page.get_by_text("There are none yet")).to_be_visible()
