"""A tiny policy that has learned to end its texts, a reward model with an opinion, and prompts for both."""

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.trainer.conftest import Row
from trainer import cli, gold, manifest, tiny
from trainer.nets import load_policy, save_policy
from trainer.scalar import new_reward, save_reward

HOME = tempfile.TemporaryDirectory(prefix="tut-speaker-")
# A process of its own chooses for itself: what is compared here must be of one precision.
ORDER = ["--preset", "tiny", "--seed", "1", "--threads", "1", "--precision", "fp32"]


@functools.cache
def speaker() -> Path:
    """A policy artifact that ends most of its texts within 48 tokens."""
    artifact = Path(HOME.name) / "speaker"
    tiny.make(artifact, seed=7, config=tiny.Config(steps=120, width=32, rows=16))
    return artifact


@functools.cache
def judge() -> Path:
    """A reward model artifact whose opinion is random, but firm: a standard deviation of about 1."""
    artifact = Path(HOME.name) / "judge"
    with manifest.writing(artifact, kind="reward_model") as folder:
        save_reward(new_reward(speaker(), seed=3), speaker(), folder)
    return artifact


def altered(artifact: Path, out: Path, file: str, text: str) -> Path:
    """A copy of a policy artifact in which one file holds other text."""
    with manifest.writing(out, kind="policy") as folder:
        shutil.copytree(artifact / "model", folder / "model")
        (folder / file).write_text(text, encoding="utf-8")
    return out


def retouched(out: Path, strength: float, layer: int = -1) -> Path:
    """The speaker with noise of `strength` in one layer."""
    net = load_policy(speaker())
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.causal.model.layers[layer].parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * strength)
    with manifest.writing(out, kind="policy") as folder:
        save_policy(net, speaker(), folder / "model")
    return out


def prompt_rows(count: int, split: str = "train") -> list[Row]:
    texts = gold.prompts(count, seed=1)
    return [
        {"id": f"{split}-{number}", "split": split, "messages": [{"role": "user", "content": text}]}
        for number, text in enumerate(texts)
    ]


def stage(name: str, out: Path, *overrides: str, **directories: Any) -> int:
    """Run a stage in this process with preset tiny and return its exit code."""
    return cli.main(words(name, out, *overrides, **directories))


def words(name: str, out: Path, *overrides: str, **directories: Any) -> list[str]:
    """The command line of a stage, without the interpreter."""
    given = [word for role, value in directories.items() for word in (f"--{role.replace('_', '-')}", str(value))]
    sets = [word for each in overrides for word in ("--set", each)]
    return [name, *given, "--out", str(out), *ORDER, *sets]
