"""What the TRL side of a benchmark needs in its own environment: the models, and steps with their seconds."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1"}

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    TrainerCallback,
)

SPEC: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
torch.set_num_threads(SPEC["threads"])
torch.manual_seed(SPEC.get("seed", 0))


class Clock(TrainerCallback):
    """The seconds since training began, at the end of every step."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.mark()

    def mark(self) -> float:
        self.marks.append(time.perf_counter() - self.began)
        return self.marks[-1]


def causal() -> Any:
    return AutoModelForCausalLM.from_pretrained(f"{SPEC['policy']}/model", dtype=torch.float32)


def scalar(artifact: str | None = None) -> Any:
    folder = f"{artifact or SPEC['policy']}/model"
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)


def tokenizer(side: str = "right") -> PreTrainedTokenizerBase:
    tok = AutoTokenizer.from_pretrained(f"{SPEC['policy']}/model", padding_side=side)
    tok.chat_template, tok.pad_token_id = SPEC["template"], SPEC["pad"]
    return tok


def adapters() -> Any:
    """LoRA on every linear layer, where the line asks for it."""
    if not SPEC.get("lora"):
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=16, lora_alpha=32, target_modules="all-linear", modules_to_save=[SPEC["head"]] if "head" in SPEC else None
    )


def arguments(**changes: Any) -> dict[str, Any]:
    """As written in TRL's examples, but on this CPU, with nothing reported, saved or computed twice."""
    return {
        "output_dir": SPEC["out"],
        "report_to": [],
        "save_strategy": "no",
        "bf16": SPEC.get("bf16", False),
        "fp16": False,
        "use_cpu": True,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "logging_steps": 1,
        **changes,
        **SPEC["arguments"],
    }


def tell(marks: list[float], **seen: Any) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"steps": [{"seconds": mark} for mark in marks], "peak_gb": peak, **seen}))
