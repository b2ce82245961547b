"""The command line brings in and takes out what the pages do, all or nothing, and tells programs in JSON."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import JournalEntry, Project, User
from annotations import records
from annotations.models import Prompt
from exchange.models import Export, Format, Import, ImportState
from tests import make
from tests.exchange.written import rows, written

PAIRS = [{"prompt": f"Why {n}?", "chosen": f"Because {n}.", "rejected": f"No {n}."} for n in range(3)]


def told(command: str, *words: Any, **options: Any) -> Any:
    out = StringIO()
    call_command(command, *map(str, words), project="turtles", json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def lines(path: Path, *given: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return path


def test_a_file_comes_in_from_the_command_line_and_twice_adds_nothing(project: Project, tmp_path: Path) -> None:
    file = lines(tmp_path / "friends.jsonl", *PAIRS)
    found = told("import_data", file)
    assert (found["format"], found["added"]["rankings"], found["bad"]) == ("preference", 3, 0)
    assert records.current_rankings(project).count() == 3
    assert Import.objects.get(public_id=found["import"]).name == "friends"
    told("import_data", file)
    assert records.current_rankings(project).count() == 3


def test_a_dry_run_tells_what_an_import_would_find_and_keeps_nothing(project: Project, tmp_path: Path) -> None:
    found = told("import_data", lines(tmp_path / "a.jsonl", *PAIRS), dry_run=True)
    assert (found["counts"], found["import"]) == ({"prompts": 3, "rankings": 3}, None)
    assert [item["messages"][0]["content"] for item in found["preview"]] == ["Why 0?", "Why 1?", "Why 2?"]
    assert not Import.objects.exists()
    assert not Prompt.objects.exists()


def test_bad_lines_are_named_and_nothing_comes_in_unless_they_are_left_out(project: Project, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", *PAIRS, {"prompt": "Bad"})
    out = StringIO()
    with pytest.raises(CommandError, match="without-bad"):
        call_command("import_data", str(file), project="turtles", stdout=out)
    assert "Line 4: is not of the format" in out.getvalue()
    assert (Import.objects.get().state, Prompt.objects.count()) == (ImportState.DROPPED, 0)
    assert told("import_data", file, without_bad=True)["added"]["rankings"] == 3


def test_columns_have_the_meaning_that_one_says(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    with file.open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([["Frage", "gut", "schlecht"], ["Why?", "So.", "No."]])
    columns = ["Frage=prompt", "gut=chosen", "schlecht=rejected"]
    assert told("import_data", file, column=columns)["added"]["rankings"] == 1
    with pytest.raises(CommandError, match="COLUMN=NAME"):
        told("import_data", file, column=["Frage=colour"])


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", b'{"colour": "red"}\n'])
def test_what_is_no_file_of_rows_is_refused_in_a_sentence(project: Project, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    for dry_run in (False, True):
        with pytest.raises(CommandError):
            told("import_data", file, dry_run=dry_run)
    with pytest.raises(CommandError):
        told("import_data", tmp_path / "nowhere.jsonl")
    assert not Prompt.objects.exists()
    assert not Import.objects.exclude(state=ImportState.DROPPED).exists()


def test_an_export_lies_where_one_said_with_its_digests_and_in_the_journal(
    project: Project, alice: User, tmp_path: Path
) -> None:
    make.make_ranking(alice, make.make_slate(project, ["a", "b", "c"]), [[2], [1], [0]])
    place = tmp_path / "out"
    found = told("export_data", "preference", to=place, pairs="ends")
    [row] = [json.loads(line) for line in (place / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (row["chosen"][0]["content"], row["margin"]) == ("c", 2.0)
    assert found["options"] == {"pairs": "ends"}
    assert found["digest"] == written(project, "preference", pairs="ends").digest
    taken = JournalEntry.objects.filter(subject="export", verb="download")
    assert taken.count() == len(found["files"])
    with pytest.raises(CommandError, match="is there already"):
        told("export_data", "preference", to=place)


def test_without_options_an_export_holds_everything(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project, k=2))
    found = told("export_data", Format.RANKINGS)
    export = Export.objects.get(public_id=found["export"])
    assert (export.options, len(rows(export))) == ({}, 1)


def test_options_of_no_sense_are_refused_in_a_sentence(project: Project) -> None:
    for options in ({"since": "yesterday"}, {"round": 7}, {"agreement": 2.0}):
        with pytest.raises(CommandError):
            told("export_data", "rankings", **options)
    with pytest.raises(CommandError, match="no project"):
        call_command("export_data", "rankings", project="nobody")
    assert not Export.objects.exists()
