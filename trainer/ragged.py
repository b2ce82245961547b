"""Batches of rows whose lengths and masks are explicit: nothing is ever inferred from token ids."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Right-padded rows: `ids` int64, `is_token` (not padding) and `is_completion` bool, all [B,T].

    `states` [B,T,d] is what the lowest `layers` layers make of them, for nets that have those in common.
    """

    ids: Tensor
    is_token: Tensor
    is_completion: Tensor
    states: Tensor | None = None
    layers: int = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Batch":
        """From rows of (prompt ids, completion ids)."""
        return cls.of_flags(
            [([*prompt, *answer], [False] * len(prompt) + [True] * len(answer)) for prompt, answer in rows]
        )

    @classmethod
    def of_flags(cls, rows: Sequence[tuple[Sequence[int], Sequence[bool]]]) -> "Batch":
        """From rows of (ids, whether each id belongs to the completion)."""
        shape = len(rows), max(len(ids) for ids, _ in rows)
        ids, real, learned = (
            torch.zeros(shape, dtype=torch.long),
            torch.zeros(shape).bool(),
            torch.zeros(shape).bool(),
        )
        for row, (tokens, flags) in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            real[row, : len(tokens)] = True
            learned[row, : len(tokens)] = torch.tensor(flags)
        return cls(ids, real, learned)

    @property
    def lengths(self) -> Tensor:
        """[B] int64, real tokens of each row."""
        return self.is_token.sum(dim=1)

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def to(self, device: torch.device | str) -> "Batch":
        states = None if self.states is None else self.states.to(device)
        return Batch(
            self.ids.to(device),
            self.is_token.to(device),
            self.is_completion.to(device),
            states,
            self.layers,
        )

    def select(self, rows: Tensor) -> "Batch":
        """The rows at `rows` (int64 or bool), trimmed to the longest of them."""
        width = int(self.lengths[rows].max())
        return Batch(
            self.ids[rows, :width],
            self.is_token[rows, :width],
            self.is_completion[rows, :width],
            None if self.states is None else self.states[rows, :width],
            self.layers,
        )
