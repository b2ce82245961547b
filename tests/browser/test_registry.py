"""The registry in a browser: from the list to a lineage, its card, a comparison, and a tar that unpacks."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Site, Visitor, visit
from trainer import manifest

SEED = "tests.browser.policies_seed"
PAGE = "/p/turtles/policies/"


@pytest.fixture(scope="module", autouse=True)
def store(site: Site, seeded: Callable[[str], Path]) -> None:
    """What the seed's rows point at lies beside its database, and is copied with it."""
    shutil.copytree(seeded(SEED).parent / "store", site.database.parent / "store")


def test_a_policy_is_followed_from_what_people_said_to_its_rounds(visitor: Visitor) -> None:
    visitor.sign_in("rita", at=PAGE)
    page = visitor.page
    page.get_by_role("link", name="r1-ppo", exact=True).click()
    rows = page.locator(".lineage-row")
    expect(rows.first).to_contain_text("1 ranking")
    expect(rows.first).to_contain_text("guidelines 1: 1")
    expect(page.locator(".lineage-this")).to_contain_text("r1-ppo")
    expect(rows.last).to_contain_text("Round 2")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    # From the parent on by keys alone.
    page.locator(".descent").get_by_role("link", name="base").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("base")
    expect(page.get_by_text("Brought in")).to_be_visible()


def test_a_policy_is_taken_out_with_its_card(visitor: Visitor, tmp_path: Path) -> None:
    visitor.sign_in("olga", at=PAGE)
    page = visitor.page
    page.get_by_role("link", name="r1-ppo", exact=True).click()
    page.wait_for_url("**/policies/*/")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download,").click()
    coming.value.save_as(tmp_path / "policy.tar")
    with tarfile.open(tmp_path / "policy.tar") as tar:
        tar.extractall(tmp_path)
    manifest.read(tmp_path / "turtles-r1-ppo", kind="policy")
    page.get_by_role("link", name="Model card").click()
    expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
    expect(page.locator(".front")).to_contain_text("base_model")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download card.md").click()
    assert coming.value.suggested_filename == "turtles-r1-ppo-card.md"


def test_two_policies_stand_side_by_side_on_a_phone(chromium: Browser, site: Site) -> None:
    context, person = visit(chromium, site, phone=True, dark=True)
    person.sign_in("rita", at=PAGE)
    page = person.page
    page.locator("[name=a]").select_option(label="r1-ppo")
    page.locator("[name=b]").select_option(label="r2-ppo")
    page.get_by_role("button", name="Side by side").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("r1-ppo and r2-ppo")
    # One evaluation compared both: in the second round the first one's candidate was the policy of then.
    expect(page.locator(".comparison").first).to_contain_text("The before answer")
    expect(page.locator(".comparison").first).to_contain_text("The after answer")
    for address in (page.url, site.address + PAGE, page.url.replace("compare/", "compare/?x=")):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    context.close()
    assert person.complaints == []
