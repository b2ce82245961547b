"""Who watches a round sees all of it as it happens, over a cut line, in several tabs, and looks back in its samples."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from rounds.child import out_of
from rounds.models import Stage
from tests.browser.conftest import Site, Visitor, visit
from tests.browser.line import Line, line_to
from tests.rounds import signs

SEED = "tests.browser.live_seed"
ROUND = "/p/turtles/rounds/1/"


class Trainer:
    """What a trainer does to the directory of its stage, and others to the rows, while somebody watches."""

    def __init__(self, site: Site) -> None:
        self.site = site
        [(public_id,)] = self.asked("SELECT public_id FROM rounds_stage WHERE kind = 'ppo'")
        self.stage = Stage(kind="ppo", public_id=uuid.UUID(public_id))

    def asked(self, statement: str, *values: object) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.site.database, timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()

    def measures(self, first: int, last: int, **figures: float) -> None:
        rows = signs.ppo_rows(last - first + 1, of=200, first=first)
        signs.measure(self.stage, [row | {"objective/entropy": 5.0} | figures for row in rows])

    def prints(self, text: str) -> None:
        out_of(self.stage).with_suffix(".log").write_text(text, encoding="utf-8")

    def writes(self, texts: dict[int, str]) -> None:
        row = {"prompt": str(uuid.uuid4()), "finished": True, "tokens": 4, "reward": 0.5}
        signs.write_sample(self.stage, [row | {"step": step, "text": text} for step, text in texts.items()])


@pytest.fixture(scope="module")
def trainer(site: Site, own_store: None) -> Trainer:
    trainer = Trainer(site)
    trainer.measures(1, 20)
    trainer.prints("step 20\n")
    trainer.writes({0: "At first this", 10: "Then that"})
    return trainer


@pytest.fixture(scope="module")
def own_store(site: Site) -> Iterator[None]:
    """The store of the site, also for what the test writes as a trainer would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "STORE", site.database.parent / "store")
        yield


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    with line_to(int(site.address.rpartition(":")[2])) as line:
        yield line


@pytest.fixture(params=["desktop", "phone"])
def olga(chromium: Browser, site: Site, request: pytest.FixtureRequest, trainer: Trainer) -> Iterator[Visitor]:
    context, visitor = visit(chromium, site, phone=request.param == "phone")
    visitor.sign_in("olga", at=ROUND)
    yield visitor
    context.close()
    assert visitor.complaints == []


def points(page: Page, metric: str = "objective/kl") -> int:
    """How many points the curve has, once each lies behind the one before, a step away."""
    drawn = page.locator(f'.plot[data-metric="{metric}"] .curve').get_attribute("points") or ""
    steps = [float(point.split(",")[0]) for point in drawn.split()]
    gaps = [round(right - left, 1) for left, right in pairwise(steps)]
    assert all(1.0 <= gap <= 1.8 for gap in gaps), gaps
    return len(steps)


def shows(page: Page, count: int) -> None:
    last = page.locator(f'.plot[data-metric="objective/kl"][data-step="{count}"]')
    last.wait_for(timeout=30_000)
    assert points(page) == count


def test_a_curve_has_neither_holes_nor_duplicates_after_the_line_was_cut_in_every_tab(
    chromium: Browser, site: Site, line: Line, trainer: Trainer
) -> None:
    context, visitor = visit(chromium, replace(site, address=line.address))
    visitor.sign_in("olga", at=ROUND)
    other = context.new_page()
    other.goto(line.address + ROUND)
    tabs = (visitor.page, other)
    first = points(visitor.page)
    trainer.measures(first + 1, first + 5)
    for tab in tabs:
        shows(tab, first + 5)
    line.cut()
    for tab in tabs:
        expect(tab.locator("[data-sign]")).to_have_text("The connection is lost. Trying again.")
    trainer.measures(first + 6, first + 20)
    line.mend()
    trainer.measures(first + 21, first + 25)
    for tab in tabs:
        shows(tab, first + 25)
        expect(tab.locator("[data-sign]")).to_contain_text("last sign")
    context.close()
    assert [each for each in visitor.complaints if "ERR_" not in each] == []


