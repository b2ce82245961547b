"""Which prompts a stage uses, in which order, and as which ids."""

from collections.abc import Sequence
from pathlib import Path

import torch

from trainer.errors import Refused
from trainer.records import Prompt, read_prompts
from trainer.runtime import generator
from trainer.text import Tokenizer, encode_prompt


def of_split(dataset: Path, split: str) -> list[Prompt]:
    """The prompts of one split of a dataset directory. Raises Refused without any."""
    prompts = [prompt for prompt in read_prompts(dataset / "prompts.jsonl") if prompt.split == split]
    if not prompts:
        raise Refused(f"{dataset / 'prompts.jsonl'} holds no prompt of the split {split!r}")
    return prompts


def stretch(prompts: Sequence[Prompt], start: int, count: int, seed: int) -> list[tuple[str, Prompt]]:
    """Places `start` to `start + count` of an endless walk, each with a key of its own for the noise.

    The walk is one permutation of all prompts after the other, so that a place is all it takes to go on.
    """
    orders: dict[int, list[int]] = {}
    found = []
    for place in range(start, start + count):
        epoch, within = divmod(place, len(prompts))
        if epoch not in orders:
            shuffle = generator(seed, "prompts", epoch)
            orders[epoch] = torch.randperm(len(prompts), generator=shuffle).tolist()
        prompt = prompts[orders[epoch][within]]
        found.append((f"{epoch}:{prompt.id}", prompt))
    return found


def encode_prompts(tok: Tokenizer, prompts: Sequence[Prompt], limit: int) -> list[list[int]]:
    """Ids of each prompt, at most `limit`. Raises Refused naming a prompt that cannot be made to fit."""
    encoded = []
    for prompt in prompts:
        try:
            encoded.append(encode_prompt(tok, prompt.messages, limit))
        except ValueError as error:
            raise Refused(f"prompt {prompt.id!r}: {error}") from error
    return encoded
