"""RewardTrainer on K-way rankings, expanded to all pairs as a TRL user has to: `python trl_reward.py SPEC.json`.

With `held_out`, what the trained model says of those rows is told too.
"""

import itertools
from typing import Any

import torch
from datasets import Dataset
from trl import RewardConfig, RewardTrainer
from trl_clock import SPEC, Clock, adapters, arguments, scalar, tell, tokenizer

ROWS_AT_ONCE = 8


def pairs(ranking: dict[str, Any]) -> list[dict[str, Any]]:
    placed = [each for each in ranking["completions"] if each["tier"] is not None]
    answer = [[{"role": "assistant", "content": each["text"]}] for each in placed]
    return [
        {"prompt": ranking["prompt"]["messages"], "chosen": answer[i], "rejected": answer[j]}
        for i, j in itertools.permutations(range(len(placed)), 2)
        if placed[i]["tier"] < placed[j]["tier"]
    ]


def freeze(model: Any, top: int) -> None:
    """Train the top layers, the final norm and the head, as our preset does; 0 trains everything."""
    if top:
        model.requires_grad_(False)
        for part in (*model.model.layers[-top:], model.model.norm, model.score):
            part.requires_grad_(True)


@torch.no_grad()
def scores(model: Any, rankings: list[dict[str, Any]]) -> list[list[float]]:
    model.eval()
    found = []
    for ranking in rankings:
        said = [[{"role": "assistant", "content": each["text"]}] for each in ranking["completions"]]
        talks = [ranking["prompt"]["messages"] + answer for answer in said]
        batch = tok.apply_chat_template(talks, padding=True, return_tensors="pt", return_dict=True, tokenize=True)
        found.append(model(**batch).logits.squeeze(-1).tolist())
    return found


tok = tokenizer()
model = scalar()
freeze(model, SPEC.get("train_layers", 0))
clock = Clock()
rows = [pair for ranking in SPEC["rankings"] for pair in pairs(ranking)]
trainer = RewardTrainer(
    model=model,
    args=RewardConfig(**arguments(max_length=None, learning_rate=1e-5)),
    train_dataset=Dataset.from_list(rows),
    processing_class=tok,
    callbacks=[clock],
    peft_config=adapters(),
)
trainer.train()
tell(clock.marks, pairs=len(rows), scores=scores(trainer.model, SPEC.get("held_out", [])))
