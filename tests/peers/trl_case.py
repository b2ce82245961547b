"""The case folder that crosses between our tests and a TRL environment: JSON and safetensors, nothing else."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1"}

import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    TrainerCallback,
)


class Case:
    """`case.json` says what to do; `out.json` and `out.safetensors` say what TRL made of it."""

    def __init__(self) -> None:
        self.folder = Path(sys.argv[1])
        self.facts: dict[str, Any] = json.loads((self.folder / "case.json").read_text(encoding="utf-8"))
        self.tensors: dict[str, torch.Tensor] = {}
        self.found: dict[str, Any] = {}
        torch.set_num_threads(self.facts["threads"])
        torch.manual_seed(0)

    def model_folder(self, role: str) -> Path:
        return Path(self.facts["models"][role]) / "model"

    def causal(self, role: str) -> Any:
        return AutoModelForCausalLM.from_pretrained(self.model_folder(role), dtype=torch.float32)

    def scalar(self, role: str) -> Any:
        folder = self.model_folder(role)
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)
        model.config.pad_token_id = self.facts["pad"]
        return model

    def tokenizer(self, side: str = "right") -> PreTrainedTokenizerBase:
        tok = AutoTokenizer.from_pretrained(self.model_folder("policy"), padding_side=side)
        tok.chat_template = self.facts["template"]
        tok.pad_token_id = self.facts["pad"]
        tok.eos_token_id = self.facts["eos"]
        return tok

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """What every configuration of a TRL trainer is given: fp32, one process, nothing reported, our Adam."""
        return {
            "output_dir": str(self.folder / "trl"),
            "report_to": [],
            "save_strategy": "no",
            "bf16": False,
            "fp16": False,
            "use_cpu": True,
            "gradient_checkpointing": False,
            "disable_tqdm": True,
            "logging_steps": 1,
            "learning_rate": self.facts["lr"],
            "lr_scheduler_type": "constant",
            "adam_beta1": 0.9,
            "adam_beta2": 0.95,
            "adam_epsilon": 1e-5,
            "weight_decay": 0.0,
            "max_grad_norm": 0.0,
            "max_steps": 1,
            **self.facts["arguments"],
            **changes,
        }

    def keep(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.detach().clone().contiguous()

    def keep_gradients(self, model: torch.nn.Module) -> None:
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                self.keep(f"gradient/{name}", parameter.grad)

    def keep_weights(self, model: torch.nn.Module) -> None:
        for name, parameter in model.named_parameters():
            self.keep(f"after/{name}", parameter)

    def write(self) -> None:
        save_file(self.tensors, self.folder / "out.safetensors")
        (self.folder / "out.json").write_text(json.dumps(self.found, default=float), encoding="utf-8")


class FirstStep(TrainerCallback):
    """Keeps the gradients that the first optimizer step gets, and the weights that it leaves."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def on_pre_optimizer_step(self, *_: Any, model: torch.nn.Module, **__: Any) -> None:
        self.case.keep_gradients(model)

    def on_step_end(self, *_: Any, model: torch.nn.Module, **__: Any) -> None:
        self.case.keep_weights(model)


def watched(trainer: type, case: Case) -> type:
    """`trainer` with its loss, the batch it was computed on, and the logits of a reward model, kept."""

    class Watched(trainer):
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **rest: Any) -> Any:
            ids = inputs["input_ids"].clone()
            kept = super().compute_loss(model, inputs, return_outputs=case.facts["outputs"], **rest)
            loss, outputs = kept if case.facts["outputs"] else (kept, None)
            number = sum(name.startswith("loss/") for name in case.tensors)
            case.keep(f"loss/{number}", loss)
            case.keep(f"ids/{number}", ids)
            if outputs is not None:
                case.keep(f"scores/{number}", outputs.logits.squeeze(-1))
            return (loss, outputs) if return_outputs else loss

    return Watched
