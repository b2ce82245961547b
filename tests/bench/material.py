"""What both trainers are measured on: texts of fixed seed and even lengths, in the seam's own format, and SmolLM2."""

import json
import random
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.peers.cases import PEERS, assistant, user
from trainer import cli, manifest

HOME = PEERS.with_name("bench")
# Throughput hangs on the lengths of texts, not on what they say; every slate costs the same.
WORDS = """
the of and to in is you that it he was for on are as with his they at be this have from or one had by word
but not what all were we when your can said there use an each which she do how their if will up other about
out many then them these so some her would make like him into time has look two more write go see number no
way could people my than first water been call who oil its now find long down day did get come made may part
"""
SHORTEST, LONGEST, PROMPT = 20, 120, 75
Row = dict[str, Any]


def policy() -> Path:
    """The artifact of SmolLM2, converted once."""
    place = PEERS / "smollm2"
    if not place.exists():
        assert cli.main(["convert", "--packaged", "smollm2", "--out", str(place)]) == 0
    return place


def texts(rng: random.Random, count: int, size: float) -> list[str]:
    """`count` texts of lengths spread evenly, in a random order."""
    lengths = [SHORTEST + (LONGEST - SHORTEST) * k // max(1, count - 1) for k in range(count)]
    rng.shuffle(lengths)
    return [_words(rng, length * size) for length in lengths]


def _words(rng: random.Random, count: float) -> str:
    return " ".join(rng.choices(WORDS.split(), k=max(2, round(count))))


def slates(k: int, count: int, size: float) -> list[Row]:
    """Lines of rankings.jsonl: prompts of one length, K completions of lengths spread evenly, in a random order."""
    rng = random.Random(k)
    found = []
    for number in range(count):
        asked = user(_words(rng, PROMPT * size))
        found.append(ranking(number, asked, texts(rng, k, size), rng.sample(range(1, k + 1), k)))
    return found


def ranking(
    number: int, messages: Sequence[Any], said: Sequence[str], tiers: Sequence[int | None], **changes: Any
) -> Row:
    completions = [
        {"id": f"c-{number}-{k}", "text": text, "policy": "p", "finished": True, "tier": tier}
        for k, (text, tier) in enumerate(zip(said, tiers, strict=True))
    ]
    prompt = {"id": f"q-{number}", "messages": list(messages)}
    row = {"id": f"r-{number}", "split": "train", "labeler": "bench", "revision": 1, "weight": 1.0, "prompt": prompt}
    return {**row, "completions": completions, "cut": None, **changes}


def prompts(count: int, size: float) -> list[Row]:
    rng = random.Random(count)
    return [
        {"id": f"q-{number}", "split": "train", "messages": user(text)}
        for number, text in enumerate(texts(rng, count, size))
    ]


def demonstrations(count: int, size: float) -> list[Row]:
    rng = random.Random(-count)
    asked, said = texts(rng, count, size), texts(rng, count, size)
    return [demonstration(number, *pair) for number, pair in enumerate(zip(asked, said, strict=True))]


def demonstration(number: int, asked: str, said: str) -> Row:
    row = {"id": f"d-{number}", "split": "train", "labeler": "bench", "revision": 1}
    return {**row, "prompt": {"id": f"q-{number}", "messages": user(asked)}, "messages": assistant(said)}


def dataset(name: str, **files: Sequence[Row]) -> Path:
    """A dataset directory of these rows; one demonstration at least, so that centring a reward model is short."""
    place = HOME / "datasets" / f"{name}-{sha256(json.dumps(files).encode()).hexdigest()[:8]}"
    rows = {"rankings": [], "prompts": [], "demonstrations": demonstrations(1, 1.0), **files}
    counts = {kind: len(each) for kind, each in rows.items()}
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with manifest.writing(place, kind="dataset", project="bench", round=1, policies={}, counts=counts) as twin:
            for kind, each in rows.items():
                lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in each]
                (twin / f"{kind}.jsonl").write_text("".join(lines), encoding="utf-8")
    return place
