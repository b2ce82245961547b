"""Two more models of a whole ranking beside Bradley-Terry: one that draws best first, and one that knows ties."""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainer.losses import Tiers

# A tie group of this size has 1,024 subsets; larger ones are approximated.
EXACT_GROUP = 10
# Where the tie threshold is looked for: no ties at all would put it at 0, nothing but ties at infinity.
LEAST_TIE, MOST_TIE = 1e-3, 10.0
HALVINGS = 50


def plackett_luce(scores: Tensor, tiers: Tiers) -> Tensor | None:
    """Minus the log-probability of one slate's tie groups in their order, over the borders between them, in nats.

    Completions are drawn best first, each with chance exp(score) over what is left (Luce 1959, Plackett 1975).
    A tie says that the person did not order the group, so its chance is the sum over all its orders: the exact
    treatment of Kalbfleisch and Prentice 1973, not Breslow's or Efron's approximation of it. The group at the
    end adds nothing, unplaced completions are left out. [K, ...] to [...]; None without a border.
    """
    groups = tie_groups(tiers)
    if len(groups) < 2:
        return None
    scores = scores.float()
    total = torch.zeros_like(scores[0])
    rest = scores[groups[-1]].logsumexp(dim=0)
    for group in reversed(groups[:-1]):
        total = total - first_drawn(scores[group], rest)
        rest = torch.logaddexp(rest, scores[group].logsumexp(dim=0))
    return total / (len(groups) - 1)


def tie_groups(tiers: Tiers) -> list[list[int]]:
    """Indices of the placed completions of each tier, best tier first."""
    levels = sorted({tier for tier in tiers if tier is not None})
    return [[index for index, tier in enumerate(tiers) if tier == level] for level in levels]


def first_drawn(group: Tensor, rest: Tensor) -> Tensor:
    """Log-probability that the completions `group` [G, ...] are drawn, in any order, before all others.

    `rest` [...] is the log of the others' summed weight. Exact up to EXACT_GROUP: the chance to have drawn
    just a subset is a sum over which of its members came last. Beyond, Efron 1977 times the number of orders.
    """
    if len(group) > EXACT_GROUP:
        return _efron(group, rest)
    drawn = torch.zeros_like(rest)[None]
    for members, before, left in _subsets(len(group)):
        weights = torch.cat([group.where(_like(left, group), -torch.inf), rest.expand(len(left), 1, *rest.shape)], 1)
        step = drawn - weights.logsumexp(dim=1)
        drawn = (step[before] + group[members]).logsumexp(dim=1)
    return drawn[0]


def rao_kupper(scores: Tensor, tiers: Tiers, tie: Tensor | float) -> Tensor | None:
    """Mean over all pairs of one slate's placed completions of -log p, in nats, ties among them.

    p(i over j) = sigmoid(s_i - s_j - tie) and p(tie) is what is left (Rao and Kupper 1967; `tie` > 0 is the
    log of their theta). [K, ...] to [...]; None with fewer than two placed completions.
    """
    untied, tied = differences(scores, tiers)
    if not len(untied) + len(tied):
        return None
    return torch.cat(_costs(untied, tied, torch.as_tensor(tie))).mean(dim=0)


def differences(scores: Tensor, tiers: Tiers) -> tuple[Tensor, Tensor]:
    """Score differences [pairs, ...] of the untied pairs, better minus worse, and of the tied ones; fp32."""
    placed = [(tier, index) for index, tier in enumerate(tiers) if tier is not None]
    pairs = [(above, below) for above in placed for below in placed if above < below]
    found = []
    for wanted in (False, True):
        chosen = [(i, j) for (above, i), (below, j) in pairs if (above == below) is wanted]
        rows = torch.tensor(chosen, dtype=torch.long, device=scores.device).reshape(-1, 2)
        found.append(scores[rows[:, 0]].float() - scores[rows[:, 1]].float())
    return found[0], found[1]


def fit_tie(scores: Sequence[Tensor], tiers: Sequence[Tiers]) -> float:
    """The threshold of `rao_kupper` that costs least over these slates [K] at these scores, every slate alike.

    The cost is convex in the threshold, so its slope is halved to zero, between LEAST_TIE and MOST_TIE.
    """
    pairs = [differences(score, tier) for score, tier in zip(scores, tiers, strict=True)]
    counts = torch.tensor([max(1, len(untied) + len(tied)) for untied, tied in pairs])
    share = [torch.repeat_interleave(1.0 / counts, torch.tensor([len(each[k]) for each in pairs])) for k in (0, 1)]
    untied, tied = (torch.cat([each[k] for each in pairs]) for k in (0, 1))
    low, high = LEAST_TIE, MOST_TIE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        wins = (share[0] * torch.sigmoid(middle - untied)).sum()
        gain = 2.0 / -math.expm1(-2.0 * middle)
        ties = (share[1] * (torch.sigmoid(middle - tied) + torch.sigmoid(middle + tied) - gain)).sum()
        low, high = (low, middle) if wins + ties > 0 else (middle, high)
    return low


def _costs(untied: Tensor, tied: Tensor, tie: Tensor) -> tuple[Tensor, Tensor]:
    room = 2.0 * tie + torch.log(-torch.expm1(-2.0 * tie))
    return -logsigmoid(untied - tie), -(room + logsigmoid(tied - tie) + logsigmoid(-tied - tie))


def _efron(group: Tensor, rest: Tensor) -> Tensor:
    """Every draw takes an average member of the group away (Efron 1977); exact where the group scores alike."""
    size = len(group)
    left = torch.log1p(-torch.arange(size, device=group.device) / size).reshape(-1, *[1] * rest.dim())
    weights = torch.logaddexp(group.logsumexp(dim=0) + left, rest)
    return math.lgamma(size + 1) + group.sum(dim=0) - weights.sum(dim=0)


@functools.cache
def _subsets(size: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each number n of draws from 1: the members [subsets, n] of every subset of n, where the subset without
    that member stands among those of n - 1, and which places [subsets of n - 1, size] those leave open.
    """
    levels = []
    before = [0]
    for count in range(1, size + 1):
        subsets = [mask for mask in range(1 << size) if mask.bit_count() == count]
        members = [[place for place in range(size) if mask >> place & 1] for mask in subsets]
        rows = {mask: row for row, mask in enumerate(before)}
        parents = [
            [rows[mask ^ (1 << place)] for place in inside] for mask, inside in zip(subsets, members, strict=True)
        ]
        left = [[not mask >> place & 1 for place in range(size)] for mask in before]
        levels.append((torch.tensor(members), torch.tensor(parents), torch.tensor(left)))
        before = subsets
    return levels


def _like(mask: Tensor, group: Tensor) -> Tensor:
    return mask.reshape(*mask.shape, *[1] * (group.dim() - 1)).to(group.device)
