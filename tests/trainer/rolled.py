"""Short runs of the algorithms that learn from their own samples, and one rollout of PPO to look into."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from torch import Tensor

from tests.trainer.speaker import judge, prompt_rows, speaker
from trainer import improve, ppo
from trainer.judging import NetJudge
from trainer.preset import load_preset
from trainer.prompts import stretch
from trainer.records import Message, Prompt
from trainer.scalar import RewardNet

SHORT = ("updates=4", "batch=16", "minibatch=8", "max_new=24", "checkpoint_every=1", "samples_every=2")
# A reward function that asks its own process to stop, once, if a file `stop` lies beside it.
STOPS_ONCE = """
import os, pathlib, signal
calls = 0
def reward(prompts, completions):
    global calls
    calls += 1
    stop = pathlib.Path(__file__).with_name("stop")
    if calls == 2 and stop.exists():
        stop.unlink()
        os.kill(os.getpid(), signal.SIGTERM)
    return [float(len(set(text))) / 10 for text in completions]
"""


def configured(*overrides: str) -> improve.Config:
    return load_preset(improve.Config, "ppo", "tiny", overrides)


def prompts() -> list[Prompt]:
    return [Prompt(row["id"], "train", (Message(**row["messages"][0]),)) for row in prompt_rows(8)]


def walk(config: Any) -> list[tuple[str, Prompt]]:
    return stretch(prompts(), 0, config.batch // config.per_prompt, 1)


def named(**others: Any) -> Namespace:
    """A command line on which the speaker is improved against the judge."""
    given = {"init": speaker(), "reference": speaker(), "reward": judge(), "reward_function": None, "text": None}
    return Namespace(**{**given, "seed": 1, **others})


def rolled_out(config: improve.Config, **others: Any) -> tuple[improve.Nets, improve.Rollout]:
    nets = ppo.load_nets(named(**others), config)
    return nets, ppo.collect(nets, walk(config), config, seed=1, beta=config.beta)


def reward_net(nets: improve.Nets) -> RewardNet:
    assert isinstance(nets.judge, NetJudge)
    return nets.judge.net


def order(dataset: Path, **others: Any) -> dict[str, Any]:
    given = {"dataset": dataset, "init": speaker(), "reference": speaker(), "reward": judge(), **others}
    return {role: value for role, value in given.items() if value is not None}


def curve(artifact: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (artifact / "metrics.jsonl").read_text().splitlines()]


def weights(artifact: Path) -> bytes:
    return (artifact / "model" / "model.safetensors").read_bytes()


def accumulated(nets: improve.Nets, sampled: improve.Rollout, rows: Tensor, config: improve.Config) -> dict[str, float]:
    """Both nets' gradients over one minibatch, and what both say of it."""
    return {
        **improve.accumulate_policy(nets, sampled, rows, config),
        **improve.accumulate_value(nets, sampled, rows, config),
    }
