"""Batches of rows of unequal length, and how they lie in one row without padding, a shared prompt once.

Masks and lengths are explicit: nothing is ever inferred from token ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class States:
    """Hidden states [M,d] that the lowest `layers` layers made, and where those of a batch's tokens lie: [B,T]."""

    values: Tensor
    places: Tensor
    layers: int


@dataclass(frozen=True)
class Batch:
    """Rows: `ids` int64, `is_token` (not padding) and `is_completion` bool, all [B,T].

    Rows of equal `group` [B] begin with the same tokens, up to their completions. `states` are what frozen lower
    layers make of the tokens, for nets that have those layers in common.
    """

    ids: Tensor
    is_token: Tensor
    is_completion: Tensor
    group: Tensor | None = None
    states: States | None = None

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Batch":
        """From rows of (prompt ids, completion ids); rows of one prompt become a group."""
        batch = cls.of_flags(
            [([*prompt, *answer], [False] * len(prompt) + [True] * len(answer)) for prompt, answer in rows]
        )
        numbers: dict[tuple[int, ...], int] = {}
        group = [numbers.setdefault(tuple(prompt), len(numbers)) for prompt, _ in rows]
        return cls(batch.ids, batch.is_token, batch.is_completion, torch.tensor(group))

    @classmethod
    def of_flags(cls, rows: Sequence[tuple[Sequence[int], Sequence[bool]]]) -> "Batch":
        """From rows of (ids, whether each id belongs to the completion)."""
        shape = len(rows), max(len(ids) for ids, _ in rows)
        ids, real, learned = torch.zeros(shape, dtype=torch.long), torch.zeros(shape).bool(), torch.zeros(shape).bool()
        for row, (tokens, flags) in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            real[row, : len(tokens)] = True
            learned[row, : len(tokens)] = torch.tensor(flags)
        return cls(ids, real, learned)

    @property
    def lengths(self) -> Tensor:
        """[B] int64, real tokens of each row."""
        return self.is_token.sum(dim=1)

    @property
    def last(self) -> Tensor:
        """[B] int64, the place of each row's last real token."""
        return self.lengths - 1

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def select(self, rows: Tensor) -> "Batch":
        """The rows at `rows` (int64 or bool), trimmed to the longest of them."""
        width = int(self.lengths[rows].max())
        states = self.states
        return Batch(
            self.ids[rows, :width],
            self.is_token[rows, :width],
            self.is_completion[rows, :width],
            None if self.group is None else self.group[rows],
            None if states is None else States(states.values, states.places[rows, :width], states.layers),
        )


@dataclass(frozen=True)
class Packing:
    """The N tokens of a batch in one row, cut into segments.

    `source` [N] is each token's index in the flattened batch, `places` [B,T] the way back (0 for padding).
    Segment i has `lengths[i]` tokens and continues segment `prefixes[i]`, where it has one.
    """

    source: Tensor
    places: Tensor
    lengths: tuple[int, ...]
    prefixes: tuple[int | None, ...]

    @property
    def positions(self) -> Tensor:
        """[N] int64, each token's place in its own row."""
        return self.source % self.places.shape[1]


def pack(batch: Batch) -> Packing:
    """Lay out a batch without padding; what the rows of a group begin with is laid out once.

    A completion then sees its prompt's keys and its own (Juravsky et al. 2024, "Hydragen"; verl's prefix grouper),
    so K completions of a prompt cost one prompt.
    """
    layout = _Layout(batch)
    for _, rows in groupby(*_by_group(batch)):
        layout.add(list(rows))
    return Packing(torch.cat(layout.source), layout.places, tuple(layout.lengths), tuple(layout.prefixes))


def chunks(batch: Batch, tokens: int) -> Iterator[Tensor]:
    """Row indices, whole groups where they fit, so many at a time that no more than `tokens` tokens are laid out."""
    lengths, prompts = batch.lengths.tolist(), (batch.lengths - batch.is_completion.sum(dim=1)).tolist()
    order, group_of = _by_group(batch)
    rows: list[int] = []
    total = 0
    for row in order:
        again = bool(rows) and group_of(row) == group_of(rows[-1])
        cost = lengths[row] - (prompts[row] if again else 0)
        if rows and total + cost > tokens:
            yield torch.tensor(rows)
            rows, total, cost = [], 0, lengths[row]
        rows.append(row)
        total += cost
    if rows:
        yield torch.tensor(rows)


def _by_group(batch: Batch) -> tuple[list[int], Any]:
    """Row numbers with groups together, and what tells a row's group."""
    count = len(batch)
    groups = list(range(count)) if batch.group is None else batch.group.tolist()
    return sorted(range(count), key=groups.__getitem__), groups.__getitem__


class _Layout:
    """Segments as they are added, group by group."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.width = batch.ids.shape[1]
        self.row_lengths: list[int] = batch.lengths.tolist()
        self.prompts: list[int] = (batch.lengths - batch.is_completion.sum(dim=1)).tolist()
        self.places = torch.zeros(batch.ids.shape, dtype=torch.long)
        self.source: list[Tensor] = []
        self.lengths: list[int] = []
        self.prefixes: list[int | None] = []
        self.filled = 0

    def add(self, rows: list[int]) -> None:
        shared = self.prompts[rows[0]] if len(rows) > 1 else 0
        prefix = self._segment(rows, 0, shared, None)
        for row in rows:
            self._segment([row], shared, self.row_lengths[row], prefix)

    def _segment(self, rows: list[int], start: int, stop: int, prefix: int | None) -> int | None:
        """Lay out tokens `start` to `stop`, which all of `rows` have in common; its number, or else `prefix`."""
        if start == stop:
            return prefix
        self.source.append(torch.arange(rows[0] * self.width + start, rows[0] * self.width + stop))
        self.places[torch.tensor(rows), start:stop] = torch.arange(self.filled, self.filled + stop - start)
        self.filled += stop - start
        self.lengths.append(stop - start)
        self.prefixes.append(prefix)
        return len(self.lengths) - 1
