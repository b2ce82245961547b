"""TRL's RewardTrainer (1.16) on conversational pairs, one optimizer step: `python trl_reward.py CASE`."""

from datasets import Dataset
from trl import RewardConfig, RewardTrainer
from trl_case import Case, FirstStep, watched

case = Case()
trainer = watched(RewardTrainer, case)(
    model=case.scalar("reward"),
    args=RewardConfig(**case.arguments(max_length=None)),
    train_dataset=Dataset.from_list(case.facts["rows"]),
    processing_class=case.tokenizer(),
    callbacks=[FirstStep(case)],
)
case.found["chosen_ids"] = trainer.train_dataset["chosen_ids"][:]
case.found["rejected_ids"] = trainer.train_dataset["rejected_ids"][:]
trainer.train()
case.write()
