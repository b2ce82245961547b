"""Completions of a policy: slots of a cache that are never empty while there is something left to begin."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import torch

from trainer import compute, dist
from trainer.decoding import Prefilled, Slots
from trainer.drawing import Drawing, Sample, Work
from trainer.nets import PolicyNet
from trainer.text import Tokenizer

# With nothing left to begin, slots that have ended stay until a quarter has: leaving copies what is kept of the cache.
CROWDED = 0.75
# With fewer texts to a thread, one thread alone is as fast: the weights are read anew for every token.
ENOUGH = 16


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
    """Draw `per_prompt` completions of each prompt, on all threads; the slates are in the prompts' order.

    Several processes draw for a share of the prompts each: the noise hangs on the prompt alone.
    """
    prompts, keys = dist.share(prompts), dist.share(keys)
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
    return [
        [each if isinstance(each, Sample) else Sample(**each) for each in slate]
        for slate in dist.woven(dist.gather(slates))
    ]


def decode(
    policy: PolicyNet,
    tok: Tokenizer,
    prompts: Sequence[Sequence[int]],
    *,
    keys: Sequence[str],
    per_prompt: int,
    seed: int,
    settings: Settings,
    drawing: Drawing | None = None,
) -> list[list[Sample]]:
    """Like `generate`, on one thread, with a cache of at most `batch_tokens` positions.

    Without a `drawing` only the temperature is applied: what is learned from must come from the policy itself.
    """
    room = max(map(len, prompts), default=0) + settings.max_new
    return generate(
        policy.causal,
        prompts,
        keys=keys,
        per_prompt=per_prompt,
        seed=seed,
        drawing=drawing or Drawing(tok, settings.max_new, settings.temperature),
        slots=max(1, settings.batch_tokens // max(1, room)),
    )


@torch.inference_mode()
def generate(
    net: Any,
    prompts: Sequence[Sequence[int]],
    *,
    keys: Sequence[str],
    per_prompt: int,
    seed: int,
    drawing: Drawing,
    slots: int = 64,
) -> list[list[Sample]]:
    """Draw `per_prompt` completions for each prompt (a list of token ids), in the prompts' order.

    `keys` name the prompts to the noise. When a completion has ended the next one takes its slot; at most `slots`
    are at work at once.
    """
    net = compute.for_decoding(net)
    works = [Work(f"{seed}:{key}:{k}", place) for place, key in enumerate(keys) for k in range(per_prompt)]
    waiting = _begun(net, prompts, works, drawing)
    live = list(islice(waiting, slots))
    if live:
        room = max(map(len, prompts)) + drawing.max_new
        cache = Slots(net, [prompt for _, prompt in live], room)
        _run(cache, [work for work, _ in live], waiting, drawing)
    return [[work.sample for work in works if work.place == place] for place in range(len(prompts))]


def _begun(
    net: Any, prompts: Sequence[Sequence[int]], works: Sequence[Work], drawing: Drawing
) -> Iterator[tuple[Work, Prefilled]]:
    """Completions that have their first token and need more, with the prompt that each goes on from."""
    for place, prompt in enumerate(prompts):
        read = Prefilled(net, list(prompt))
        mine = [work for work in works if work.place == place]
        drawing.extend(mine, read.logits.expand(len(mine), -1))
        yield from ((work, read) for work in mine if not drawing.ended(work))


def _run(cache: Slots, live: list[Work], waiting: Iterator[tuple[Work, Prefilled]], drawing: Drawing) -> None:
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
