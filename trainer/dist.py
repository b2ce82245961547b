"""Several processes that do one stage together, each a share of every batch; alone, nothing here does anything.

`torchrun --nproc-per-node N -m trainer …` starts them. Every process holds all rows and the same weights: only the
work is divided. Losses are divided by what the whole optimizer batch weighs, so gradients are summed, never
averaged. The first process alone holds the lock and writes. `accelerate` is imported only where there are several.
"""

import atexit
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from trainer import manifest

S = TypeVar("S", Tensor, Sequence[Any])


def processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    return _rank() == 0


def share(parts: S) -> S:
    """Every N-th of `parts`, from this process's own on; a process may get none."""
    return parts[_rank() :: processes()]


def add_up(metrics: Mapping[str, float], parameters: Iterable[nn.Parameter]) -> dict[str, float]:
    """End an optimizer batch: every gradient becomes its sum over the processes, and so does every metric returned."""
    if processes() == 1:
        return dict(metrics)
    _sum_gradients(list(parameters))
    parts = gather(dict(metrics))
    return {name: sum(part.get(name, 0.0) for part in parts) for part in parts for name in part}


def sum_shares(values: Tensor) -> Tensor:
    """The sum over the processes of a result of which each has filled in its share, and left the rest 0."""
    return values if processes() == 1 else _sum(values)


def of_first(values: Tensor) -> Tensor:
    """What the first process has: for what other people's code computed, which may not say the same twice."""
    return values if processes() == 1 else _sum(values if is_first() else torch.zeros_like(values))


def gather(value: Any) -> list[Any]:
    """What every process says, in their order, as JSON: nothing is ever unpickled."""
    if processes() == 1:
        return [value]
    said = torch.tensor(list(json.dumps(value, default=vars).encode()), dtype=torch.uint8)
    lengths = _sum(_in_my_row(torch.tensor([len(said)]), 1)).flatten().tolist()
    table = _sum(_in_my_row(said, max(lengths)))
    return [json.loads(bytes(row[:length].tolist())) for row, length in zip(table, lengths, strict=True)]


def woven(shares: Sequence[Sequence[Any]]) -> list[Any]:
    """The whole that was cut into `shares`, back in order."""
    count = sum(map(len, shares))
    return [shares[place % len(shares)][place // len(shares)] for place in range(count)]


@contextmanager
def lock(out: Path) -> Iterator[Path]:
    """`manifest.lock` in the first process; what the others write goes nowhere."""
    if is_first():
        with manifest.lock(out) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _sum_gradients(parameters: Sequence[nn.Parameter]) -> None:
    # What has a gradient in none of the processes keeps none, so that the optimizer passes it by.
    owners = _sum(torch.tensor([each.grad is not None for each in parameters], dtype=torch.long))
    kept = [each for each, count in zip(parameters, owners.tolist(), strict=True) if count]
    grads = [torch.zeros_like(each) if each.grad is None else each.grad for each in kept]
    if kept:
        total = _sum(torch.cat([grad.flatten() for grad in grads]))
        for each, part in zip(kept, torch.split(total, [grad.numel() for grad in grads]), strict=True):
            each.grad = part.view_as(each)


def _sum(values: Tensor) -> Tensor:
    from accelerate.utils import reduce

    _join()
    total: Tensor = reduce(values, "sum")
    return total


@cache
def _join() -> None:
    """Meet the other processes, once, and part from them in order: threads of a group that is dropped may abort."""
    from accelerate import PartialState

    # gloo, which also takes what lies on a card
    atexit.register(PartialState(cpu=True).destroy_process_group)


def _in_my_row(values: Tensor, width: int) -> Tensor:
    table = torch.zeros(processes(), width, dtype=values.dtype)
    table[_rank(), : len(values)] = values
    return table
