"""The README.md of an export: what a person reads first, and what tells the `datasets` library each column's type.

Its head is the YAML of a Hugging Face dataset card; its body answers the questions of "Datasheets for Datasets"
(Gebru et al. 2018) as far as the rows can answer them, and says where only a person can.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from exchange import formats
from exchange.models import Format

_WORDS = {
    Format.RANKINGS: "One ranking a line, with everything that was kept about it.",
    Format.DEMONSTRATIONS: "One demonstration a line, with everything that was kept about it.",
    Format.PREFERENCE: "One pair of completions of one ranking a line: TRL's preference type with an explicit prompt.",
    Format.IMPLICIT: "One pair of whole conversations a line: TRL's preference type with an implicit prompt.",
    Format.UNPAIRED: "One completion a line, and whether the person called it acceptable: TRL's unpaired type.",
    Format.PROMPTS: "One prompt that is still asked a line: TRL's prompt-only type.",
    Format.SFT: "One demonstration a line, as a conversation.",
    Format.OPENAI_SFT: "One demonstration a line, as OpenAI's supervised fine-tuning takes it.",
    Format.OPENAI_PREFERENCE: "One pair of completions a line, as OpenAI's preference fine-tuning takes it.",
    Format.HH: "One pair of conversations a line, as the strings of hh-rlhf.",
    Format.TREES: "One prompt a line with all answers and rankings, as Open-Assistant's message trees.",
    Format.FOLDER: "One folder a table, in Parquet: each loads by its name.",
    Format.TABLE: "One completion of one ranking a row, for spreadsheets.",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_CARD = """---
{head}---

# {project}: {contents}

{words} Nothing is ever fitted to prompts of `eval`; a prompt is in one of the two splits only.

`manifest.json` names the sha256 of every file, the options of the export, and the columns (`features`).
Labelers are pseudonyms.

## Datasheet

| Question | Answer |
|---|---|
{answers}
Who may use it and for what, what the labelers were paid and whom they stand for: the project's operators know, the
rows do not.
"""


@dataclass(frozen=True)
class Sheet:
    """What the rows say about themselves."""

    people: int
    guidelines: list[int]
    policies: list[str]
    options: Mapping[str, Any]
    # The share of pairs on which people agree, and over how many slates.
    agreement: tuple[float, int] | None

    def answers(self) -> list[tuple[str, str]]:
        options = ", ".join(f"{name} = {value}" for name, value in self.options.items())
        return [
            ("Who judged or wrote", f"{self.people} people, by pseudonym"),
            ("Under which guidelines", ", ".join(f"version {version}" for version in self.guidelines) or "none"),
            ("Who wrote what was judged", ", ".join(self.policies) or "nobody: there are no completions"),
            ("How far people agree", self._agreed()),
            ("What was left out", f"options: {options}" if options else "nothing but quarantined completions"),
        ]

    def _agreed(self) -> str:
        if self.agreement is None:
            return "not known: no slate has two rankings"
        share, slates = self.agreement
        return f"on {share:.0%} of the pairs of {slates} slates that several people ranked"


def card(contents: str, project: str, rows: Mapping[str, int], sheet: Sheet) -> str:
    """The text of README.md for an export of this format, with so many `rows` in each file."""
    return _CARD.format(
        head=_lines(_head(contents, project, rows)),
        project=project,
        contents=contents,
        words=_WORDS[Format(contents)],
        answers=_lines(f"| {question} | {answer} |" for question, answer in sheet.answers()),
    )


def _head(contents: str, project: str, rows: Mapping[str, int]) -> list[str]:
    size = next((name for most, name in _SIZES if sum(rows.values()) < most), "1M<n<10M")
    told = [f"pretty_name: {project} {contents}", "task_categories:", "- text-generation"]
    told += ["tags:", "- rlhf", "- human-feedback", "- preference", "size_categories:", f"- {size}"]
    if formats.kind_of(contents) != formats.Kind.JSON_LINES:
        return told + _configs(rows)
    columns = formats.SHAPES[contents].columns
    return told + _configs(rows) + (["dataset_info:", "  features:", *_inside(columns, 1)] if columns else [])


def _configs(rows: Mapping[str, int]) -> list[str]:
    """The files that hold rows: the library refuses a split of none, whatever its file says."""
    by_part: dict[str, dict[str, list[str]]] = {}
    for file, count in rows.items():
        if count:
            part = file.rpartition("/")[0] or "default"
            by_part.setdefault(part, {}).setdefault(formats.split_of(file), []).append(file)
    told = [_config(part, splits, place) for place, (part, splits) in enumerate(by_part.items())]
    return ["configs:", *chain.from_iterable(told)] if told else []


def _config(part: str, splits: Mapping[str, list[str]], place: int) -> list[str]:
    told = [f"- config_name: {part}", *(["  default: true"] if place == 0 and part != "default" else [])]
    told.append("  data_files:")
    for split, files in splits.items():
        told += [f"  - split: {split}", "    path:", *(f"    - {file}" for file in files)]
    return told


def _lines(lines: Iterable[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _yaml(name: str, feature: dict[str, Any], depth: int = 1) -> list[str]:
    """One column as the library writes it into a card: its name, then its type or what is inside."""
    pad = "  " * depth
    if feature.get("_type") == "Value":
        return [f"{pad}- name: {name}", f"{pad}  dtype: {feature['dtype']}"]
    if feature.get("_type") == "List":
        inner = feature["feature"]
        if inner.get("_type") == "Value":
            return [f"{pad}- name: {name}", f"{pad}  list: {inner['dtype']}"]
        return [f"{pad}- name: {name}", f"{pad}  list:", *_inside(inner, depth + 1)]
    return [f"{pad}- name: {name}", f"{pad}  struct:", *_inside(feature, depth + 1)]


def _inside(features: dict[str, Any], depth: int) -> list[str]:
    return [line for name, feature in features.items() for line in _yaml(name, feature, depth)]
