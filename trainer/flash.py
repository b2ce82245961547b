"""Attention of all segments in one product of varying lengths (FlashAttention), on GPUs that have it.

A kernel is used only after it has agreed, on this device, with one product a segment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn

Product = Callable[[Tensor, Tensor, Tensor, float], Tensor]

# Ampere is the first generation that FlashAttention 2 runs on (Dao 2023).
AMPERE = (8, 0)
# bf16 keeps 8 bits; sums over a few hundred values of order 1.
TOLERANCE = 2e-2


@dataclass(frozen=True)
class Spans:
    """Where each of S segments lies among the queries, and among the keys once a prefix stands before each.

    `query_ends` and `key_ends` [S+1] int32 are running sums of lengths from 0; `keys` [T_k] int64 says which token
    of the row stands at each place of the keys.
    """

    query_ends: Tensor
    key_ends: Tensor
    keys: Tensor
    longest_query: int
    longest_keys: int


def spans(lengths: Sequence[int], prefixes: Sequence[int | None]) -> Spans:
    """The spans of segments of `lengths` tokens, of which each sees the segment that it continues."""
    starts = [0, *accumulate(lengths)]
    seen = [[*([] if prefix is None else [prefix]), segment] for segment, prefix in enumerate(prefixes)]
    keys = [torch.arange(starts[part], starts[part + 1]) for parts in seen for part in parts]
    totals = [sum(lengths[part] for part in parts) for parts in seen]
    return Spans(
        torch.tensor(starts, dtype=torch.int32),
        torch.tensor([0, *accumulate(totals)], dtype=torch.int32),
        torch.cat(keys),
        max(lengths),
        max(totals),
    )


def product(query: Tensor, key: Tensor, value: Tensor, scale: float, where: Spans) -> Tensor:
    """Attention [1,H,N,d] in bf16 of query [1,H,N,d] over key and value [1,H_kv,N,d].

    The causal window ends at the last query and the last key together, so a prefix is seen whole.
    """
    device, keys = query.device, where.keys.to(query.device)
    rows = [each[0].transpose(0, 1).bfloat16() for each in (query, key, value)]
    said = varlen_attn(
        rows[0].contiguous(),
        rows[1][keys],
        rows[2][keys],
        where.query_ends.to(device),
        where.key_ends.to(device),
        where.longest_query,
        where.longest_keys,
        scale=scale,
        window_size=(-1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(said, Tensor), "no auxiliary output was asked for"
    return said.transpose(0, 1).unsqueeze(0)


def serves(device: torch.device) -> bool:
    """Whether a device is of a generation that may have the kernel."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE


@cache
def agrees(device: torch.device, heads: tuple[int, int], width: int, by_segment: Callable[..., Tensor]) -> bool:
    """Whether the kernel gives for these heads what `by_segment(lengths, prefixes, query, key, value, scale)` gives."""
    lengths, prefixes = (5, 3, 1, 7), (None, 0, 0, None)
    noise = torch.Generator().manual_seed(1)
    shapes = [(1, count, sum(lengths), width) for count in (heads[0], heads[1], heads[1])]
    query, key, value = (torch.randn(shape, generator=noise).bfloat16().to(device) for shape in shapes)
    scale = width**-0.5
    try:
        said = product(query, key, value, scale, spans(lengths, prefixes))
    except RuntimeError:
        # This build of torch has no such kernel for this device or these heads.
        return False
    told = by_segment(lengths, prefixes, query, key, value, scale)
    return bool(torch.allclose(said.float(), told.float(), atol=TOLERANCE))
