"""How the next token is chosen and when a text ends, with noise that depends on nothing else.

The noise of a token is a hash of the seed, the prompt, k and the position, mapped by the inverse CDF.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import pad

from trainer.errors import Diverged
from trainer.text import Tokenizer, decode

# Of a vocabulary of 50,000 that makes some 200 blocks.
BLOCK = 256


@dataclass
class Sample:
    """One completion: its tokens (with the end-of-text token where that ended it) and their log-probabilities."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False


@dataclass
class Work:
    """A completion on its way: the name that its noise has, and the place of its prompt."""

    name: str
    place: int
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True)
class Drawing:
    """The rules: `top_k` 0, `top_p` 1 and no `stop` leave the policy's own distribution at `temperature`.

    The log-probabilities that are kept (nats) are those of the distribution that was drawn from. A text ends with
    the end-of-text token or with the string `stop`, or is cut off after `max_new` tokens.
    """

    tok: Tokenizer
    max_new: int
    temperature: float
    top_k: int = 0
    top_p: float = 1.0
    stop: str = ""

    def extend(self, works: Sequence[Work], logits: Tensor) -> None:
        """Add one token to each of `works`, drawn from its row of `logits` [R,V]."""
        uniforms = [uniform(work.name, len(work.sample.tokens)) for work in works]
        chosen = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)
        tokens, logprobs = draw(narrowed(logits / self.temperature, self.top_k, self.top_p), chosen)
        for work, token, logprob in zip(works, tokens.tolist(), logprobs.tolist(), strict=True):
            work.sample.tokens.append(token)
            work.sample.logprobs.append(logprob)
            work.sample.finished = token == self.tok.eos_id or self._stopped(work.sample)

    def ended(self, work: Work) -> bool:
        return work.sample.finished or len(work.sample.tokens) >= self.max_new

    def text(self, sample: Sample) -> str:
        """What people read: control tokens left out, cut before `stop`."""
        whole = decode(self.tok, sample.tokens)
        return whole.partition(self.stop)[0] if self.stop else whole

    def _stopped(self, sample: Sample) -> bool:
        # A token stands for at least a byte, and a character for at most four.
        return bool(self.stop) and self.stop in decode(self.tok, sample.tokens[-4 * len(self.stop) - 4 :])


def narrowed(logits: Tensor, top_k: int, top_p: float) -> Tensor:
    """`logits` [R,V] without what is not among the `top_k` likeliest, nor among those that first reach `top_p`.

    The likeliest token always stays (Holtzman et al. 2020 for top-p).
    """
    if 0 < top_k < logits.shape[1]:
        least = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True)
        shares = ordered.float().softmax(dim=-1)
        over = shares.cumsum(dim=-1) - shares >= top_p
        logits = logits.masked_fill(over.scatter(1, order, over), -torch.inf)
    return logits


def uniform(name: str, position: int) -> float:
    """A number in [0, 1) that depends on the completion's name and the token's position, and nothing else."""
    noise = hashlib.blake2b(f"{name}:{position}".encode(), digest_size=8).digest()
    return (int.from_bytes(noise, "big") >> 11) * 2.0**-53


def draw(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (rows,) by inverse CDF of softmax(logits (rows, vocabulary)), and their log-probabilities, float32.

    The sums are float64: in float32 the tail of a vocabulary of 50,000 would be drawn too often or never. They are
    taken over blocks of the vocabulary first and then within the one block that the uniform falls into.
    Raises Diverged where logits are NaN or infinite.
    """
    logits = logits.float()
    # As training computes it: torch's log_softmax is off by 7e-6 nats, one way, over so large a vocabulary.
    total = logits.logsumexp(dim=-1, keepdim=True)
    if not bool(total.isfinite().all()):
        raise Diverged("the policy's logits are not finite, so there is no next token to draw")
    logprobs = logits - total
    shares = pad(logprobs.exp(), (0, -logits.shape[1] % BLOCK)).view(len(logits), -1, BLOCK)
    blocks = shares.sum(dim=-1).double()
    block, rest = _passed(blocks, uniforms.unsqueeze(1) * blocks.sum(dim=-1, keepdim=True))
    place, _ = _passed(shares[torch.arange(len(block), device=block.device), block.squeeze(1)], rest)
    tokens = block * BLOCK + place
    return tokens.squeeze(1), logprobs.gather(1, tokens).squeeze(1)


def _passed(shares: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """The first place (rows, 1) where the sum of `shares` (rows, n) passes each threshold, and what is left of that.

    It never has a share of zero: thresholds are brought into [0, total), out of which rounding may have led them.
    """
    sums = shares.cumsum(dim=-1, dtype=torch.float64)
    total = sums[:, -1:]
    thresholds = thresholds.clamp(min=0.0).minimum(total.nextafter(torch.zeros_like(total)))
    place = torch.searchsorted(sums, thresholds, right=True)
    below = sums.gather(1, (place - 1).clamp(min=0)).where(place > 0, 0.0)
    return place, thresholds - below
