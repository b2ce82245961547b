"""Draw completions from a policy, with noise that depends on nothing but the seed, the prompt, k and the position."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from trainer.decoding import Prefilled, Slots
from trainer.nets import PolicyNet
from trainer.text import Tokenizer

# With nothing left to begin, slots that have ended stay until a quarter has: leaving copies what is kept of the cache.
CROWDED = 0.75
# With fewer texts to a thread, one thread alone is as fast: the weights are read anew for every token.
ENOUGH = 16
# Of a vocabulary of 50,000 that makes some 200 blocks of 256 tokens.
BLOCK = 256


@dataclass
class Sample:
    """One completion: its tokens (the end-of-text token included where `finished`) and their log-probabilities."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False


class Settings(Protocol):
    """What every stage that draws completions has in its Config."""

    @property
    def temperature(self) -> float: ...
    @property
    def max_new(self) -> int: ...
    @property
    def max_prompt(self) -> int: ...
    @property
    def batch_tokens(self) -> int: ...


@contextmanager
def decoders() -> Iterator[Executor]:
    """As many threads as torch computes with, each decoding alone: the matrices of one step are too small to share.

    Measured on two cores with SmolLM2 and 32 rows: 113 tokens a second on one thread, 80 on two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def complete(
    policy: PolicyNet,
    tok: Tokenizer,
    prompts: Sequence[Sequence[int]],
    *,
    keys: Sequence[str],
    per_prompt: int,
    seed: int,
    settings: Settings,
) -> list[list[Sample]]:
    """Draw `per_prompt` completions of each prompt, on all threads; the slates are in the prompts' order."""
    hands = max(1, min(torch.get_num_threads(), len(prompts) * per_prompt // ENOUGH))
    # Longest first, and dealt out in turn: no thread is left with the long ones.
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    slates: list[list[Sample]] = [[] for _ in prompts]

    def draw_some(places: list[int]) -> list[list[Sample]]:
        some, their_keys = [prompts[place] for place in places], [keys[place] for place in places]
        return decode(policy, tok, some, keys=their_keys, per_prompt=per_prompt, seed=seed, settings=settings)

    with decoders() as pool:
        parts = [order[hand::hands] for hand in range(hands)]
        for places, drawn in zip(parts, pool.map(draw_some, parts), strict=True):
            for place, slate in zip(places, drawn, strict=True):
                slates[place] = slate
    return slates


def decode(
    policy: PolicyNet,
    tok: Tokenizer,
    prompts: Sequence[Sequence[int]],
    *,
    keys: Sequence[str],
    per_prompt: int,
    seed: int,
    settings: Settings,
) -> list[list[Sample]]:
    """Like `generate`, on one thread, with a cache of at most `batch_tokens` positions."""
    room = max(map(len, prompts), default=0) + settings.max_new
    return generate(
        policy.causal,
        prompts,
        keys=keys,
        per_prompt=per_prompt,
        max_new=settings.max_new,
        temperature=settings.temperature,
        seed=seed,
        eos=tok.eos_id,
        slots=max(1, settings.batch_tokens // max(1, room)),
    )


@torch.inference_mode()
def generate(
    net: Any,
    prompts: Sequence[Sequence[int]],
    *,
    keys: Sequence[str],
    per_prompt: int,
    max_new: int,
    temperature: float,
    seed: int,
    eos: int,
    slots: int = 64,
) -> list[list[Sample]]:
    """Draw `per_prompt` completions for each prompt (a list of token ids), in the prompts' order.

    `keys` name the prompts to the noise. Only the temperature is applied, so the log-probabilities (nats,
    at that temperature) are those of the distribution that was drawn from. A completion stops after `eos` or
    after `max_new` tokens; the next one takes its slot. At most `slots` are at work at once.
    """
    works = [_Work(f"{seed}:{key}:{k}", place) for place, key in enumerate(keys) for k in range(per_prompt)]
    drawing = _Drawing(temperature, eos, max_new)
    waiting = _begun(net, prompts, works, drawing)
    live = list(islice(waiting, slots))
    if live:
        room = max(map(len, prompts)) + max_new
        cache = Slots(net, [prompt for _, prompt in live], room)
        _run(cache, [work for work, _ in live], waiting, drawing)
    return [[work.sample for work in works if work.place == place] for place in range(len(prompts))]


@dataclass
class _Work:
    """A completion on its way: the name that its noise has, and the place of its prompt."""

    name: str
    place: int
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True)
class _Drawing:
    """How a token is chosen, and when a text ends."""

    temperature: float
    eos: int
    limit: int

    def extend(self, works: Sequence[_Work], logits: Tensor) -> None:
        """Add one token to each of `works`, drawn from its row of `logits` [R,V]."""
        uniforms = [uniform(work.name, len(work.sample.tokens)) for work in works]
        chosen = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)
        tokens, logprobs = draw(logits / self.temperature, chosen)
        for work, token, logprob in zip(works, tokens.tolist(), logprobs.tolist(), strict=True):
            work.sample.tokens.append(token)
            work.sample.logprobs.append(logprob)
            work.sample.finished = token == self.eos

    def ended(self, work: _Work) -> bool:
        return work.sample.finished or len(work.sample.tokens) >= self.limit


def _begun(
    net: Any, prompts: Sequence[Sequence[int]], works: Sequence[_Work], drawing: _Drawing
) -> Iterator[tuple[_Work, Prefilled]]:
    """Completions that have their first token and need more, with the prompt that each goes on from."""
    for place, prompt in enumerate(prompts):
        read = Prefilled(net, list(prompt))
        mine = [work for work in works if work.place == place]
        drawing.extend(mine, read.logits.expand(len(mine), -1))
        yield from ((work, read) for work in mine if not drawing.ended(work))


def _run(cache: Slots, live: list[_Work], waiting: Iterator[tuple[_Work, Prefilled]], drawing: _Drawing) -> None:
    while live:
        last = torch.tensor([work.sample.tokens[-1] for work in live], device=cache.lengths.device)
        logits = cache.feed(last)
        going = [slot for slot, work in enumerate(live) if not drawing.ended(work)]
        drawing.extend([live[slot] for slot in going], logits[going])
        for slot in range(len(live)):
            if drawing.ended(live[slot]) and (begun := next(waiting, None)):
                live[slot] = begun[0]
                cache.begin(slot, begun[1])
        running = [slot for slot, work in enumerate(live) if not drawing.ended(work)]
        if len(running) <= CROWDED * len(live):
            live = [live[slot] for slot in running]
            cache.keep(running)


def uniform(name: str, position: int) -> float:
    """A number in [0, 1) that depends on the completion's name and the token's position, and nothing else."""
    noise = hashlib.blake2b(f"{name}:{position}".encode(), digest_size=8).digest()
    return (int.from_bytes(noise, "big") >> 11) * 2.0**-53


def draw(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (rows,) by inverse CDF of softmax(logits (rows, vocabulary)), and their log-probabilities, float32.

    The sums are float64: in float32 the tail of a vocabulary of 50,000 would be drawn too often or never. They are
    taken over blocks of the vocabulary first and then within the one block that the uniform falls into.
    """
    logprobs = logits.float().log_softmax(dim=-1)
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
