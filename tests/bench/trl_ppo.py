"""PPOTrainer (trl 1.12) as its own example runs it: `python trl_ppo.py SPEC.json`.

With `watch`, the text and KL of every completion are told too.
"""

import contextlib
import time
from typing import Any

from datasets import Dataset
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer
from trl_clock import SPEC, Clock, adapters, arguments, causal, scalar, tell, tokenizer

clock = Clock()
rollouts: list[dict[str, Any]] = []
generation, whiten = ppo_trainer.batch_generation, ppo_trainer.masked_whiten
tok = tokenizer("left")


class OutOfTime(Exception):
    """The limit of this line has passed."""


class Watched(PPOTrainer):
    def log(self, metrics: dict[str, float], *rest: Any) -> None:
        super().log(metrics, *rest)
        rollouts[-1] |= {"seconds": clock.mark(), "kl": metrics["objective/kl"]}
        if clock.marks[-1] > SPEC.get("limit", float("inf")):
            raise OutOfTime


def heard(model: Any, queries: Any, *rest: Any) -> Any:
    """Generation as it is, with what it said kept."""
    whole, logits = generation(model, queries, *rest)
    said = whole[:, queries.shape[1] :].tolist()
    ended = [ids[: ids.index(tok.eos_token_id)] if tok.eos_token_id in ids else ids for ids in said]
    texts = {
        "asked": tok.batch_decode(queries, skip_special_tokens=False),
        "said": tok.batch_decode(ended, skip_special_tokens=True),
    }
    rollouts.append(texts if SPEC.get("watch") else {})
    return whole, logits


ppo_trainer.batch_generation = heard
rows = [
    {"input_ids": tok.apply_chat_template(row["messages"], add_generation_prompt=True, tokenize=True)["input_ids"]}
    for row in SPEC["prompts"]
] * SPEC["times"]
trainer = Watched(
    args=PPOConfig(**arguments(num_sample_generations=0, stop_token="eos")),
    processing_class=tok,
    model=causal(),
    ref_model=None if SPEC.get("lora") else causal(),
    reward_model=scalar(SPEC["reward"]),
    value_model=scalar(SPEC["reward"]),
    train_dataset=Dataset.from_list(rows),
    eval_dataset=Dataset.from_list(rows[:2]),
    peft_config=adapters(),
)
clock.began = time.perf_counter()
with contextlib.suppress(OutOfTime):
    trainer.train()
tell(clock.marks, rollouts=rollouts if SPEC.get("watch") else [])
