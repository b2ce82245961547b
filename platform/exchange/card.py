"""The README.md of an export: what a person reads first, and what tells the `datasets` library each column's type."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from exchange import formats
from exchange.models import Format

_WORDS = {
    Format.RANKINGS: "One ranking a line, with everything that was kept about it.",
    Format.PREFERENCE: "One pair of completions of different tiers a line; ties make no pair.",
    Format.SFT: "One demonstration a line, as a conversation.",
    Format.DEMONSTRATIONS: "One demonstration a line, with everything that was kept about it.",
}

_CARD = """---
{configs}dataset_info:
  features:
{features}---

# {project}: {contents}

{words} Nothing is ever fitted to prompts of `eval.jsonl`; a prompt is in one of the two files only.

`manifest.json` names the sha256 of every file, the moment that was read, and the columns (`features`).
Labelers are pseudonyms.
"""


def card(contents: str, project: str, counts: Mapping[str, int]) -> str:
    """The text of README.md for an export of this format, with `counts` rows in each split."""
    features = _lines(_inside(formats.FEATURES[contents], 1))
    words = _WORDS[Format(contents)]
    return _CARD.format(configs=_configs(counts), features=features, project=project, contents=contents, words=words)


def _configs(counts: Mapping[str, int]) -> str:
    """The files that hold rows: the library refuses a split of none, whatever its file says."""
    files = [[f"  - split: {split}", f"    path: {split}.jsonl"] for split, rows in counts.items() if rows]
    if not files:
        return ""
    return _lines(["configs:", "- config_name: default", "  data_files:", *chain.from_iterable(files)])


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
