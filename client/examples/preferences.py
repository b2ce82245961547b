"""From prompts to a trained model: bring prompts, wait until people have ranked, take the pairs, train on them.

    export TUTELAGE_TOKEN=tut_…
    python preferences.py http://127.0.0.1:8000 turtles prompts.jsonl --rankings 100 --out pairs
    python preferences.py http://127.0.0.1:8000 turtles prompts.jsonl --rankings 100 --out pairs \
        --train dpo --model MODEL

The token's owner operates the project, and the token has the scope `data`. It needs the `datasets` library, and TRL
where something is trained. Begun again, it brings no prompt twice.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import DatasetDict, Features, load_dataset

from tutelage_client import Client


def collect(client: Client, told: argparse.Namespace) -> None:
    """Bring the prompts, wait for people, and take what they said as pairs."""
    # What the project has already is passed over, so a second run adds nothing.
    brought = client.import_file(told.project, told.prompts)
    print(f"{told.prompts.name}: {brought.found['prompts']} prompts, {brought.written['items']} new here")
    found = client.wait_for_rankings(told.project, told.rankings, every=told.every)
    ready = client.export(told.project, "preference", told.out)
    print(f"{found} rankings; their pairs lie in {told.out}, digest {ready.digest}")


def load(folder: Path) -> DatasetDict:
    """The rows of an export, with the columns that its manifest tells."""
    facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    files = {
        split: [str(folder / name) for name, rows in facts["rows"].items() if rows and name.startswith(split)]
        for split, rows in facts["counts"].items()
        if rows
    }
    return load_dataset("json", data_files=files, features=Features.from_dict(facts["features"]))


def train(kind: str, model: str, pairs: Any, out: Path, steps: int) -> float:
    """Let TRL learn from the pairs: a policy by DPO, or a reward model. Returns the last loss."""
    import torch
    from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

    configured, trained = {"dpo": (DPOConfig, DPOTrainer), "reward": (RewardConfig, RewardTrainer)}[kind]
    gpu = torch.cuda.is_available()
    config = configured(
        output_dir=str(out), max_steps=steps, use_cpu=not gpu, bf16=gpu, save_strategy="no", report_to=[]
    )
    columns = pairs.select_columns(["prompt", "chosen", "rejected"])
    trainer = trained(model=model, args=config, train_dataset=columns)
    loss: float = trainer.train().training_loss
    trainer.save_model(str(out))
    return loss


def main(words: Sequence[str] | None = None) -> DatasetDict:
    told = _parser().parse_args(words)
    with Client(told.url, os.environ["TUTELAGE_TOKEN"]) as client:
        collect(client, told)
    data = load(told.out)
    print({split: len(rows) for split, rows in data.items()})
    if told.train:
        out = told.out.with_name(f"{told.out.name}-{told.train}")
        loss = train(told.train, told.model, data["train"], out, told.steps)
        print(f"{told.train}: loss {loss:.4f}; the model lies in {out}")
    return data


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("project")
    parser.add_argument("prompts", type=Path, help="a file as docs/imports.md describes them")
    parser.add_argument("--rankings", type=int, required=True, help="wait for so many")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pairs")
    parser.add_argument("--train", choices=["dpo", "reward"], default="")
    parser.add_argument("--model", help="a model that has a chat template, as transformers loads it")
    parser.add_argument("--steps", type=int, default=100)
    return parser


if __name__ == "__main__":
    main()