def test_a_tab_that_nobody_sees_gives_its_connection_back_and_catches_up(olga: Visitor, trainer: Trainer) -> None:
    page = olga.page
    shown = points(page)
    see = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    see += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(see, True)
    trainer.measures(shown + 1, shown + 5)
    page.evaluate(see, False)
    shows(page, shown + 5)


def test_samples_are_looked_at_step_by_step_while_newer_ones_come(olga: Visitor, trainer: Trainer) -> None:
    page = olga.page
    trainer.writes({0: "At first this", 10: "Then that"})
    page.reload()
    expect(page.get_by_text("Then that")).to_be_visible()
    page.get_by_role("link", name="Earlier").click()
    expect(page.get_by_text("At first this")).to_be_visible()
    trainer.writes({0: "At first this", 10: "Then that", 20: "And now more"})
    expect(page.get_by_role("link", name="Newest: step 20")).to_be_visible()
    expect(page.get_by_text("At first this")).to_be_visible()
    page.get_by_role("link", name="Newest: step 20").press("Enter")
    expect(page.get_by_text("And now more")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_log_the_machine_and_who_is_missing_are_told_as_they_change(olga: Visitor, trainer: Trainer) -> None:
    page = olga.page
    trainer.prints("step 20\n\x1b[31mstep <b>21</b>\n")
    expect(page.locator("[data-log]")).to_have_text("step 20\nstep <b>21</b>\n")
    expect(page.locator("#live-machine")).to_contain_text("1.5 of 2")
    trainer.asked("UPDATE rounds_beat SET facts = json_set(facts, '$.load1', 0.7)")
    expect(page.locator("#live-machine")).to_contain_text("0.7 of 2")
    trainer.asked("UPDATE rounds_beat SET at = '2026-01-01' WHERE name = 'supervisor:main'")
    expect(page.get_by_role("heading", name="No supervisor is running")).to_be_visible()
    expect(page.get_by_text("python manage.py supervise")).to_be_visible()
    trainer.asked("UPDATE rounds_beat SET at = '2099-01-01', facts = json_set(facts, '$.load1', 1.5)")
    expect(page.get_by_role("heading", name="No supervisor is running")).to_have_count(0)


def test_what_was_opened_stays_open_when_the_page_is_drawn_anew(olga: Visitor, trainer: Trainer) -> None:
    page = olga.page
    shown = points(page)
    summary = page.get_by_text("More curves")
    summary.press("Enter")
    expect(page.get_by_text("Entropy")).to_be_visible()
    # Far outside of its axis, so the server draws it anew.
    trainer.measures(shown + 1, shown + 1, **{"objective/entropy": 500.0})
    expect(page.locator('.plot[data-metric="objective/entropy"] .last-value')).to_have_text("500")
    expect(page.get_by_text("Entropy")).to_be_visible()
    expect(page.locator("#more-curves-summary")).to_be_focused()


def test_a_reviewer_sees_the_curves_and_no_log(chromium: Browser, site: Site, trainer: Trainer) -> None:
    context, visitor = visit(chromium, site)
    visitor.sign_in("rita", at=ROUND)
    points(visitor.page)
    expect(visitor.page.locator("[data-log]")).to_have_count(0)
    context.close()
    assert visitor.complaints == []


def test_who_is_let_go_loses_the_page_soon_and_the_last_thing_told_is_the_end(
    chromium: Browser, site: Site, trainer: Trainer
) -> None:
    context, visitor = visit(chromium, site)
    visitor.sign_in("rita", at=ROUND)
    trainer.asked(
        "UPDATE accounts_membership SET deactivated_at = '2026-01-01' "
        "WHERE user_id = (SELECT id FROM accounts_user WHERE username = 'rita')"
    )
    expect(visitor.page.locator(".plot")).to_have_count(0, timeout=60_000)
    context.close()
    context, visitor = visit(chromium, site)
    visitor.sign_in("olga", at=ROUND)
    trainer.asked("UPDATE rounds_round SET state = 'cancelled', ended_at = '2026-11-22'")
    expect(visitor.page.get_by_text("cancelled").first).to_be_visible()
    visitor.page.reload()
    expect(visitor.page.locator("[data-events]")).to_have_count(0)
    expect(visitor.page.locator(".plot").first).to_be_visible()
    context.close()
