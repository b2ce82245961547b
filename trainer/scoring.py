"""What the nets say of many rows at once, in chunks that fit a budget of tokens."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from trainer import dist, manifest
from trainer.errors import Refused
from trainer.nets import PolicyNet, logprobs, lower
from trainer.ragged import Batch, States, chunks
from trainer.scalar import RewardNet, ValueNet

TOKENIZER = ("model/tokenizer.json", "model/tutelage.json")


@torch.no_grad()
def all_scores(net: RewardNet, batch: Batch, tokens: int) -> Tensor:
    """Scores [B] of whole rows, offset subtracted."""
    return net.pooled(all_heads(net, batch, tokens))


@torch.no_grad()
def all_heads(net: RewardNet, batch: Batch, tokens: int) -> Tensor:
    """What each head of a reward model says of whole rows: [B,heads]."""
    out = torch.zeros(len(batch), len(net.centres))
    for rows in dist.share(list(chunks(batch, tokens))):
        out[rows] = net.heads(batch.select(rows))
    return dist.sum_shares(out)


def all_logprobs(net: PolicyNet, batch: Batch, temperature: float, tokens: int) -> Tensor:
    """Log-probabilities [B,T] of the completions' tokens at `temperature`, 0 elsewhere."""
    return _per_token(lambda part: logprobs(net, part, temperature), batch, tokens)


def all_values(net: ValueNet, batch: Batch, tokens: int) -> Tensor:
    """Values [B,T] of the state in which each token was chosen: entry t has seen the tokens before t."""
    return _per_token(lambda part: before(net(part)), batch, tokens)


@torch.no_grad()
def with_states(trunk: nn.Module, batch: Batch, layers: int, tokens: int) -> Batch:
    """The same batch with what the lowest `layers` layers of `trunk` make of it; unchanged if `layers` is 0."""
    if not layers:
        return batch
    parts: list[Tensor] = []
    places = torch.zeros(batch.ids.shape, dtype=torch.long)
    filled = 0
    for rows in chunks(batch, tokens):
        values, local = lower(trunk, layers, batch.select(rows))
        places[rows, : local.shape[1]] = local + filled
        filled += len(values)
        parts.append(values)
    return replace(batch, states=States(torch.cat(parts), places, layers))


def before(values: Tensor) -> Tensor:
    """Shift [B,T] by one, from "has seen tokens 0..t" to "has seen what came before token t"."""
    return torch.cat([values[:, :1], values[:, :-1]], dim=1)


def refuse_other_tokenizers(*artifacts: Path) -> None:
    """Raise Refused unless all artifacts tokenize alike: they see the same ids, never each other's text."""
    first, *others = artifacts
    for other in others:
        if not same_tokenizer(first, other):
            raise Refused(f"{other} has another tokenizer than {first}")


def same_tokenizer(one: Path, other: Path) -> bool:
    """Whether two artifacts cut text into the same ids and frame turns alike."""
    return _tokenizer(one) == _tokenizer(other)


def _tokenizer(artifact: Path) -> Sequence[str]:
    return [manifest.file_digest(artifact / name) for name in TOKENIZER]


@torch.no_grad()
def _per_token(function: Callable[[Batch], Tensor], batch: Batch, tokens: int) -> Tensor:
    out = torch.zeros(batch.ids.shape)
    for rows in dist.share(list(chunks(batch, tokens))):
        part = function(batch.select(rows))
        out[rows, : part.shape[1]] = part
    return dist.sum_shares(out)
