"""A tiny real policy and datasets in the seam's own format, for every test of the trainer."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import compute, manifest, tiny
from trainer.nets import PolicyNet, load_policy
from trainer.scalar import RewardNet, new_reward
from trainer.text import Tokenizer, load_tokenizer

Row = dict[str, Any]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _fp32() -> Iterator[None]:
    """What is held here is held in fp32 on every machine, but where a test asks for bf16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "_cpu_flags", frozenset)
        yield


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy artifact with random weights."""
    artifact = tmp_path_factory.mktemp("policies") / "random"
    tiny.make(artifact, seed=7, config=tiny.Config(steps=0, width=32))
    return artifact


@pytest.fixture(scope="session")
def tok(policy: Path) -> Tokenizer:
    return load_tokenizer(policy)


@pytest.fixture
def net(policy: Path) -> PolicyNet:
    return load_policy(policy)


@pytest.fixture
def reward_net(policy: Path) -> RewardNet:
    return new_reward(policy, seed=3)


@pytest.fixture(scope="session")
def ranking_row() -> Callable[..., Row]:
    """A line of rankings.jsonl: `texts` in `tiers`."""

    def make(number: int, texts: Sequence[str], tiers: Sequence[int | None], split: str = "train") -> Row:
        completions = [
            {"id": f"c-{number}-{k}", "text": text, "policy": "p-1", "finished": True, "tier": tier}
            for k, (text, tier) in enumerate(zip(texts, tiers, strict=True))
        ]
        return {
            "id": f"r-{number}",
            "split": split,
            "labeler": "alice",
            "revision": 1,
            "weight": 1.0,
            "prompt": {"id": f"q-{number}", "messages": [{"role": "user", "content": f"Say {number}."}]},
            "completions": completions,
            "cut": None,
        }

    return make


@pytest.fixture(scope="session")
def demonstration_row() -> Callable[..., Row]:
    """A line of demonstrations.jsonl in which bob answers `answer`."""

    def make(number: int, answer: str, split: str = "train") -> Row:
        return {
            "id": f"d-{number}",
            "split": split,
            "labeler": "bob",
            "revision": 1,
            "prompt": {"id": f"q-{number}", "messages": [{"role": "user", "content": f"Say {number}."}]},
            "messages": [{"role": "assistant", "content": answer}],
        }

    return make


@pytest.fixture(scope="session")
def write_dataset() -> Callable[..., Path]:
    """Publish rows as a dataset directory and return it."""

    def write(
        folder: Path,
        rankings: Sequence[Row] = (),
        demonstrations: Sequence[Row] = (),
        prompts: Sequence[Row] = (),
        safety: Sequence[Row] = (),
    ) -> Path:
        named = {"rankings": rankings, "demonstrations": demonstrations, "prompts": prompts}
        named |= {"safety": safety} if safety else {}
        counts = {name: len(rows) for name, rows in named.items()}
        with manifest.writing(folder, kind="dataset", project="turtles", round=1, policies={}, counts=counts) as twin:
            for name, rows in named.items():
                lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
                (twin / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        return folder

    return write
