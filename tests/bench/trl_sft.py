"""SFTTrainer on prompts and completions: `python trl_sft.py SPEC.json`."""

from datasets import Dataset
from trl import SFTConfig, SFTTrainer
from trl_clock import SPEC, Clock, adapters, arguments, causal, tell, tokenizer

clock = Clock()
rows = [{"prompt": row["prompt"]["messages"], "completion": row["messages"]} for row in SPEC["demonstrations"]]
trainer = SFTTrainer(
    model=causal(),
    args=SFTConfig(**arguments(max_length=None, learning_rate=1e-5)),
    train_dataset=Dataset.from_list(rows),
    processing_class=tokenizer(),
    callbacks=[clock],
    peft_config=adapters(),
)
tokens = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
trainer.train()
tell(clock.marks, tokens=tokens)
