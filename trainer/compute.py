"""How every stage computes: where nets live, in which numbers products are taken, what the way back remembers.

Weights, optimizer state, softmaxes and losses are fp32 everywhere; only matrix products may be bf16.
"""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

# Matrix units, and the vector instructions that multiply bf16 without first making it fp32.
BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})


@dataclass
class _Choice:
    precision: str = "auto"
    recompute: bool = False


_choice = _Choice()


def use(precision: str = "auto", recompute: bool = False) -> None:
    """Choose for this process, as torch's number of threads is chosen.

    `auto` is bf16 where the device has units for it. With `recompute` the layers' inner states are computed
    again on the way back: a quarter more time, far less memory.
    """
    _choice.precision, _choice.recompute = precision, recompute


def recomputes() -> bool:
    return _choice.recompute and torch.is_grad_enabled()


def device() -> torch.device:
    """Where nets live: the first GPU that this process may see, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(where: torch.device) -> str:
    """`fp32` or `bf16`: what products on a device are taken in."""
    if _choice.precision != "auto":
        return _choice.precision
    able = torch.cuda.is_bf16_supported() if where.type == "cuda" else bool(BF16_FLAGS & _cpu_flags())
    return "bf16" if able else "fp32"


@contextmanager
def exactly() -> Iterator[None]:
    """Within it, products are taken in fp32 on every device: for what is compared with something else."""
    before, _choice.precision = _choice.precision, "fp32"
    try:
        yield
    finally:
        _choice.precision = before


def products(where: torch.device) -> AbstractContextManager[Any]:
    """Within it, matrix products on a device are taken in the chosen precision; what they give is summed in fp32."""
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=precision(where) == "bf16")


def for_decoding(net: Any) -> Any:
    """A causal model whose matrices are bf16 where products are: they would be converted again at every token.

    All else is shared with `net`, so that a token's log-probability is the one that training computes.
    """
    if precision(net.device) == "fp32":
        return net
    twin = copy.deepcopy(net, {id(parameter): parameter for parameter in net.parameters()})
    for module in twin.modules():
        if isinstance(module, nn.Linear):
            module.weight = nn.Parameter(module.weight.detach().bfloat16(), requires_grad=False)
    return twin


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
