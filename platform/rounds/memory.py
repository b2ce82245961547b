"""How much memory a stage takes at most, from the size of its nets and what its preset says. Pure.

The web cannot ask the trainer, which would load torch; `tests/rounds/test_memory.py` holds this against the trainer's
own bound and against peaks that were measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOAT = 4
# What learning keeps of a number beside itself: the gradient and Adam's two moments.
KEPT = 3
# What the way back needs of a token in a layer, in widths of it: ten of the layer, four of its feed-forward part.
WIDTHS, INNER_WIDTHS = 10, 4
# As many positions go through the LM head at once as the trainer's HEAD_CHUNK, and the way back holds so many copies of
# their logits.
AT_ONCE, LOGITS = 1024, 6
# Interpreter, torch and data.
PROCESS = 500_000_000
# Nets that lie in memory together, and how many of them learn.
NETS = {"sft": (1, 1), "reward": (1, 1), "dpo": (1, 1), "rloo": (3, 1), "ppo": (4, 2), "evaluate": (3, 0)}
SAMPLING = ("ppo", "rloo", "evaluate")
# Rows of a slate share one prompt.
BY_SLATE = ("reward", "dpo")

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """How many numbers a model holds: in each of its layers, and `outside` of them.

    `linear` counts the rows and columns of each layer's matrices, `hidden` and `inner` are widths, `cached` numbers
    are kept of each token that is decoded.
    """

    layers: tuple[int, ...]
    linear: tuple[int, ...]
    outside: int
    hidden: int
    inner: int
    vocabulary: int
    cached: int

    @property
    def numbers(self) -> int:
        return self.outside + sum(self.layers)

    @property
    def bytes(self) -> int:
        """Of the fp32 weights, in memory and as the trainer saves them."""
        return FLOAT * self.numbers


def peak(kind: str, tables: Mapping[str, Table], shape: Shape, *, k: int) -> int:
    """Bytes that a stage of this kind takes at most, with slates of `k` and texts as long as the preset lets them be.

    fp32 weights of every net, a gradient and two moments of all that learns, the sampler's cache, and what the way
    back remembers of a micro-batch; frozen layers that nets share are counted for each. Held against eight measured
    peaks of SmolLM2 on a CPU (docs/benchmarks.md), with the lengths of the texts there, it is between 12 % too low
    and 12 % too high; short texts take less than a preset allows. On a GPU nothing was measured.
    """
    table, (nets, learning) = tables[kind], NETS[kind]
    numbers = nets * shape.numbers
    learned = learns(table, shape) if learning else 0
    if table.get("lora_rank"):
        numbers = _shared(kind, tables) * shape.numbers + learning * learned
    copies = bool(table.get("ema")) + bool(table.get("ptx") or table.get("ptx_ratio"))
    held = numbers + KEPT * learning * learned + copies * learned
    return PROCESS + FLOAT * (held + _cache(kind, table, shape)) + (_way_back(kind, table, shape, k) if learning else 0)


def learns(table: Table, shape: Shape) -> int:
    """How many numbers of one net are trained: all, those of the top layers, or an adapter's."""
    rank = table.get("lora_rank", 0)
    if rank:
        return int(rank * sum(_top(shape.linear, table)))
    return sum(_top(shape.layers, table)) if table.get("train_layers") else shape.numbers


def resume_point(kind: str, tables: Mapping[str, Table], shape: Shape) -> int:
    """Bytes of what a stage of this kind writes to go on from: what learns, and its two moments."""
    return FLOAT * KEPT * NETS[kind][1] * learns(tables[kind], shape) if NETS[kind][1] else 0


def _shared(kind: str, tables: Mapping[str, Table]) -> int:
    """How often the weights lie in memory where adapters learn: nets rest on one copy unless they were fitted apart."""
    if kind not in ("ppo", "rloo"):
        return 1
    return 2 if tables["reward"].get("lora_rank") else 3


def _top(each: tuple[int, ...], table: Table) -> tuple[int, ...]:
    return each[-table["train_layers"] :] if table.get("train_layers") else each


def _cache(kind: str, table: Table, shape: Shape) -> int:
    if kind not in SAMPLING:
        return 0
    longest = table.get("per_prompt", 1) * (table["max_prompt"] + table["max_new"])
    return int(shape.cached * max(table["batch_tokens"], longest))


def _way_back(kind: str, table: Table, shape: Shape, k: int) -> int:
    """Bytes of what a micro-batch leaves behind on its way through the layers that learn, and of its logits."""
    rows = table["micro_batch"] * (k if kind in BY_SLATE else 1)
    answers = rows * (table["max_new"] if "max_new" in table else table["max_completion"])
    tokens = table["micro_batch"] * table["max_prompt"] + answers
    layers = len(_top(shape.layers, table))
    states = tokens * layers * (WIDTHS * shape.hidden + INNER_WIDTHS * shape.inner)
    logits = 0 if kind == "reward" else min(answers, AT_ONCE) * shape.vocabulary * LOGITS
    return int(FLOAT * (states + logits))
