"""The invariants watch over exports too: one that is forgotten, held by nobody, or without its files is found."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now

from accounts.models import JournalEntry, Project
from exchange.models import Export
from exchange.services import exports
from tests.exchange.written import written
from tutelage.invariants import check_invariants, offences

LONG_AGO = Now() - timedelta(minutes=10)


def broken() -> set[str]:
    return {name for name, holds in check_invariants().items() if not holds}


def test_what_waits_for_less_than_a_minute_and_what_is_ready_break_nothing(project: Project) -> None:
    written(project)
    exports.order(by=None, project=project, format="sft")
    assert broken() == set()


def test_an_export_that_was_forgotten_is_found(project: Project) -> None:
    export = exports.order(by=None, project=project, format="sft")
    Export.objects.update(created_at=LONG_AGO)
    JournalEntry.objects.update(at=LONG_AGO)
    assert offences()["I8"] == [("export", export.pk, "sft")]


def test_a_lease_that_ran_out_long_ago_is_found(project: Project) -> None:
    export = exports.order(by=None, project=project, format="sft")
    exports.claim(export_id=export.pk, owner="dead", seconds=-600)
    assert offences()["I9"] == [("export", export.pk, "dead")]


def test_a_ready_export_without_its_files_is_found(project: Project, store: Path) -> None:
    export = written(project)
    shutil.rmtree(store / export.path)
    assert offences()["I12"] == [(export.path, "missing")]
