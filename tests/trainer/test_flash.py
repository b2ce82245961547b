"""Attention of all segments in one product: what the kernel is asked for is what one product a segment gives."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from trainer import flash
from trainer.attention import by_segment

HEADS, KEY_HEADS, WIDTH = 4, 2, 8


def kernel(
    *given: Any, scale: float, window_size: tuple[int, int], enable_gqa: bool, from_start: bool = False
) -> Tensor:
    """What torch documents of `varlen_attn`, in plain products: the kernel itself needs a GPU.

    With `from_start` the window begins with the first query and the first key together, as FlashAttention 2.0 did.
    """
    assert (window_size, enable_gqa) == ((-1, 0), True)
    query, key, value, query_ends, key_ends = given[:5]
    said = []
    for (begin, end), (first, last) in zip(pairwise(query_ends.tolist()), pairwise(key_ends.tolist()), strict=True):
        texts = (query[begin:end], key[first:last], value[first:last])
        asked, keys, values = (each.transpose(0, 1).unsqueeze(0).float() for each in texts)
        before = 0 if from_start else last - first - (end - begin)
        seen = torch.ones(end - begin, last - first).tril(before).bool()
        told = scaled_dot_product_attention(asked, keys, values, attn_mask=seen, scale=scale, enable_gqa=True)
        said.append(told[0].transpose(0, 1))
    return torch.cat(said).bfloat16()


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "varlen_attn", kernel)
    flash.agrees.cache_clear()


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[int], list[int | None]]:
    """Groups of a prefix and what continues it, and segments alone."""
    lengths: list[int] = []
    prefixes: list[int | None] = []
    for continued in draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)):
        first = len(lengths)
        lengths += draw(st.lists(st.integers(1, 5), min_size=1 + continued, max_size=1 + continued))
        prefixes += [None, *[first] * continued]
    return lengths, prefixes


@given(layouts())
def test_the_spans_say_which_tokens_each_segment_sees(layout: tuple[list[int], list[int | None]]) -> None:
    lengths, prefixes = layout
    where = flash.spans(lengths, prefixes)
    starts = [sum(lengths[:segment]) for segment in range(len(lengths))]
    own = [list(range(start, start + length)) for start, length in zip(starts, lengths, strict=True)]
    seen = [where.keys[begin:end].tolist() for begin, end in pairwise(where.key_ends.tolist())]
    assert seen == [[*(own[prefix] if prefix is not None else []), *own[at]] for at, prefix in enumerate(prefixes)]
    assert (where.longest_query, where.longest_keys) == (max(lengths), max(map(len, seen)))
    assert where.query_ends.tolist() == [*starts, sum(lengths)]


@pytest.mark.usefixtures("documented")
def test_the_kernel_is_taken_where_it_agrees_with_one_product_a_segment() -> None:
    assert flash.agrees(torch.device("cpu"), (HEADS, KEY_HEADS), WIDTH, by_segment)


@pytest.mark.usefixtures("documented")
def test_a_kernel_whose_window_ends_elsewhere_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "varlen_attn", partial(kernel, from_start=True))
    assert not flash.agrees(torch.device("cpu"), (HEADS, KEY_HEADS), WIDTH, by_segment)


def test_a_device_without_the_kernel_goes_on_with_one_product_a_segment() -> None:
    assert not flash.serves(torch.device("cpu"))
    flash.agrees.cache_clear()
    assert not flash.agrees(torch.device("cpu"), (HEADS, KEY_HEADS), WIDTH, by_segment)
