"""Resume points: trained weights and optimizer state as safetensors, everything else as JSON.

`facts.json` names its tensor file and the digests of both, and is replaced by one rename, so a reader sees
one whole point or notices that it is spoilt.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer.manifest import file_digest

FACTS = "facts.json"
CPU = torch.device("cpu")


class Spoilt(Exception):
    """A resume point is not what was written."""


@dataclass(frozen=True)
class Checkpoint:
    """State after `step` updates: `tensors` by name, and the stage's own `facts`."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Replace the resume point in `folder`. On any error the one before it stays whole."""
    folder.mkdir(exist_ok=True)
    weights, fresh = folder / f"{step:08d}.safetensors", folder / f"{FACTS}.new"
    try:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, weights)
        _sync(weights)
        body = {"step": step, "weights": weights.name, "weights_digest": file_digest(weights), **facts}
        fresh.write_text(json.dumps({**body, "digest": _digest(body)}, allow_nan=False), encoding="utf-8")
        _sync(fresh)
        _sync(folder)  # what the rename points at must be on the disk before the rename is
    except BaseException:
        weights.unlink(missing_ok=True)
        raise
    fresh.replace(folder / FACTS)
    _sync(folder)
    _sync(folder.parent)
    for stale in folder.glob("*.safetensors"):
        if stale != weights:
            stale.unlink()


def peek(folder: Path) -> dict[str, Any] | None:
    """Return the facts of the resume point in `folder`, None where there is none; every byte of it is checked.

    Raises Spoilt if facts or tensors do not have the digests that they were written with.
    """
    path = folder / FACTS
    if not path.is_file():
        return None
    try:
        facts: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
        whole = facts.pop("digest") == _digest(facts)
        if whole and file_digest(folder / facts["weights"]) == facts["weights_digest"]:
            return facts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Spoilt(f"the resume point {path} cannot be read: {error}") from error
    raise Spoilt(f"the resume point {path} does not have the digest that it was written with")


def load(folder: Path, facts: Mapping[str, Any]) -> Checkpoint:
    """Return the resume point whose `facts` were peeked at."""
    return Checkpoint(facts["step"], load_file(folder / facts["weights"]), dict(facts))


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def pack(name: str, net: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Tensor]:
    """Flatten the trained parameters of `net` and their optimizer state to tensors named `name/…`.

    Frozen parameters are left out: they are in the artifact that the stage began from.
    """
    tensors: dict[str, Tensor] = {}
    for key, parameter in net.named_parameters():
        if parameter.requires_grad:
            tensors[f"{name}/weight/{key}"] = parameter
            for moment, value in optimizer.state[parameter].items() if optimizer else ():
                tensors[f"{name}/{moment}/{key}"] = value
    return tensors


@torch.no_grad()
def unpack(
    name: str, tensors: Mapping[str, Tensor], net: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Put back what `pack` took. Raises KeyError where a trained parameter has no tensor."""
    for key, parameter in net.named_parameters():
        if parameter.requires_grad:
            parameter.copy_(tensors[f"{name}/weight/{key}"])
            if optimizer:
                optimizer.state[parameter] = _moments(name, key, tensors, parameter.device)


def _moments(name: str, key: str, tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    kinds = [path.split("/")[1] for path in tensors if path.startswith(f"{name}/") and path.endswith(f"/{key}")]
    # Cloned, for the file's memory may lie on other boundaries than torch's; Adam's step lives on the CPU.
    return {
        kind: tensors[f"{name}/{kind}/{key}"].clone().to(CPU if kind == "step" else device)
        for kind in kinds
        if kind != "weight"
    }


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
