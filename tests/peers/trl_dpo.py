"""TRL's DPOTrainer (1.16) on conversational pairs, one optimizer step: `python trl_dpo.py CASE`."""

from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl_case import Case, FirstStep, watched

case = Case()


class Kept(watched(DPOTrainer, case)):
    def log(self, logs: dict[str, float], *rest: object) -> None:
        case.found.setdefault("metrics", []).append({name: list(kept) for name, kept in self._metrics["train"].items()})
        super().log(logs, *rest)


trainer = Kept(
    model=case.causal("policy"),
    ref_model=case.causal("reference"),
    args=DPOConfig(**case.arguments(max_length=None)),
    train_dataset=Dataset.from_list(case.facts["rows"]),
    processing_class=case.tokenizer(),
    callbacks=[FirstStep(case)],
)
for name in ("prompt_ids", "chosen_ids", "rejected_ids"):
    case.found[name] = trainer.train_dataset[name][:]
trainer.train()
case.write()
