"""How much memory a stage will need, from the headers of its inputs, so that it is refused before it starts."""

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from trainer.errors import Refused

FLOAT = 4
# What learning keeps of a parameter beside its weight: the gradient and Adam's two moments.
KEPT = 3
LAYER = re.compile(r"\.layers\.(\d+)\.")
CGROUP = Path("/sys/fs/cgroup/memory.max")

Sizes = Mapping[str, int]


def sizes(artifact: Path) -> Sizes:
    """Numbers in each tensor of an artifact's model."""
    return {name: math.prod(shape) for name, shape in _shapes(artifact).items()}


def thin(artifact: Path, rank: int, layers: int) -> Sizes:
    """Numbers in an adapter of each linear layer, in the top `layers` layers, or in all where that is 0."""
    shapes = _shapes(artifact)
    inside = {name: sum(shape) * rank for name, shape in shapes.items() if LAYER.search(name) and len(shape) == 2}
    return {name: size for name, size in inside.items() if _number(name) >= _lowest(inside, layers)}


def _shapes(artifact: Path) -> dict[str, list[int]]:
    # From the headers of the safetensors files: no weight is read.
    found: dict[str, list[int]] = {}
    for path in sorted((artifact / "model").glob("*.safetensors")):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found |= {name: each["shape"] for name, each in header.items() if name != "__metadata__"}
    return found


def learned(model: Sizes, layers: int) -> int:
    """How many of these numbers are trained with `train_layers` = `layers`; 0 trains all."""
    if not layers:
        return sum(model.values())
    lowest = _lowest(model, layers)
    return sum(size for name, size in model.items() if _number(name) >= lowest)


def _number(name: str) -> int:
    match = LAYER.search(name)
    return int(match[1]) if match else -1


def _lowest(names: Iterable[str], layers: int) -> int:
    return max(map(_number, names), default=-1) + 1 - layers if layers else 0


def cache(artifact: Path, positions: int) -> int:
    """Bytes of a key-value cache of `positions` tokens."""
    shape = json.loads((artifact / "model" / "config.json").read_text(encoding="utf-8"))
    width = shape.get("head_dim") or shape["hidden_size"] // shape["num_attention_heads"]
    heads = shape.get("num_key_value_heads") or shape["num_attention_heads"]
    return 2 * FLOAT * int(shape["num_hidden_layers"] * heads * width) * positions


def peak(held: Sequence[Sizes], learning: Sequence[Sizes], *, layers: int, extra: int, cached: int) -> int:
    """Estimated bytes: fp32 weights of every net held, what Adam keeps of those that learn, and the cache.

    `extra` counts further copies of what the first of `learning` trains. Activations come on top, a few hundred MB
    that the size of a micro-batch decides; so what this refuses cannot run, and what it lets pass may still fail.
    """
    weights = sum(sum(model.values()) for model in held)
    moments = [learned(model, layers) for model in learning]
    return FLOAT * (weights + KEPT * sum(moments) + extra * moments[0]) + cached


def available() -> int:
    """Bytes of this machine's memory, or of the container's share of it."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    return min(physical, int(limit)) if limit.isdigit() else physical


def announced(needed: int, room: int) -> str:
    """What to say while loading. Raises Refused if `needed` bytes are more than `room`."""
    if needed > room:
        raise Refused(
            f"this needs about {needed / 1e9:.1f} GB of memory and the machine has {room / 1e9:.1f} GB: "
            "take a smaller model, train fewer layers (--set train_layers=N) or adapters (--set lora_rank=N), "
            "or take fewer tokens at once (batch_tokens)"
        )
    return f"loading, about {needed / 1e9:.1f} GB"
