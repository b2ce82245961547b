"""The example of the client, from a file of prompts to a loaded data set, while people rank."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from accounts import api_tokens
from accounts.models import Project, Scope, User
from tests.client import live
from tests.test_architecture import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = ROOT / "client/examples/preferences.py"
COUNT = 6


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module; `datasets` has no way to a network and a cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    spec = importlib.util.spec_from_file_location("preferences", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def begin(
    project: Project, olga: User, alice: User, address: str, worker: None, tmp_path: Path, monkeypatch: Any
) -> Callable[[ModuleType], Any]:
    """Run the script as an operator, while a labeler ranks whatever a policy wrote."""
    _token, secret = api_tokens.issue(by=olga, name="example", scopes=[Scope.DATA], days=1)
    monkeypatch.setenv("TUTELAGE_TOKEN", secret)
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"Why {number}?"}) + "\n" for number in range(COUNT)))
    words = [address, "turtles", str(prompts), "--rankings", str(COUNT), "--every", "0.1"]
    words += ["--out", str(tmp_path / "pairs")]

    def run(example: ModuleType) -> Any:
        with live.again_and_again(lambda: live.rank_everything(project, alice)):
            return example.main(words)

    return run


def test_prompts_become_pairs_that_datasets_loads(begin: Callable[[ModuleType], Any], example: ModuleType) -> None:
    data = begin(example)
    rows = [row for split in data.values() for row in split]
    assert {row["prompt"][-1]["content"] for row in rows} == {f"Why {number}?" for number in range(COUNT)}
    better, worse = live.ANSWERS
    assert {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows} == {(better, worse)}
    assert {split: len(rows) for split, rows in begin(example).items()} == {s: len(each) for s, each in data.items()}
