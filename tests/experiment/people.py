"""Simulated people: what they demonstrate and rank, written as datasets that the stages read."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.experiment.scale import Scale
from trainer import gold, manifest
from trainer.losses import untied_pairs

Row = dict[str, Any]
Completions = Mapping[str, Sequence[Row]]


def prompts(scale: Scale, seed: int) -> dict[str, str]:
    """Prompt id → text; ids of held-out prompts begin with "eval"."""
    texts = gold.prompts(scale.train_prompts + scale.held_out_prompts, seed=seed)
    names = [f"train-{number}" for number in range(scale.train_prompts)]
    names += [f"eval-{number}" for number in range(scale.held_out_prompts)]
    return dict(zip(names, texts, strict=True))


def asked(name: str, text: str) -> Row:
    return {"id": name, "split": split_of(name), "messages": [{"role": "user", "content": text}]}


def split_of(name: str) -> str:
    return name.partition("-")[0]


def demonstrations(texts: Mapping[str, str], scale: Scale, seed: int) -> list[Row]:
    names = [name for name in texts if split_of(name) == "train"][: scale.demonstrations]
    return [
        {
            "id": f"d-{name}",
            "split": "train",
            "labeler": "bob",
            "revision": 1,
            "prompt": {name: value for name, value in asked(name, texts[name]).items() if name != "split"},
            "messages": [{"role": "assistant", "content": gold.demonstration(texts[name], seed=seed)}],
        }
        for name in names
    ]


def labelers(scale: Scale, seed: int) -> list[gold.Labeler]:
    return [gold.Labeler(seed=1000 * seed + number, noise=scale.noise) for number in range(scale.labelers)]


def slates(completions: Completions, k: int) -> list[tuple[str, list[Row]]]:
    """(prompt id, k completions), the first slate of every prompt before the second of any."""
    deepest = max(len(rows) for rows in completions.values()) // k
    return [
        (name, list(rows[k * depth : k * (depth + 1)]))
        for depth in range(deepest)
        for name, rows in completions.items()
    ]


def rankings(
    given: Sequence[tuple[str, list[Row]]], texts: Mapping[str, str], people: Sequence[gold.Labeler]
) -> list[Row]:
    """One ranking a slate, the people taking turns."""
    found = []
    for number, (name, rows) in enumerate(given):
        tiers = people[number % len(people)].prefer(texts[name], [row["text"] for row in rows])
        found.append(ranking(f"r-{name}-{number}", name, texts[name], rows, tiers, f"p-{number % len(people)}"))
    return found


def ranking(ident: str, name: str, text: str, rows: Sequence[Row], tiers: Sequence[int], labeler: str) -> Row:
    completions = [
        {
            "id": f"c-{name}-{row['index']}",
            "text": row["text"],
            "policy": "sft",
            "finished": row["finished"],
            "tier": tier,
        }
        for row, tier in zip(rows, tiers, strict=True)
    ]
    prompt = asked(name, text)
    return {
        "id": ident,
        "split": prompt.pop("split"),
        "labeler": labeler,
        "revision": 1,
        "weight": 1.0,
        "prompt": prompt,
        "completions": completions,
        "cut": None,
    }


def in_pairs(given: Sequence[Row], seed: int) -> list[Row]:
    """Every untied pair of `given` as a ranking of its own, shuffled: what other trainers are fed with."""
    pairs = []
    for row in given:
        for place, (better, worse) in enumerate(untied_pairs([each["tier"] for each in row["completions"]])):
            two = [{**row["completions"][better], "tier": 1}, {**row["completions"][worse], "tier": 2}]
            pairs.append({**row, "id": f"{row['id']}-{place}", "completions": two})
    random.Random(f"pairs {seed}").shuffle(pairs)
    return pairs


def dataset(
    folder: Path, texts: Mapping[str, str], rankings: Iterable[Row] = (), demonstrations: Iterable[Row] = ()
) -> Path:
    """Publish a dataset directory, or leave the one that stands."""
    files = {
        "rankings": list(rankings),
        "demonstrations": list(demonstrations),
        "prompts": [asked(name, text) for name, text in texts.items()],
    }
    if not folder.exists():
        counts = {name: len(rows) for name, rows in files.items()}
        with manifest.writing(folder, kind="dataset", project="gold", round=None, policies={}, counts=counts) as twin:
            for name, rows in files.items():
                write_rows(twin / f"{name}.jsonl", rows)
    return folder


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
