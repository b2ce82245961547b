"""TRL's SFTTrainer (1.12 and 1.16) on prompts and completions, one optimizer step: `python trl_sft.py CASE`."""

from datasets import Dataset
from trl import SFTConfig, SFTTrainer
from trl_case import Case, FirstStep, watched

case = Case()
trainer = watched(SFTTrainer, case)(
    model=case.causal("policy"),
    args=SFTConfig(**case.arguments(max_length=None)),
    train_dataset=Dataset.from_list(case.facts["rows"]),
    processing_class=case.tokenizer(),
    callbacks=[FirstStep(case)],
)
prepared = trainer.train_dataset
case.found["ids"] = prepared["input_ids"][:]
# 1.16 keeps labels, 1.12 the mask that they are made of.
if "labels" in prepared.column_names:
    case.found["learned"] = [[label != -100 for label in row] for row in prepared["labels"]]
else:
    case.found["learned"] = [[bool(flag) for flag in row] for row in prepared["completion_mask"]]
trainer.train()
case.write()
