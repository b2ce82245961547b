"""Decode completions from a policy: one prefill a prompt, a key-value cache, noise that depends on nothing else."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from trainer.nets import PolicyNet
from trainer.text import Tokenizer

# Rows that have ended stay in the batch until a quarter has: leaving copies what is kept of the cache.
CROWDED = 0.75


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
    """Like `generate`, in batches of prompts of like length that keep the cache under `batch_tokens` positions."""
    slates: list[list[Sample]] = [[] for _ in prompts]
    for batch in _batches([len(prompt) + settings.max_new for prompt in prompts], per_prompt, settings):
        drawn = generate(
            policy.causal,
            [prompts[place] for place in batch],
            keys=[keys[place] for place in batch],
            per_prompt=per_prompt,
            max_new=settings.max_new,
            temperature=settings.temperature,
            seed=seed,
            eos=tok.eos_id,
        )
        for place, slate in zip(batch, drawn, strict=True):
            slates[place] = slate
    return slates


def _batches(lengths: Sequence[int], per_prompt: int, settings: Settings) -> Iterator[list[int]]:
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * per_prompt * lengths[place] > settings.batch_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


@contextmanager
def one_thread() -> Iterator[None]:
    """Decode on one thread: the matrices of one step are too small to share.

    Measured on two cores with SmolLM2 and 32 rows: 113 tokens a second on one thread, 80 on two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@one_thread()
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
) -> list[list[Sample]]:
    """Draw `per_prompt` completions for each prompt (a list of token ids), in the prompts' order.

    `keys` name the prompts to the noise. Only the temperature is applied, so the log-probabilities (nats,
    at that temperature) are those of the distribution that was drawn from. A completion stops after `eos` or
    after `max_new` tokens.
    """
    if not prompts:
        return []
    names = [f"{seed}:{key}:{k}" for key in keys for k in range(per_prompt)]
    samples = [Sample() for _ in names]
    decoder = _Decoder(net, prompts, copies=per_prompt, room=max_new)
    live = list(range(len(samples)))
    for position in range(max_new):
        uniforms = torch.tensor([uniform(names[row], position) for row in live], dtype=torch.float64)
        tokens, logprobs = draw(decoder.logits / temperature, uniforms.to(decoder.logits.device))
        for row, token, logprob in zip(live, tokens.tolist(), logprobs.tolist(), strict=True):
            _extend(samples[row], token, logprob, eos)
        running = [place for place, row in enumerate(live) if not samples[row].finished]
        if not running or position == max_new - 1:
            break
        if len(running) <= CROWDED * len(live):
            live, tokens = [live[place] for place in running], tokens[running]
            decoder.keep(running)
        decoder.feed(tokens)
    return [samples[first : first + per_prompt] for first in range(0, len(samples), per_prompt)]


def uniform(name: str, position: int) -> float:
    """A number in [0, 1) that depends on the completion's name and the token's position, and nothing else."""
    noise = hashlib.blake2b(f"{name}:{position}".encode(), digest_size=8).digest()
    return (int.from_bytes(noise, "big") >> 11) * 2.0**-53


def draw(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (rows,) by inverse CDF of softmax(logits (rows, vocabulary)), and their log-probabilities, float32.

    The sums are float64: in float32 the tail of a vocabulary of 50,000 would be drawn too often or never.
    """
    logprobs = logits.float().log_softmax(dim=-1)
    sums = logprobs.exp().cumsum(dim=-1, dtype=torch.float64)
    thresholds = uniforms.unsqueeze(1) * sums[:, -1:]
    tokens = torch.searchsorted(sums, thresholds, right=True).clamp(max=logits.shape[1] - 1)
    return tokens.squeeze(1), logprobs.gather(1, tokens).squeeze(1)


def _extend(sample: Sample, token: int, logprob: float, eos: int) -> None:
    if not sample.finished:
        sample.tokens.append(token)
        sample.logprobs.append(logprob)
        sample.finished = token == eos


class _Decoder:
    """The rows at work: their cache, what they may look at, and the logits of their next token."""

    def __init__(self, net: Any, prompts: Sequence[Sequence[int]], *, copies: int, room: int) -> None:
        ids, mask = left_padded(prompts, net.device)
        cache = DynamicCache()
        out = net(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache.layers = [_Fork(layer, copies, room) for layer in cache.layers]
        self.net, self.cache = net, cache
        self.mask = mask.repeat_interleave(copies, dim=0)
        self.logits: Tensor = out.logits[:, -1].repeat_interleave(copies, dim=0)

    def feed(self, tokens: Tensor) -> None:
        positions = self.mask.sum(dim=1, keepdim=True)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        out = self.net(
            input_ids=tokens.unsqueeze(1),
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.logits = out.logits[:, -1]

    def keep(self, rows: list[int]) -> None:
        """Drop every row but these."""
        self.mask = self.mask[rows]
        self.cache.batch_select_indices(torch.tensor(rows, device=self.mask.device))


def left_padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and mask (1 on real tokens), both int64 (prompts, longest): the ends align, so all rows go on together."""
    longest = max(len(prompt) for prompt in prompts)
    ids = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


class _Fork(DynamicLayer):  # type: ignore[misc]  # transformers is untyped here
    """One layer's cache after the prompt, copied for each completion, with room to the end.

    The stock layer concatenates, which copies the whole past at every token.
    """

    def __init__(self, prompt: DynamicLayer, copies: int, room: int) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = prompt.dtype, prompt.device, True
        self.length = prompt.keys.shape[-2]
        self.buffers = [self._roomy(states, copies, room) for states in (prompt.keys, prompt.values)]
        self._show()

    @staticmethod
    def _roomy(states: Tensor, copies: int, room: int) -> Tensor:
        rows, heads, length, width = states.shape
        buffer = states.new_empty(rows * copies, heads, length + room, width)
        buffer[:, :, :length] = states.repeat_interleave(copies, dim=0)
        return buffer

    def _show(self) -> None:
        self.keys, self.values = (buffer[:, :, : self.length] for buffer in self.buffers)

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start, self.length = self.length, self.length + key_states.shape[-2]
        for buffer, states in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:, :, start : self.length] = states
        self._show()
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        self.buffers = [buffer[indices] for buffer in self.buffers]
        self._show()
