"""The key-value cache of completions at work: a prompt is read once, and each completion goes on from a copy of it."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from trainer import compute, trunk


class Prefilled:
    """A prompt that was read: keys and values [layers,H_kv,P,d] to copy, and the logits [V] of what comes next."""

    def __init__(self, net: Any, ids: list[int]) -> None:
        kept = _Keeping()
        positions = torch.arange(len(ids), device=net.device)
        states = trunk.embed(net.model, torch.tensor(ids, device=net.device))
        with compute.products(net.device):
            states = trunk.run(net.model, states, positions, kept)
        self.keys, self.values = torch.cat(kept.keys), torch.cat(kept.values)
        self.logits = _logits(net, states[:, -1:])[0]


class _Keeping:
    """A pattern: causal attention over one text, whose keys and values are kept."""

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        self.keys.append(key)
        self.values.append(value)
        grouped = query.shape[1] != key.shape[1]
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, enable_gqa=grouped)


class Slots:
    """A pattern: as many texts as there are slots, each as long as it is, all one token further at every call.

    Slot r holds keys and values [layers,R,H_kv,room,d] up to `lengths[r]`; nothing is moved as texts grow.
    """

    def __init__(self, net: Any, prompts: list[Prefilled], room: int) -> None:
        layers, heads, _, width = prompts[0].keys.shape
        shape = layers, len(prompts), heads, room, width
        self.net = net
        # Zeros: what a mask hides is weighed with 0, which would not silence a NaN.
        self.keys, self.values = prompts[0].keys.new_zeros(shape), prompts[0].values.new_zeros(shape)
        self.lengths = torch.zeros(len(prompts), dtype=torch.long, device=net.device)
        for slot, prompt in enumerate(prompts):
            self.begin(slot, prompt)

    def begin(self, slot: int, prompt: Prefilled) -> None:
        """Let `slot` go on from `prompt`; what stood in it is forgotten."""
        length = prompt.keys.shape[2]
        self.keys[:, slot, :, :length] = prompt.keys
        self.values[:, slot, :, :length] = prompt.values
        self.lengths[slot] = length

    def keep(self, slots: list[int]) -> None:
        """Drop every slot but these."""
        self.keys, self.values, self.lengths = self.keys[:, slots], self.values[:, slots], self.lengths[slots]

    def feed(self, tokens: Tensor) -> Tensor:
        """Add a token [R] to every text; the logits [R,V] of what comes next."""
        net: Any = self.net
        self.longest = int(self.lengths.max()) + 1
        seen = torch.arange(self.longest, device=tokens.device) <= self.lengths.unsqueeze(1)
        self.seen = seen[:, None, None, :]
        with compute.products(net.device):
            states = trunk.run(net.model, trunk.embed(net.model, tokens), self.lengths, self)
        # A text that has ended may wait in its slot for longer than there is room.
        self.lengths = (self.lengths + 1).clamp(max=self.keys.shape[3] - 1)
        return _logits(net, states)

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        rows, heads = torch.arange(len(self.lengths), device=query.device), key.shape[1]
        keys, values = self.keys[layer], self.values[layer]
        keys[rows, :, self.lengths] = key[0].transpose(0, 1)
        values[rows, :, self.lengths] = value[0].transpose(0, 1)
        # The query heads that share a key head stand beside each other as if they were tokens: no key is repeated.
        asked = query[0].transpose(0, 1).reshape(len(rows), heads, -1, query.shape[3])
        said = scaled_dot_product_attention(
            asked, keys[:, :, : self.longest], values[:, :, : self.longest], attn_mask=self.seen, scale=scale
        )
        return said.flatten(1, 2).transpose(0, 1).unsqueeze(0)


def _logits(net: Any, states: Tensor) -> Tensor:
    """[N,V] fp32 from states [1,N,d] above the last layer."""
    states = trunk.normed(net.model, states.float())
    with compute.products(net.device):
        logits: Tensor = net.lm_head(states)[0]
    return logits.float()
