"""Frozen layers that several nets have in common: computed once a batch, kept in memory once."""

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


def shared_layers(trunks: Sequence[nn.Module], most: int) -> int:
    """How many of the lowest layers, at most `most`, are equal bit for bit in all `trunks`, as their embeddings are."""
    first, *others = trunks
    if not all(_equal(_of(first).embed_tokens, _of(other).embed_tokens) for other in others):
        return 0
    for depth in range(most):
        if not all(_equal(_of(first).layers[depth], _of(other).layers[depth]) for other in others):
            return depth
    return most


def share(trunks: Sequence[nn.Module], layers: int) -> None:
    """Let the lowest `layers` layers of the first of `trunks` serve the others too, so that they lie in memory once."""
    first, *others = (_of(trunk) for trunk in trunks)
    for other in others:
        for depth in range(layers):
            other.layers[depth] = first.layers[depth]


def lower(trunk: nn.Module, layers: int, ids: Tensor) -> Tensor:
    """What the lowest `layers` layers make of ids [B,T]: hidden states [B,T,d], not normed."""
    part = _part(trunk, slice(0, layers))
    part._modules["norm"] = nn.Identity()
    return cast(Tensor, part(input_ids=ids, use_cache=False).last_hidden_state)


def upper(trunk: nn.Module, layers: int, states: Tensor) -> Tensor:
    """What the layers above the lowest `layers` make of their states [B,T,d]: the trunk's last hidden states."""
    part = _part(trunk, slice(layers, None))
    return cast(Tensor, part(inputs_embeds=states, use_cache=False).last_hidden_state)


def depth(trunk: nn.Module) -> int:
    return len(_of(trunk).layers)


def _part(trunk: nn.Module, layers: slice) -> Any:
    # A shallow copy: the layers are the trunk's own, only the list that is walked through is another.
    part = _of(copy.copy(trunk))
    kept = nn.ModuleList(list(_of(trunk).layers)[layers])
    part.__dict__["_modules"] = {**trunk._modules, "layers": kept}
    part.config = copy.copy(_of(trunk).config)
    part.config.num_hidden_layers = len(kept)
    return part


def _equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def _of(trunk: nn.Module) -> Any:
    return cast(Any, trunk)
