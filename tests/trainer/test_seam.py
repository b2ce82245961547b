"""docs/seam.md is true: its examples are read by the code, and the tables name what the code knows."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer import cli, manifest
from trainer.records import (
    Completion,
    Demonstration,
    Ranking,
    read_demonstrations,
    read_prompts,
    read_rankings,
    read_safety,
)

PAGE = (Path(__file__).parents[2] / "docs" / "seam.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)


def example(key: str) -> str:
    found: list[str] = [text for text in EXAMPLES if key in text]
    assert len(found) == 1
    return found[0] + "\n"


def example_of(name: str) -> Any:
    """The first example under the paragraph that begins with this file's name."""
    return json.loads(PAGE.partition(f"\n{name}")[2].partition("```json\n")[2].partition("\n```")[0])


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}")[2].partition("\n## ")[0]


def test_the_example_of_a_ranking_is_one(tmp_path: Path) -> None:
    (tmp_path / "rankings.jsonl").write_text(example('"completions"'), encoding="utf-8")
    (ranking,) = read_rankings(tmp_path)
    assert ranking.prompt.messages[0].content == "Where do green sea turtles lay their eggs?"
    assert [completion.tier for completion in ranking.completions] == [1, 2]
    assert ranking.cut == 1


def test_the_example_of_a_demonstration_is_one(tmp_path: Path) -> None:
    (tmp_path / "demonstrations.jsonl").write_text(example('"d-12"'), encoding="utf-8")
    (demonstration,) = read_demonstrations(tmp_path)
    assert demonstration.messages[-1].content == "On the beach where they hatched."


def test_the_example_of_a_prompt_is_one(tmp_path: Path) -> None:
    line = json.dumps(example_of("`datasets/…/prompts.jsonl`"))
    (tmp_path / "prompts.jsonl").write_text(line + "\n", encoding="utf-8")
    assert read_prompts(tmp_path / "prompts.jsonl")[0].split == "eval"


def test_the_example_of_a_safety_prompt_is_one(tmp_path: Path) -> None:
    line = json.dumps(example_of("`datasets/…/safety.jsonl`"))
    (tmp_path / "safety.jsonl").write_text(line + "\n", encoding="utf-8")
    (asked,) = read_safety(tmp_path)
    assert (asked.prompt.id, asked.unsafe) == ("s-4", False)


def test_a_dataset_without_safety_prompts_is_one_that_has_none(tmp_path: Path) -> None:
    assert read_safety(tmp_path) == []


def test_every_example_is_json() -> None:
    assert len(EXAMPLES) >= 18
    for text in EXAMPLES:
        json.loads(text)


def test_the_examples_of_artifacts_have_the_fields_that_stages_write(
    policy: Path, write_dataset: Callable[..., Path], ranking_row: Callable[..., Any], tmp_path: Path
) -> None:
    rankings = [ranking_row(number, ["Yes.", "No."], [1, 2], "eval" if number % 2 else "train") for number in range(4)]
    dataset = write_dataset(tmp_path / "dataset", rankings=rankings)
    given = ["--dataset", str(dataset), "--preset", "tiny", "--seed", "1", "--init", str(policy)]
    assert cli.main(["reward", *given, "--out", str(tmp_path / "reward")]) == 0
    written = manifest.read(tmp_path / "reward", kind="reward_model")
    assert written.keys() == example_of("`artifacts/…/manifest.json`").keys()
    assert written["versions"].keys() == example_of("`artifacts/…/manifest.json`")["versions"].keys()
    assert json.loads((dataset / "manifest.json").read_text()).keys() == example_of("`datasets/…/manifest").keys()
    report = json.loads((tmp_path / "reward" / "report.json").read_text())
    assert report.keys() == example_of("`report.json` of a reward model\n").keys()
    assert report["accuracy"].keys() == example_of("`report.json` of a reward model\n")["accuracy"].keys()
    line = json.loads((tmp_path / "reward" / "metrics.jsonl").read_text().splitlines()[0])
    assert line.keys() == example_of("one of `reward`").keys()


@pytest.mark.parametrize("record", [Ranking, Demonstration, Completion])
def test_every_field_of_a_record_is_on_the_page(record: type) -> None:
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        assert f"`{field.name}`" in section("Dataset") or f'"{field.name}"' in section("Dataset")


def test_the_page_lists_the_stages_and_the_format_of_the_code() -> None:
    commands = set(re.findall(r"^python -m trainer (\w+)", PAGE, re.MULTILINE))
    assert commands == set(cli.STAGES)
    assert f"`format` is {manifest.FORMAT}." in PAGE


def test_the_page_lists_the_working_files_of_the_code() -> None:
    table = section("A stage's own files while it works")
    assert all(f"| `{name}` |" in table for name in ("metrics.jsonl", "heartbeat", "failure.json"))
    assert {"heartbeat", "checkpoint"} <= manifest.WORKING
