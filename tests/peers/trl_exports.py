"""TRL's trainers (1.16), each one optimizer step on an export as `datasets` loads it: `python trl_exports.py CASE`."""

from collections.abc import Callable
from typing import Any

import datasets
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    RLOOConfig,
    RLOOTrainer,
    SFTConfig,
    SFTTrainer,
)
from trl_case import Case


def longer(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
    """A reward that any answer has."""
    return [float(len(completion[0]["content"])) for completion in completions]


def online(config: type, trainer: type) -> Callable[[Any], Any]:
    args = config(**case.arguments(num_generations=2, max_completion_length=4))
    return lambda data: trainer(
        model=case.causal("policy"),
        reward_funcs=longer,
        args=args,
        train_dataset=data,
        processing_class=case.tokenizer("left"),
    )


def offline(config: type, trainer: type, model: Callable[[str], Any], role: str) -> Callable[[Any], Any]:
    args = config(**case.arguments(max_length=None))
    return lambda data: trainer(model=model(role), args=args, train_dataset=data, processing_class=case.tokenizer())


case = Case()
trainers = {
    "SFT": offline(SFTConfig, SFTTrainer, case.causal, "policy"),
    "DPO": offline(DPOConfig, DPOTrainer, case.causal, "policy"),
    "KTO": offline(KTOConfig, KTOTrainer, case.causal, "policy"),
    "reward": offline(RewardConfig, RewardTrainer, case.scalar, "reward"),
    "GRPO": online(GRPOConfig, GRPOTrainer),
    "RLOO": online(RLOOConfig, RLOOTrainer),
}
for name, folder in case.facts["rows"]:
    data = datasets.load_dataset(folder, cache_dir=str(case.folder / "cache"))["train"]
    trainer = trainers[name](data)
    done = trainer.train()
    case.found[f"{name} {folder}"] = {"rows": len(data), "steps": done.global_step, "loss": done.training_loss}
case.write()
