"""A running mean of the weights that a net learns: steadier than the last iterate (Ouyang 2022, appendix C.4)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Average = dict[str, Tensor]


def begin(net: nn.Module) -> Average:
    """The mean of a net that has not learned yet."""
    return {name: each.detach().clone() for name, each in net.named_parameters() if each.requires_grad}


@torch.no_grad()
def follow(average: Average, net: nn.Module, decay: float) -> None:
    """Take one step of the net into its mean: decay · mean + (1 - decay) · weights."""
    for name, parameter in net.named_parameters():
        if name in average:
            average[name].lerp_(parameter, 1.0 - decay)


@torch.no_grad()
def put(average: Mapping[str, Tensor], net: nn.Module) -> None:
    """Let the mean take the place of the net's weights."""
    for name, parameter in net.named_parameters():
        if name in average:
            parameter.copy_(average[name])
