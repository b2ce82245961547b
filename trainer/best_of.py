"""Best of n: let the reward model choose among n samples of one policy. The yardstick for whatever was trained."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from trainer.errors import Diverged


def kl(n: int) -> float:
    """KL(best of n || the policy itself) in nats: log n - (n - 1) / n.

    An upper bound that is reached where no two samples are equal (Stiennon et al. 2020, appendix G.3; Beirami et
    al. 2024).
    """
    return math.log(n) - (n - 1) / n


def expected_best(proxy: Tensor, values: Tensor, n: int) -> Tensor:
    """The value [prompts] of the sample with the highest `proxy` among n, in expectation.

    `proxy` and `values` are [prompts, N], n ≤ N. The mean over all subsets of n of the N samples, so unbiased and
    less noisy than one subset: the sample that is the i-th from below is the best of C(i - 1, n - 1) of the C(N, n)
    subsets (Nakano et al. 2021, appendix I; Gao et al. 2022, section 2). Raises ValueError where n > N.
    """
    count = proxy.shape[1]
    if not 1 <= n <= count:
        raise ValueError(f"the best of {n} among {count} samples")
    shares = [math.comb(rank, n - 1) / math.comb(count, n) for rank in range(count)]
    order = proxy.argsort(dim=1, stable=True)
    return (values.gather(1, order).double() * torch.tensor(shares, dtype=torch.float64)).sum(dim=1)


def places(scores: Tensor, n: int) -> Tensor:
    """Where the best of every n neighbours stands [groups]; `scores` are [groups * n]. Of equals, the first.

    Raises Diverged where a score is NaN or infinite.
    """
    if not bool(scores.isfinite().all()):
        raise Diverged("the reward model gave a score that is not finite")
    groups = scores.view(-1, n)
    best = groups.argsort(dim=1, descending=True, stable=True)[:, 0]
    return best + torch.arange(len(groups)) * n


def sizes(count: int) -> Iterator[int]:
    """1, 2, 4, … up to `count`."""
    n = 1
    while n <= count:
        yield n
        n *= 2
