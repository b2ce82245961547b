"""What the nets say of many rows at once, in chunks of like length that fit a budget of tokens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainer import manifest
from trainer.errors import Refused
from trainer.nets import PolicyNet, logprobs
from trainer.ragged import Batch
from trainer.scalar import RewardNet, ValueNet
from trainer.trunk import lower

TOKENIZER = ("model/tokenizer.json", "model/tutelage.json")


def chunks(lengths: Tensor, tokens: int) -> Iterator[Tensor]:
    """Indices of rows of like length, so many at a time that their padded size stays under `tokens`."""
    order = lengths.argsort(stable=True)
    while len(order):
        # Lengths rise, so a chunk of n rows is as wide as its n-th.
        sizes = torch.arange(1, len(order) + 1) * lengths[order]
        count = max(1, int((sizes <= tokens).sum()))
        yield order[:count]
        order = order[count:]


@torch.no_grad()
def all_scores(net: RewardNet, batch: Batch, tokens: int) -> Tensor:
    """Scores [B] of whole rows, offset subtracted."""
    out = torch.zeros(len(batch))
    for rows in chunks(batch.lengths, tokens):
        out[rows] = net(batch.select(rows))
    return out


def all_logprobs(net: PolicyNet, batch: Batch, temperature: float, tokens: int) -> Tensor:
    """Log-probabilities [B,T] of the completions' tokens at `temperature`, 0 elsewhere."""
    return _per_token(lambda part: logprobs(net, part, temperature), batch, tokens)


def all_values(net: ValueNet, batch: Batch, tokens: int) -> Tensor:
    """Values [B,T] of the state in which each token was chosen: entry t has seen the tokens before t."""
    return _per_token(lambda part: before(net(part)), batch, tokens)


def with_states(trunk: nn.Module, batch: Batch, layers: int, tokens: int) -> Batch:
    """The same batch with what the lowest `layers` layers of `trunk` make of it; unchanged if `layers` is 0."""
    if not layers:
        return batch
    width = cast(Any, trunk).config.hidden_size
    states = torch.zeros(*batch.ids.shape, width)
    with torch.no_grad():
        for rows in chunks(batch.lengths, tokens):
            part = lower(trunk, layers, batch.select(rows).ids)
            states[rows, : part.shape[1]] = part
    return replace(batch, states=states, layers=layers)


def before(values: Tensor) -> Tensor:
    """Shift [B,T] by one, from "has seen tokens 0..t" to "has seen what came before token t"."""
    return torch.cat([values[:, :1], values[:, :-1]], dim=1)


def refuse_other_tokenizers(*artifacts: Path) -> None:
    """Raise Refused unless all artifacts tokenize alike: they see the same ids, never each other's text."""
    first, *others = artifacts
    for other in others:
        if _tokenizer(other) != _tokenizer(first):
            raise Refused(f"{other} has another tokenizer than {first}")


def _tokenizer(artifact: Path) -> Sequence[str]:
    return [manifest.file_digest(artifact / name) for name in TOKENIZER]


@torch.no_grad()
def _per_token(function: Callable[[Batch], Tensor], batch: Batch, tokens: int) -> Tensor:
    out = torch.zeros(batch.ids.shape)
    for rows in chunks(batch.lengths, tokens):
        part = function(batch.select(rows))
        out[rows, : part.shape[1]] = part
    return out
