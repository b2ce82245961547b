"""What leaves loads elsewhere: with the `datasets` library, offline, with the same columns whatever was said."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Project, User
from annotations.choices import Split
from annotations.services.rankings import submit_ranking
from exchange.formats import FOLDER, SHAPES, Kind, kind_of
from exchange.models import Export, Format
from tests import make
from tests.exchange.written import rows, written
from tests.rounds.loop import demonstrate


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The `datasets` library, with no way to a network and a cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return datasets


def load(library: Any, export: Export) -> Any:
    """As docs/exports.md says it."""
    folder = settings.STORE / export.path
    facts = json.loads((folder / "manifest.json").read_text())
    files = {split: str(folder / f"{split}.jsonl") for split, rows in facts["counts"].items() if rows}
    return library.load_dataset("json", data_files=files, features=library.Features.from_dict(facts["features"]))


def say_everything(project: Project, by: User, split: Split) -> None:
    """A ranking that leaves nothing out."""
    slate = make.make_slate(project, ["yes", "no"], split=split)
    assignment = make.lent(by, project)
    [yes, no] = [completion.public_id for completion in slate.completions.order_by("members__position")]
    submit_ranking(
        by=by,
        assignment_id=assignment.public_id,
        tiers=[[yes], [no]],
        cut=1,
        note='龟 🐢 \u2028 "quoted"',
        strength=-2,
        ratings={yes: 7},
        flags={no: ["false"]},
        making={"input": "keys", "seconds": {"a": 1.5}},
        key=uuid.uuid4(),
    )


@pytest.mark.parametrize("split", [Split.TRAIN, Split.EVAL])
@pytest.mark.parametrize("format", [Format.RANKINGS, Format.PREFERENCE])
@pytest.mark.parametrize("full", [True, False])
def test_rankings_load_with_the_same_columns_whatever_was_left_out(
    project: Project, alice: User, library: Any, format: str, split: Split, full: bool
) -> None:
    if full:
        say_everything(project, alice, split)
    else:
        make.make_ranking(alice, make.make_slate(project, k=2, split=split))
    loaded = load(library, written(project, format))
    assert {name: len(rows) for name, rows in loaded.items()} == {split: 1}
    assert loaded[split].features.to_dict() == SHAPES[format].columns


def test_demonstrations_load_as_conversations(project: Project, alice: User, library: Any) -> None:
    demonstrate(alice, project)
    loaded = load(library, written(project, Format.SFT))
    assert [turn["role"] for turn in loaded["train"][0]["messages"]] == ["user", "assistant"]
    assert loaded["train"].features.to_dict() == SHAPES[Format.SFT].columns


@pytest.mark.parametrize("format", [Format.RANKINGS, Format.PREFERENCE])
def test_both_splits_have_the_same_columns(project: Project, alice: User, library: Any, format: str) -> None:
    say_everything(project, alice, Split.EVAL)
    make.make_ranking(alice, make.make_slate(project, k=2))
    loaded = load(library, written(project, format))
    assert loaded["train"].features == loaded["eval"].features


PLAIN = [format for format in Format.values if kind_of(format) == Kind.JSON_LINES and format != Format.TREES]


@pytest.mark.parametrize("format", PLAIN)
def test_the_folder_loads_by_its_own_card(project: Project, alice: User, library: Any, format: str) -> None:
    demonstrate(alice, project)
    say_everything(project, alice, Split.TRAIN)
    folder = settings.STORE / written(project, format).path
    loaded = library.load_dataset(str(folder))
    assert set(loaded) == {"train"}
    assert loaded["train"].features.to_dict() == SHAPES[format].columns


def test_trees_load_whole(project: Project, alice: User, library: Any) -> None:
    demonstrate(alice, project)
    say_everything(project, alice, Split.TRAIN)
    export = written(project, Format.TREES)
    for loaded in (
        library.load_dataset(str(settings.STORE / export.path)),
        library.load_dataset("json", data_files=str(settings.STORE / export.path / "train.jsonl")),
    ):
        found = {tree["prompt"]["text"]: tree["prompt"]["replies"] for tree in loaded["train"]}
        for tree in rows(export):
            replies = tree["prompt"]["replies"]
            assert [reply["text"] for reply in found[tree["prompt"]["text"]]] == [reply["text"] for reply in replies]


def test_a_table_loads_as_csv(project: Project, alice: User, library: Any) -> None:
    say_everything(project, alice, Split.TRAIN)
    export = written(project, Format.TABLE)
    for loaded in (
        library.load_dataset(str(settings.STORE / export.path)),
        library.load_dataset("csv", data_files=str(settings.STORE / export.path / "train.csv")),
    ):
        assert [(row["completion"], row["tier"]) for row in loaded["train"]] == [("yes", 1), ("no", 2)]


@pytest.mark.parametrize("part", FOLDER)
def test_each_table_of_a_hugging_face_folder_loads_by_its_name(
    project: Project, alice: User, library: Any, part: str
) -> None:
    demonstrate(alice, project)
    say_everything(project, alice, Split.TRAIN)
    folder = settings.STORE / written(project, Format.FOLDER).path
    loaded = library.load_dataset(str(folder), part)
    plain = load(library, written(project, part))
    assert loaded["train"].to_list() == plain["train"].to_list()
    assert loaded["train"].features == plain["train"].features


def test_a_note_comes_back_as_it_was_written(project: Project, alice: User, library: Any) -> None:
    say_everything(project, alice, Split.TRAIN)
    [row] = load(library, written(project))["train"]
    assert row["note"] == '龟 🐢 \u2028 "quoted"'
    assert json.loads(row["making"]) == {"input": "keys", "seconds": {"a": 1.5}}
    assert (row["cut"], row["strength"]) == (1, -2)


def test_the_preference_file_has_the_names_that_trl_expects(project: Project, alice: User, library: Any) -> None:
    make.make_ranking(alice, make.make_slate(project, ["best", "good", "bad"]), [[0], [1], [2]])
    loaded = load(library, written(project, Format.PREFERENCE))["train"]
    assert {"prompt", "chosen", "rejected", "margin"} <= set(loaded.column_names)
    for row in loaded:
        assert row["prompt"][-1]["role"] == "user"
        assert [turn["role"] for turn in row["chosen"] + row["rejected"]] == ["assistant", "assistant"]
    assert sorted(row["margin"] for row in loaded) == [1.0, 1.0, 2.0]
