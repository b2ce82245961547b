"""Which of two policies answers a prompt while one of them is a canary. Pure."""

import hashlib
from collections.abc import Sequence

from annotations.models import Prompt


def falls_to_canary(prompt: object, *, order: int, share: int) -> bool:
    """Whether `share` of a hundred takes this prompt in its project's order of this number.

    A hash of both: no order has a prompt in hand that another could not have, and over many orders, however small,
    the share is right.
    """
    noise = hashlib.sha256(f"{order}:{prompt}".encode()).digest()
    return int.from_bytes(noise[:8], "big") % 100 < share


def split(prompts: Sequence[Prompt], *, order: int, share: int) -> tuple[list[Prompt], list[Prompt]]:
    """The prompts that stay with the current policy, and those that the canary answers."""
    taken = [falls_to_canary(prompt.public_id, order=order, share=share) for prompt in prompts]
    pairs = list(zip(prompts, taken, strict=True))
    return [prompt for prompt, canary in pairs if not canary], [prompt for prompt, canary in pairs if canary]
