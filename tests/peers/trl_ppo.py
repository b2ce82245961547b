"""TRL's PPOTrainer (1.12) on completions that are given instead of sampled: `python trl_ppo.py CASE`.

Only the generation is replaced. What `train` computes on the way is read from its own frame where it calls out.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer
from trl_case import Case

ROLLOUT = ("logprobs", "ref_logprobs", "kl", "scores", "values", "rewards", "advantages", "returns", "query_responses")
MASKS = ("padding_mask", "padding_mask_p1")
LOSS = ("pg_loss", "vf_loss", "vf_clipfrac", "new_logprobs", "vpred", "loss")
STATISTICS = ("pg_clipfrac_stats", "vf_clipfrac_stats", "approxkl_stats", "entropy_stats", "ratio_stats")

case = Case()
rows = case.facts["rows"]
pad, width, temperature = case.facts["pad"], case.facts["response_length"], case.facts["temperature"]
row_of = {tuple(row["prompt"]): index for index, row in enumerate(rows)}
# The policy as it was when it "sampled"; the ratio is 1 where it is the policy itself.
sampler = case.causal("sampler")
order: list[int] = []
counts = {"optimizer_steps": 0, "backwards": 0}


def given(model: Any, queries: torch.Tensor, *_: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """In the place of `batch_generation`: the completions of the case, and the sampler's logits for them."""
    prompts = [tuple(query[query.ne(pad).int().argmax() :].tolist()) for query in queries]
    order.extend(row_of[prompt] for prompt in prompts)
    answers = [rows[row_of[prompt]]["completion"] for prompt in prompts]
    padded = torch.tensor([answer + [pad] * (width - len(answer)) for answer in answers])
    whole = torch.cat([queries, padded], dim=1)
    with torch.no_grad():
        logits = ppo_trainer.forward(sampler, whole, pad).logits[:, queries.shape[1] - 1 : -1]
    return whole, logits / (temperature + 1e-7)


def whitened(original: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def whiten(*arguments: Any, **options: Any) -> torch.Tensor:
        result = original(*arguments, **options)
        seen = sys._getframe(1).f_locals
        if "rollout/rewards" not in case.tensors:
            for name in (*ROLLOUT, *MASKS):
                case.keep(f"rollout/{name}", seen[name])
            case.keep("rollout/whitened", result)
        return result

    return whiten


class Watched(PPOTrainer):
    def log(self, metrics: dict[str, float], *rest: Any) -> None:
        seen = sys._getframe(1).f_locals
        number = len(case.found.setdefault("metrics", []))
        for name in STATISTICS:
            case.keep(f"statistics/{number}/{name}", seen[name])
        case.found["metrics"].append(metrics)
        super().log(metrics, *rest)


def watch(trainer: PPOTrainer) -> None:
    """Keep the locals of `train` at every backward pass, and gradients and weights around the first step."""
    backward, optimizer = trainer.accelerator.backward, trainer.optimizer.optimizer
    step = optimizer.step

    def kept_backward(loss: torch.Tensor, **options: Any) -> None:
        seen = sys._getframe(1).f_locals
        for name in LOSS:
            case.keep(f"step/{counts['backwards']}/{name}", seen[name])
        case.found.setdefault("micro_batches", []).append(seen["micro_batch_inds"].tolist())
        counts["backwards"] += 1
        backward(loss, **options)

    def kept_step(*arguments: Any, **options: Any) -> Any:
        counts["optimizer_steps"] += 1
        first = counts["optimizer_steps"] == 1
        if first:
            case.keep_gradients(trainer.model)
        result = step(*arguments, **options)
        if first:
            case.keep_weights(trainer.model)
        return result

    trainer.accelerator.backward, optimizer.step = kept_backward, kept_step


ppo_trainer.batch_generation = given
ppo_trainer.masked_whiten = whitened(ppo_trainer.masked_whiten)
options = case.arguments(response_length=width, temperature=temperature, num_sample_generations=0)
options.pop("max_steps")
dataset = Dataset.from_list([{"input_ids": row["prompt"]} for row in rows])
trainer = Watched(
    args=PPOConfig(stop_token="eos", **options),
    processing_class=case.tokenizer("left"),
    model=case.causal("policy"),
    ref_model=case.causal("reference"),
    reward_model=case.scalar("reward"),
    value_model=case.scalar("reward"),
    train_dataset=dataset,
    eval_dataset=dataset,
)
watch(trainer)
trainer.train()
case.found |= {"order": order, **counts}
case.write()
