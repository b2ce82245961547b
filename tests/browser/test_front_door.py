"""From one command to a deployed policy and an exported data set, in a real browser against everything at work."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from datasets import load_dataset
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import READS_FAST
from tests.place import Place, place_with_tiny_policy

PASSWORD = "a turtle swims far"
RANKINGS = 8
ROUND_SECONDS = 240


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = place_with_tiny_policy(tmp_path_factory.mktemp("door") / "var")
    process = found.up()
    yield found
    process.terminate()
    process.wait()
    found.run("down")


@pytest.fixture(scope="module")
def door(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}"


def visitor(chromium: Browser) -> tuple[BrowserContext, Page]:
    context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    context.add_init_script(READS_FAST)
    return context, context.new_page()


def join(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.fill("[name=username]", name)
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    page.get_by_role("button", name="Join").click()


def test_from_the_one_time_link_to_a_deployed_policy_and_an_export(
    chromium: Browser, place: Place, door: str, tmp_path: Path
) -> None:
    link = re.search(r"http://\S+/join/\S+", place.text)
    assert link
    operators, olga = visitor(chromium)
    join(olga, link.group(), "olga")
    expect(olga.locator("h1")).to_be_visible()
    labelers, alice = visitor(chromium)
    join(alice, invitation(olga, door), "alice")
    place.wait_for(lambda: "the first slate is ready" in place.text)

    for _ in range(RANKINGS):
        rank(alice, door)
    round_from_button_to_deployment(olga, door)

    file = exported(olga, door, tmp_path)
    loaded = load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows > 0
    operators.close()
    labelers.close()

    used, stranger = visitor(chromium)
    answer = stranger.goto(link.group())
    assert answer
    assert answer.status == 404
    used.close()


def invitation(olga: Page, door: str) -> str:
    """A link that Olga makes for a labeler, as her page shows it once."""
    olga.goto(f"{door}/p/demo/people/")
    olga.select_option("[name=role]", "labeler")
    olga.get_by_role("button", name="Make a link").click()
    return olga.locator("#link").input_value()


def rank(alice: Page, door: str) -> None:
    """Rank whatever is lent, by keyboard: the first answer best, the rest in the order shown."""
    alice.goto(f"{door}/p/demo/rank/")
    if alice.get_by_role("link", name="Show it").count():
        alice.get_by_role("link", name="Show it").click()
    # Who listens to keys says at once what is missing.
    expect(alice.locator("#missing")).not_to_be_empty()
    alice.keyboard.type("".join("abcd"[: alice.locator(".answer").count()]))
    alice.keyboard.press("Control+Enter")
    expect(alice.locator(".toast")).to_have_text("Ranking submitted")


def round_from_button_to_deployment(olga: Page, door: str) -> None:
    """Start a round on the tiny preset; go on with a reason where a gate has too little to tell; approve."""
    olga.goto(f"{door}/p/demo/rounds/")
    olga.select_option("[name=preset]", "tiny")
    olga.get_by_role("button", name="Start a round").click()
    olga.wait_for_url("**/rounds/1/")
    while True:
        if olga.get_by_role("button", name="Override the gate").count():
            olga.fill("#override-note", "Eight rankings cannot tell yet.")
            olga.get_by_role("button", name="Override the gate").click()
        olga.goto(f"{door}/p/demo/rounds/1/review/")
        if olga.get_by_role("button", name="Approve and deploy").count():
            break
        olga.goto(f"{door}/p/demo/rounds/1/")
        olga.wait_for_timeout(1000)
    olga.fill(".decide [name=note]", "The whole way was walked.")
    olga.get_by_role("button", name="Approve and deploy").click()
    olga.wait_for_url("**/rounds/1/")


def exported(olga: Page, door: str, folder: Path) -> Path:
    """The lossless rankings that a learner would train on, downloaded."""
    olga.goto(f"{door}/p/demo/exports/")
    olga.get_by_role("button", name="Export", exact=True).click()
    ready = olga.locator(".tag", has_text="ready").first
    ready.wait_for(timeout=60_000)
    with olga.expect_download() as download:
        olga.get_by_role("link", name="train.jsonl").first.click()
    path = folder / "train.jsonl"
    download.value.save_as(path)
    return path
