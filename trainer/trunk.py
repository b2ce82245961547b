"""The layers of a language model, run over packed tokens; frozen ones that several nets have in common lie once."""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainer import compute
from trainer.attention import NAME, Pattern


def embed(trunk: nn.Module, ids: Tensor) -> Tensor:
    """Hidden states [1,N,d] below the first layer, of ids [N]."""
    return cast(Tensor, _of(trunk).embed_tokens(ids.unsqueeze(0)))


def run(trunk: nn.Module, states: Tensor, positions: Tensor, pattern: Pattern, layers: slice = slice(None)) -> Tensor:
    """What `layers` make of hidden states [1,N,d] of tokens at `positions` [N]; the same shape, not normed."""
    # Another attention would let rows see each other, and say nothing.
    assert _of(trunk).config._attn_implementation == NAME, "load models with load_model"
    places = positions.unsqueeze(0)
    rotary = _of(trunk).rotary_emb(states, position_ids=places)
    call = partial(checkpoint, use_reentrant=False) if compute.recomputes() else _call
    for layer in list(_of(trunk).layers)[layers]:
        states = call(layer, states, position_embeddings=rotary, position_ids=places, pattern=pattern)
    return states


def normed(trunk: nn.Module, states: Tensor) -> Tensor:
    """Last hidden states, as the heads read them."""
    return cast(Tensor, _of(trunk).norm(states))


def depth(trunk: nn.Module) -> int:
    return len(_of(trunk).layers)


def width(trunk: nn.Module) -> int:
    return int(_of(trunk).config.hidden_size)


def shared_layers(trunks: Sequence[nn.Module], most: int) -> int:
    """How many of the lowest layers, at most `most`, are equal bit for bit in all `trunks`, as their embeddings are."""
    first, *others = trunks
    if not all(_equal(_of(first).embed_tokens, _of(other).embed_tokens) for other in others):
        return 0
    for place in range(most):
        if not all(_equal(_of(first).layers[place], _of(other).layers[place]) for other in others):
            return place
    return most


def share(trunks: Sequence[nn.Module], layers: int) -> None:
    """Let the lowest `layers` layers of the first of `trunks` serve the others too, so that they lie in memory once."""
    first, *others = (_of(trunk) for trunk in trunks)
    for other in others:
        for place in range(layers):
            other.layers[place] = first.layers[place]


def _call(layer: Any, *inputs: Any, **options: Any) -> Any:
    return layer(*inputs, **options)


def _equal(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = list(one.parameters()), list(other.parameters())
    return len(ours) == len(theirs) and all(map(_same, ours, theirs))


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def _of(trunk: nn.Module) -> Any:
    return cast(Any, trunk)
