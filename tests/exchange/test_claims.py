"""The row is the order: messages may be lost or repeated, workers may die, and each export is written once."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from annotations import records
from exchange import tasks
from exchange.models import Export, ExportState
from exchange.services import exports, sweeping, writing
from rounds.store import StoreFull
from tests import make
from tests.exchange.written import again, rows, written
from tests.rounds.loop import at_once
from tutelage.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def worker() -> Iterator[None]:
    """Messages are worked on at once, as an idle worker would."""
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def export(project: Project, alice: User) -> Export:
    make.make_ranking(alice, make.make_slate(project))
    return exports.order(by=None, project=project, format="rankings")


def test_the_tick_writes_what_waits_and_a_second_one_does_nothing(export: Export, store: Path) -> None:
    tasks.tick()
    first = again(export)
    tasks.tick()
    tasks.write(export.pk)
    assert first.state == ExportState.READY
    assert (again(export).digest, again(export).fence) == (first.digest, 1)
    assert [path.name for path in (store / "exports").iterdir()] == [Path(first.path).name]


def test_workers_that_come_at_once_write_one_directory(export: Export, store: Path) -> None:
    owners = iter(["one", "two", "three", "four"])
    at_once(lambda: writing.write(export_id=export.pk, owner=next(owners)))
    assert again(export).state == ExportState.READY
    assert len(list((store / "exports").iterdir())) == 1
    assert JournalEntry.objects.filter(subject="export", verb="export").count() == 1


def test_two_people_who_order_at_once_get_one_export(project: Project) -> None:
    at_once(lambda: exports.order(by=None, project=project, format="sft"))
    assert Export.objects.count() == 1


def test_a_dead_workers_export_is_written_by_the_next_in_a_directory_of_its_own(export: Export, store: Path) -> None:
    assert exports.claim(export_id=export.pk, owner="dead", seconds=60) == 1
    left = store / f"{export.place(1)}.partial"
    left.mkdir(parents=True)
    (left / "train.jsonl").write_text("half a li")
    tasks.tick()
    assert again(export).state == ExportState.WAITING
    Export.objects.update(lease_until=Now() - timedelta(seconds=1))
    tasks.tick()
    done = again(export)
    assert (done.state, done.fence, done.path) == (ExportState.READY, 2, export.place(2))
    assert not left.exists()
    assert len(rows(done)) == 1


def test_a_late_worker_names_nothing(export: Export) -> None:
    fence = exports.claim(export_id=export.pk, owner="late", seconds=-1)
    assert fence == 1
    tasks.tick()
    with pytest.raises(exports.ExportMoved):
        exports.finish(export_id=export.pk, fence=fence, path="exports/late", digest="0" * 64, facts={})
    assert again(export).path == export.place(2)


def test_three_dead_workers_stop_it_with_a_reason_and_a_retry_goes_on(project: Project, export: Export) -> None:
    for _times in range(3):
        exports.claim(export_id=export.pk, owner="dead", seconds=-1)
    tasks.tick()
    stopped = again(export)
    assert (stopped.state, stopped.failure_kind) == (ExportState.WAITING, "crashed")
    tasks.tick()
    assert again(export).state == ExportState.WAITING
    exports.retry(by=None, project=project, export_id=export.public_id)
    tasks.tick()
    assert again(export).state == ExportState.READY


def test_a_full_disk_stops_it_and_leaves_nothing(
    export: Export, store: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=0))
    tasks.tick()
    assert again(export).failure_kind == "no_space"
    assert not list((store / "exports").glob("*"))
    monkeypatch.undo()
    exports.retry(by=None, project=project, export_id=export.public_id)
    tasks.tick()
    assert again(export).state == ExportState.READY


@pytest.mark.parametrize("error", [StoreFull("full"), SoftTimeLimitExceeded()])
def test_a_write_that_breaks_off_says_why(export: Export, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_asked: Any) -> Iterator[Any]:
        raise error
        yield

    monkeypatch.setattr(records, "rankings_of", broken)
    tasks.tick()
    stopped = again(export)
    assert stopped.failure
    assert stopped.lease_until is None


def test_deleted_while_it_is_written_it_leaves_no_directory(
    project: Project, export: Export, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = exports.finish

    def late(**values: Any) -> None:
        exports.delete(by=None, project=project, export_id=export.public_id)
        finish(**values)

    monkeypatch.setattr(exports, "finish", late)
    tasks.tick()
    assert again(export).state == ExportState.DELETED
    assert list((store / "exports").iterdir()) == []


def test_what_a_deleted_export_left_is_swept(project: Project, store: Path) -> None:
    export = written(project)
    exports.delete(by=None, project=project, export_id=export.public_id)
    (store / export.path).mkdir(parents=True)
    sweeping.sweep(now=timezone.now())
    assert not (store / export.path).exists()


def test_an_export_reads_one_moment_while_people_go_on(
    project: Project, alice: User, bob: User, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody ranks after the snapshot was taken, on a connection of their own: it is in the next export."""
    slate = make.make_slate(project)
    read = records.rankings_of

    def slowly(*asked: Any) -> Iterator[Any]:
        said = at_once(lambda: make.make_ranking(bob, slate), times=1)
        assert not isinstance(said[0], Exception), said
        yield from read(*asked)

    monkeypatch.setattr(records, "rankings_of", slowly)
    writing.write(export_id=export.pk, owner="worker")
    assert len(rows(again(export))) == 1
    monkeypatch.undo()
    assert not connection.in_atomic_block
    assert len(rows(written(project))) == 2
