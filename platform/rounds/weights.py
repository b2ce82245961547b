"""The size of a policy's weights, from the headers of its files: no weight is read, and nothing of torch is needed."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rounds.memory import Shape

LAYER = re.compile(r"\.layers\.(\d+)\.")
# A header names each tensor once; a longer one is no header.
MOST_HEADER = 100_000_000

Sizes = Mapping[str, list[int]]


def shape_of(policy: Path) -> Shape | None:
    """What lies in the policy's directory; None where it is not a model of the layers that we know."""
    try:
        facts = json.loads((policy / "model" / "config.json").read_text(encoding="utf-8"))
        return _shape(_tensors(policy / "model"), facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _tensors(folder: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MOST_HEADER:
                raise ValueError(f"{path} has no header")
            header = json.loads(file.read(length))
        found |= {name: each["shape"] for name, each in header.items() if name != "__metadata__"}
    return found


def _shape(tensors: Sizes, facts: Mapping[str, Any]) -> Shape:
    layers, linear, outside = Counter[int](), Counter[int](), 0
    for name, sizes in tensors.items():
        place = LAYER.search(name)
        if place is None:
            outside += math.prod(sizes)
            continue
        layers[int(place[1])] += math.prod(sizes)
        linear[int(place[1])] += sum(sizes) if len(sizes) == 2 else 0
    heads = facts["num_attention_heads"]
    width = facts.get("head_dim") or facts["hidden_size"] // heads
    return Shape(
        layers=tuple(layers[place] for place in sorted(layers)),
        linear=tuple(linear[place] for place in sorted(layers)),
        outside=outside,
        hidden=facts["hidden_size"],
        inner=facts["intermediate_size"],
        vocabulary=facts["vocab_size"],
        cached=2 * len(layers) * width * (facts.get("num_key_value_heads") or heads),
    )
