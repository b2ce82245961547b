"""What is brought comes into view at once or never, whatever dies meanwhile, and nothing comes twice."""

import io
import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations import records
from annotations.models import (
    Assignment,
    Completion,
    Demonstration,
    ImportedItem,
    ImportedSet,
    Placement,
    Policy,
    Prompt,
    Ranking,
    Slate,
    SlateCompletion,
)
from annotations.services import imports as sets
from exchange import tasks
from exchange.memory import PAGES_KB
from exchange.models import Format, Import, ImportState
from exchange.services import importing, imports
from exchange.services.imports import ImportDeclined
from tests import make
from tests.exchange.written import rows, written
from tests.rounds import loop
from tutelage.celery import app

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = (Prompt, Slate, SlateCompletion, Completion, Ranking, Placement, Demonstration, Assignment)


@pytest.fixture(autouse=True)
def worker() -> Iterator[None]:
    """Messages are worked on at once, as an idle worker would."""
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


def bring(project: Project, given: list[dict[str, Any]], by: User | None = None, **how: Any) -> Import:
    """A file that a worker has read."""
    content = "".join(json.dumps(row) + "\n" for row in given).encode()
    row = imports.bring(by=by, project=project, name="friends", file="a.jsonl", content=io.BytesIO(content), **how)
    tasks.tick()
    return again(row)


def brought(project: Project, given: list[dict[str, Any]], **how: Any) -> Import:
    """A file whose rows are all in."""
    row = bring(project, given, **how)
    imports.write(by=None, project=project, import_id=row.public_id, without_bad=True)
    tasks.tick()
    return again(row)


def again(row: Import) -> Import:
    return Import.objects.get(pk=row.pk)


