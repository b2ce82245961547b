"""The optimizer and its learning rate, the same for every stage."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from trainer.runtime import generator

FLOOR = 0.1


def adamw(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """AdamW with betas .9, .95 (Ouyang et al. 2022) and eps 1e-5, on which early updates hang (Huang et al. 2024)."""
    return torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.95), eps=1e-5, weight_decay=weight_decay, fused=True)


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate for update `step` from 0: linear over the share `warmup`, then cosine to 10 %."""
    rising = math.ceil(steps * warmup)
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * progress))


def warmup_constant(step: int, steps: int, warmup: int, *, falling: bool = False) -> float:
    """Share of the peak rate for update `step` from 0: from a tenth over `warmup` updates, then constant.

    With `falling` it goes in a straight line to 0 from the start (Huang et al. 2024); without, as Ouyang et al. 2022.
    """
    rising = min(1.0, FLOOR + (1.0 - FLOOR) * step / warmup) if warmup else 1.0
    return rising * (1.0 - step / steps) if falling else rising


def update(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], lr: float, clip: float) -> float:
    """Clip the global norm of the gradients to `clip`, apply them, clear them; return the norm before clipping.

    With a norm that is NaN or infinite nothing is applied, so that the weights stay usable. A parameter group
    with a `scale` learns at that many times `lr`.
    """
    norm = float(nn.utils.clip_grad_norm_(parameters, clip))
    if math.isfinite(norm):
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get("scale", 1.0)
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def batches(count: int, size: int, epochs: int, seed: int) -> list[list[int]]:
    """Row indices of every update: a permutation of its own for each epoch, whose last batch may be smaller."""
    plan: list[list[int]] = []
    for epoch in range(epochs):
        order = torch.randperm(count, generator=generator(seed, "order", epoch)).tolist()
        plan += [order[start : start + size] for start in range(0, count, size)]
    return plan
