"""Low-rank adapters (Hu et al. 2022): weights stay as they are, and beside every linear layer two thin matrices learn.

What is published is always a plain model, the adapter merged into it. `peft` is imported only where there is a rank.
"""

import copy
import json
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from trainer import manifest
from trainer.nets import PolicyNet, freeze_below
from trainer.runtime import keyed_seed
from trainer.scalar import RewardNet
from trainer.trunk import depth

WEIGHTS, FACTS = "adapter_model.safetensors", "adapter_config.json"
# How peft names what lies in a transformers model that it wraps.
PREFIX = "base_model.model.model."
# An adapter counts alpha / rank = 2 times.
ALPHA = 2


def choose(net: nn.Module, *, layers: int, rank: int, seed: int) -> None:
    """Say what of a net learns: all of it, its top `layers` layers, or with a `rank` adapters in those layers alone.

    An adapter that the net has already learns on. A scalar head learns whatever else does (huggingface/trl#381,
    OpenRLHF#873). A new adapter changes nothing: one of its two matrices is 0.
    """
    if not rank:
        freeze_below(net, layers)
        return
    freeze_below(net, layers or depth(_trunk(net)))
    _trunk(net).requires_grad_(False)
    if not any(True for _ in _adapters(_trunk(net))):
        _add(_trunk(net), rank, layers or depth(_trunk(net)), keyed_seed(seed, "adapter", type(net).__name__))
    for _, parameter in _thin(_trunk(net)):
        parameter.requires_grad_(True)


def merge(net: nn.Module) -> None:
    """Turn a net with an adapter into the plain net that says the same; weights it shares with others stay theirs."""
    trunk = _trunk(net)
    for name, layer in list(_adapters(trunk)):
        plain = layer.get_base_layer()
        plain.weight = nn.Parameter(plain.weight.detach() + layer.get_delta_weight("default").detach())
        trunk.set_submodule(name, plain)


def save(net: RewardNet, folder: Path) -> None:
    """Write the adapter of a net and its head as peft does, for whoever holds the same base; nothing without one."""
    trunk = _trunk(net)
    thin = {PREFIX + name.replace(".default", ""): each.detach().contiguous() for name, each in _thin(trunk)}
    if thin:
        config = cast(Any, trunk).peft_config["default"]
        config.task_type, config.modules_to_save = "SEQ_CLS", ["score"]
        folder.mkdir()
        facts = {name: sorted(each) if isinstance(each, set) else each for name, each in config.to_dict().items()}
        (folder / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        head = cast(Any, net.classifier).score.weight.detach().contiguous()
        save_file({**thin, "base_model.model.score.weight": head}, folder / WEIGHTS)


def fits(reward: Path, policy: Path) -> bool:
    """Whether the reward model in `reward` was fitted as an adapter of the policy in `policy`."""
    facts = manifest.peek(reward, kind="reward_model")
    return (reward / "adapter").is_dir() and facts["inputs"]["init"] == manifest.digest(policy)


def rest_on(net: RewardNet, artifact: Path, base: PolicyNet) -> None:
    """Let a reward model be the adapter in `artifact` on the weights of `base`, that it was fitted to."""
    trunk = copy.deepcopy(base.trunk, {id(each): each for each in base.trunk.parameters()})
    facts = json.loads((artifact / "adapter" / FACTS).read_text(encoding="utf-8"))
    _inject(trunk, facts["r"], facts["target_modules"])
    tensors = load_file(artifact / "adapter" / WEIGHTS)
    with torch.no_grad():
        for name, parameter in _thin(trunk):
            parameter.copy_(tensors[PREFIX + name.replace(".default", "")])
    cast(Any, net.classifier).model = trunk


def tie(*nets: nn.Module) -> None:
    """Let frozen weights that are equal bit for bit in several nets lie in memory once."""
    for one, other in combinations(nets, 2):
        kept = dict(_frozen(one))
        same = {id(each): kept[name] for name, each in _frozen(other) if name in kept and _equal(each, kept[name])}
        for module in other.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, same.get(id(parameter), parameter))


def bytes_of(*nets: nn.Module) -> int:
    """The memory that the weights of `nets` take together, in bytes; what they share counts once."""
    storages = [parameter.untyped_storage() for net in nets for parameter in net.parameters()]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _add(trunk: nn.Module, rank: int, layers: int, seed: int) -> None:
    stack = cast(Any, trunk).layers
    targets = [
        f"layers.{place}.{name}"
        for place in range(len(stack) - layers, len(stack))
        for name, module in stack[place].named_modules()
        if isinstance(module, nn.Linear)
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _inject(trunk, rank, targets)


def _inject(trunk: nn.Module, rank: int, targets: list[str]) -> None:
    if sys.modules.get("accelerate", trunk) is None:
        del sys.modules["accelerate"]  # which one process does without, until it needs peft
    from peft import LoraConfig, inject_adapter_in_model

    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=ALPHA * rank, target_modules=targets), trunk)


def _adapters(trunk: nn.Module) -> Iterator[tuple[str, Any]]:
    return ((name, module) for name, module in trunk.named_modules() if hasattr(module, "get_delta_weight"))


def _thin(trunk: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, each) for name, each in trunk.named_parameters() if ".lora_" in name)


def _frozen(net: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            yield name.partition(".")[2].replace(".base_layer", ""), parameter


def _equal(one: nn.Parameter, other: nn.Parameter) -> bool:
    return one is other or (one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other))


def _trunk(net: nn.Module) -> nn.Module:
    return cast(nn.Module, net.trunk)