def pairs(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Why {n}?", "chosen": f"Because {n}.", "rejected": f"No {n}."} for n in range(count)]


def seen(project: Project) -> int:
    """Rankings that snapshots and exports read."""
    return records.current_rankings(project).count()


def test_a_file_is_read_before_a_row_is_written(project: Project, olga: User) -> None:
    row = bring(project, [*pairs(3), {"prompt": "Bad"}], by=olga)
    assert (row.state, row.report["bad"], row.report["counts"]["rankings"]) == (ImportState.READY, 1, 3)
    assert row.report["errors"][0][0] == 4
    assert not any(model.objects.exists() for model in TABLES)
    with pytest.raises(ImportDeclined, match="leave them out"):
        imports.write(by=olga, project=project, import_id=row.public_id, without_bad=False)
    imports.write(by=olga, project=project, import_id=row.public_id, without_bad=True)
    tasks.tick()
    assert (again(row).state, seen(project)) == (ImportState.DONE, 3)
    verbs = JournalEntry.objects.filter(subject="import").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["bring", "move", "write", "move"]


def test_until_the_last_row_is_there_nobody_sees_one(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "ROWS", 6)
    looks: list[tuple[int, int]] = []
    add = sets.add

    def watched(*args: Any, **how: Any) -> dict[str, int]:
        done = add(*args, **how)
        looks.append((seen(project), records.asked_prompts(project).count()))
        return done

    monkeypatch.setattr(sets, "add", watched)
    brought(project, pairs(5))
    assert looks == [(0, 0)] * 3
    assert (seen(project), records.asked_prompts(project).count()) == (5, 5)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite's pages")
def test_a_batch_is_written_from_more_pages_than_a_connection_holds_otherwise(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, looks, add = pages(), list[int](), sets.add
    monkeypatch.setattr(sets, "add", lambda *args, **how: looks.append(pages()) or add(*args, **how))
    brought(project, pairs(1))
    assert (looks, pages()) == ([-PAGES_KB], before)


def pages() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        return int(cursor.fetchone()[0])


class Killed(BaseException):
    """As if the worker's process had died."""


@pytest.mark.parametrize("seed", range(10))
def test_a_worker_that_dies_anywhere_leaves_all_or_nothing_and_the_next_one_ends_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(sets, "ROWS", 6)
    row = bring(project, pairs(9))
    imports.write(by=None, project=project, import_id=row.public_id, without_bad=False)
    chance = random.Random(seed)
    while again(row).state != ImportState.DONE:
        with monkeypatch.context() as dying:
            die_at(dying, chance.randrange(1, 60))
            try:
                importing.work(import_id=row.pk, owner="worker")
            except Killed:
                Import.objects.filter(pk=row.pk).update(lease_until=Now())
        assert seen(project) in (0, 9)
        assert (seen(project) == 9) == (again(row).state == ImportState.DONE)
    assert Ranking.objects.count() == Slate.objects.count() == 9


def die_at(patch: pytest.MonkeyPatch, queries: int) -> None:
    """Break off at the n-th statement from now on; its transaction is rolled back, as a death would leave it."""
    sent = itertools.count()
    execute: Callable[..., Any] = CursorWrapper._execute_with_wrappers

    def counted(self: Any, *args: Any, **how: Any) -> Any:
        if next(sent) == queries:
            raise Killed
        return execute(self, *args, **how)

    patch.setattr(CursorWrapper, "_execute_with_wrappers", counted)


def test_the_same_file_again_adds_nothing(project: Project) -> None:
    brought(project, pairs(3))
    second = brought(project, [*pairs(3), {"prompt": "New?", "chosen": "yes", "rejected": "no"}])
    assert second.counts["items"] == 1
    assert (seen(project), Prompt.objects.count()) == (4, 4)


def test_a_prompt_that_is_there_comes_again_only_with_what_was_said_of_it(project: Project) -> None:
    assert brought(project, [{"prompt": "Why 0?"}, {"prompt": "Why 1?"}]).counts["items"] == 2
    assert not ImportedItem.objects.exists()
    again = brought(project, [{"prompt": "Why 1?", "tags": ["late"]}, {"prompt": "Why 2?"}])
    assert (again.counts["items"], again.counts["prompts"]) == (1, 1)
    judged = brought(project, pairs(4))
    assert (judged.counts["items"], judged.counts["prompts"], judged.counts["rankings"]) == (4, 1, 4)
    assert not Prompt.objects.exclude(tags=[]).exists()


def test_one_that_was_dropped_leaves_no_row_and_no_file(project: Project, store: Path) -> None:
    before = [model.objects.count() for model in TABLES]
    row = bring(project, pairs(3))
    imports.write(by=None, project=project, import_id=row.public_id, without_bad=False)
    imported = sets.begin(by=None, project=project, name=row.name)
    Import.objects.filter(pk=row.pk).update(imported=imported)
    sets.add(imported, [importing.Brought(messages=[{"role": "user", "content": "a"}], texts=["b", "c"])])
    imports.drop(by=None, project=project, import_id=row.public_id)
    tasks.tick()
    assert [model.objects.count() for model in TABLES] == before
    assert not ImportedSet.objects.exists()
    assert not (store / row.place).exists()


def test_what_is_seen_is_not_dropped(project: Project) -> None:
    row = brought(project, pairs(1))
    with pytest.raises(ImportDeclined, match="already stays"):
        imports.drop(by=None, project=project, import_id=row.public_id)
    assert seen(project) == 1


def test_answers_that_nobody_judged_are_lent_here(project: Project, alice: User) -> None:
    fields = {"messages": [{"role": "user", "content": "Why?"}], "texts": ["So.", "No."]}
    sets.bring_in(by=None, project=project, name="others", items=[importing.Brought(**fields)])
    lent = make.lent(alice, project)
    assert lent.slate is not None
    assert {completion.text for completion in lent.slate.completions.all()} == {"So.", "No."}


def test_prompts_wait_for_demonstrations_once_they_are_seen(project: Project, alice: User) -> None:
    Project.objects.update(demonstrations_wanted=1, eval_share=0)
    project.refresh_from_db()
    brought(project, [{"text": "Why?"}])
    assert make.lent(alice, project, kind="demonstrate").prompt.messages[0]["content"] == "Why?"


def test_a_prompt_that_is_not_to_be_asked_is_learned_from_only(project: Project) -> None:
    brought(project, pairs(2), asked=False)
    assert (seen(project), records.asked_prompts(project).count()) == (2, 0)


@pytest.mark.parametrize(
    "format",
    [Format.PREFERENCE, Format.IMPLICIT, Format.OPENAI_PREFERENCE, Format.HH, Format.RANKINGS],
)
def test_what_leaves_comes_back_equal(project: Project, alice: User, format: str) -> None:
    make.make_ranking(alice, make.make_slate(project, ["a", "b", "c"]), [[2], [0, 1]])
    make.make_ranking(alice, make.make_slate(project, ["d", "e"]), [[1], [0]])
    gone = rows(written(project, format))
    other = make.make_project("tortoises", eval_share=0)
    row = brought(other, gone)
    assert (row.failure, row.report["bad"]) == ("", 0)
    assert [told(each) for each in rows(written(other, format))] == [told(each) for each in gone]


@pytest.mark.parametrize("format", [Format.SFT, Format.OPENAI_SFT, Format.DEMONSTRATIONS, Format.PROMPTS])
def test_conversations_come_back_equal(project: Project, alice: User, format: str) -> None:
    loop.demonstrate(alice, project)
    gone = rows(written(project, format))
    other = make.make_project("tortoises", eval_share=0)
    brought(other, gone)
    assert [told(each) for each in rows(written(other, format))] == [told(each) for each in gone]


OURS = {"id", "labeler", "ranking", "slate", "prompt_id", "revision", "created_at", "making", "guideline", "weight"}
OURS |= {"policy", "policy_name", "tokens", "shown", "index", "cut"}


def told(row: Any) -> Any:
    """What a row says, without the names of rows and people here."""
    if isinstance(row, dict):
        return {name: told(value) for name, value in row.items() if name not in OURS}
    return [told(value) for value in row] if isinstance(row, list) else row


def test_only_operators_bring_files(project: Project, alice: User, mallory: User) -> None:
    for person in (alice, mallory):
        with pytest.raises(NotAllowed):
            bring(project, pairs(1), by=person)
    assert not Import.objects.exists()


def test_a_file_that_is_no_format_stops_with_a_reason_and_may_be_read_as_another(project: Project) -> None:
    row = bring(project, [{"Frage": "Why?"}])
    assert "no format" in row.failure
    imports.read_as(by=None, project=project, import_id=row.public_id, columns={"Frage": "text"})
    tasks.tick()
    found = again(row)
    assert (found.state, found.failure, found.report["counts"]) == (ImportState.READY, "", {"prompts": 1})


def test_a_set_without_completions_leaves_no_policy_behind(project: Project) -> None:
    brought(project, [{"question": "Why?", "answer": "So."}])
    assert not Policy.objects.exists()
