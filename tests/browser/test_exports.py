"""From a labeler's ranking to a data set that others load: ordered in the browser, written by a real worker."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Site, Visitor, visit

PAGE = "/p/turtles/exports/"


@pytest.fixture
def worker(site: Site) -> Iterator[None]:
    env = os.environ | {
        "TUTELAGE_DATA": str(site.database.parent),
        "DATABASE_URL": f"sqlite:///{site.database}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform"), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "celery", "--app", "tutelage", "worker", "--pool", "solo", "--loglevel", "error"]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    yield
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def erik(chromium: Browser, site: Site) -> Iterator[Visitor]:
    context, person = visit(chromium, site)
    person.sign_in("erik")
    yield person
    context.close()
    assert person.complaints == []


def rank_once(visitor: Visitor) -> None:
    visitor.sign_in("alice", at="/p/turtles/rank/")
    page = visitor.page
    page.keyboard.type("c a = b d")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_be_visible()


def test_an_export_is_ordered_written_downloaded_and_loaded_elsewhere(
    visitor: Visitor, erik: Visitor, worker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank_once(visitor)
    page = erik.page
    page.goto(erik.site.address + PAGE)
    page.get_by_label("TRL preference, explicit prompt").check()
    page.get_by_role("button", name="Export").click()
    # Nobody touches the page: it says by itself that the export is there.
    expect(page.locator(".export .tag")).to_have_text("ready", timeout=60_000)
    erik.shoot("exports-ready")
    files = {name: take(page, name, tmp_path) for name in ("train.jsonl", "eval.jsonl", "manifest.json")}
    facts = json.loads(files["manifest.json"].read_text())
    for name, digest in facts["files"].items():
        if name in files:
            assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest
    loaded = load(files, facts, tmp_path, monkeypatch)
    # c over a, b and d; a and b over d. Which split it is, the prompt's text decides.
    assert sum(len(rows) for rows in loaded.values()) == 5


def take(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as coming:
        page.get_by_role("link", name=name).click()
    assert coming.value.suggested_filename.endswith(name)
    coming.value.save_as(folder / name)
    return folder / name


def load(files: dict[str, Path], facts: dict[str, Any], cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "cache")
    named = {split: str(files[f"{split}.jsonl"]) for split, rows in facts["counts"].items() if rows}
    return datasets.load_dataset("json", data_files=named, features=datasets.Features.from_dict(facts["features"]))


def test_the_page_fits_a_phone_and_says_that_nobody_works(chromium: Browser, site: Site) -> None:
    context, person = visit(chromium, site, phone=True, dark=True)
    # A worker of another test is remembered for a while.
    with sqlite3.connect(site.database) as database:
        database.execute("DELETE FROM rounds_beat")
    person.sign_in("erik", at=PAGE)
    page = person.page
    expect(page.get_by_text("No worker is running, so exports wait")).to_be_visible()
    page.get_by_label("SFT messages").check()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    person.shoot("exports-waiting-dark-phone")
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_text("before it was written").first).to_be_visible()
    context.close()
    assert person.complaints == []
