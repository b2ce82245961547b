"""Attention over tokens that lie in one row without padding: a causal product a segment, never a T x T mask.

Every model is loaded with the attention function `NAME`; a pattern says who sees whom, and without one the model's
own caller gets what transformers would do.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from trainer import compute, flash
from trainer.ragged import Packing

NAME = "tutelage"


class Pattern(Protocol):
    """Who sees whom. Called by every layer with query [1,H,N,d], key and value [1,H_kv,N,d]; returns [1,H,N,d]."""

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor: ...


class Segments:
    """Each token sees its own segment up to itself, and all of the segment that its own continues."""

    def __init__(self, packing: Packing) -> None:
        self.lengths, self.prefixes = packing.lengths, packing.prefixes

    @cached_property
    def masks(self) -> list[Tensor | None]:
        return masks(self.lengths, self.prefixes)

    @cached_property
    def spans(self) -> flash.Spans:
        return flash.spans(self.lengths, self.prefixes)

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        if flash.serves(query.device) and compute.precision(query.device) == "bf16":
            heads = query.shape[1], key.shape[1]
            if flash.agrees(query.device, heads, query.shape[3], by_segment):
                return flash.product(query, key, value, scale, self.spans)
        return by_segment(self.lengths, self.prefixes, query, key, value, scale, self.masks)


def masks(lengths: Sequence[int], prefixes: Sequence[int | None]) -> list[Tensor | None]:
    """A [R,P+R] mask for each segment of R tokens that continues one of P, True where a token is seen."""
    return [
        None if prefix is None else torch.ones(length, lengths[prefix] + length).tril(lengths[prefix]).bool()
        for length, prefix in zip(lengths, prefixes, strict=True)
    ]


def by_segment(
    lengths: Sequence[int],
    prefixes: Sequence[int | None],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    seen: Sequence[Tensor | None] | None = None,
) -> Tensor:
    """One product a segment: attention [1,H,N,d] of query [1,H,N,d] over key and value [1,H_kv,N,d]."""
    queries, keys, values = (torch.split(each, list(lengths), dim=2) for each in (query, key, value))
    outputs = []
    for segment, (prefix, mask) in enumerate(zip(prefixes, seen or masks(lengths, prefixes), strict=True)):
        key, value = keys[segment], values[segment]
        if prefix is not None:
            key, value = torch.cat([keys[prefix], key], dim=2), torch.cat([values[prefix], value], dim=2)
        outputs.append(
            scaled_dot_product_attention(
                queries[segment],
                key,
                value,
                attn_mask=None if mask is None else mask.to(query.device),
                is_causal=prefix is None,
                scale=scale,
                enable_gqa=query.shape[1] != key.shape[1],
            )
        )
    return torch.cat(outputs, dim=2)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    pattern: Pattern | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """The attention function of transformers' interface: (output [1,N,H,d], no weights)."""
    if pattern is None:
        stock: Any = sdpa_attention_forward
        return cast(tuple[Tensor, None], stock(module, query, key, value, attention_mask, scaling=scaling, **others))
    return pattern(module.layer_idx, query, key, value, scaling).transpose(1, 2), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
