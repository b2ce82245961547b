"""Two more models of a whole ranking beside Bradley-Terry: one that draws best first, and one that knows ties."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainer.losses import Tiers

# From, to and step of the logarithms of times at which the trapezoid rule looks. What lies before adds 2e-9, and
# nothing comes after; groups of up to a hundred have no narrower peak than the step can see.
TIMES = (-20.0, 7.0, 0.1)
# Where the tie threshold is looked for: no ties at all would put it at 0, nothing but ties at infinity.
LEAST_TIE, MOST_TIE = 1e-3, 10.0
HALVINGS = 50


def plackett_luce(scores: Tensor, tiers: Tiers) -> Tensor | None:
    """Minus the log-probability of one slate's tie groups in their order, over the borders between them, in nats.

    Completions are drawn best first, each with chance exp(score) over what is left (Luce 1959, Plackett 1975).
    A tie says that the person did not order the group, so its chance is the sum over all its orders: the exact
    treatment of Kalbfleisch and Prentice 1973, where Breslow's and Efron's approximations would pull scores of
    a group together. The last group adds nothing, what is unplaced is left out. [K, ...] to [...]; None
    without a border.
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

    `rest` [...] is the log of the others' summed weight. If every completion came after a time of its own, the
    sooner the larger its weight, the first of the others would come at exp(x - rest), with density
    exp(x - exp(x)) in x, and a member later than that with chance exp(-exp(x + score - rest)): an integral
    over one variable instead of a sum over orders (DeLong, Guirguis and So 1994), by the trapezoid rule in fp64.
    """
    if len(group) == 1:
        return logsigmoid(group[0] - rest)
    after = torch.arange(*TIMES, dtype=torch.float64, device=group.device).reshape(-1, *[1] * group.dim())
    late = -torch.exp(after + (group - rest).double())
    logs = torch.log(-torch.expm1(late)).sum(dim=1) + (after - after.exp()).squeeze(1)
    return (logs.logsumexp(dim=0) + math.log(TIMES[2])).to(group.dtype)


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
