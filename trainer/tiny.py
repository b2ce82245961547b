"""Make the tiny policy: a byte-level Llama that has read some thousand word-salad conversations of its world."""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from trainer import world
from trainer.runtime import Run, generator
from trainer.scratch import ASSISTANT, CONTROL, EOS, PAD, USER, new_llama, save_tokenizer

IGNORED = -100
# Three times the usual 0.02, with which so short a reading would end before the first word is spelt.
SPREAD = 0.06


@dataclass(frozen=True)
class Config:
    """`steps` of `rows` conversations are read; `rate` is the peak learning rate, which decays to zero."""

    steps: int = 180
    rows: int = 16
    rate: float = 8e-3
    layers: int = 2
    width: int = 96
    heads: int = 2
    context: int = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", required=True, type=int, metavar="N")


def main(arguments: argparse.Namespace) -> None:
    make(arguments.out, seed=arguments.seed)


def make(artifact: Path, *, seed: int, config: Config = Config()) -> None:
    """Write a tiny policy artifact; with no steps its weights are random and it is there at once."""
    with Run.open(stage="tiny", kind="policy", out=artifact, inputs={}, config=config, seed=seed) as run:
        model = new_model(seed, config)
        tokenizer = new_tokenizer()
        optimizer = torch.optim.AdamW(model.parameters(), lr=config.rate, betas=(0.9, 0.98), weight_decay=0.01)
        rng = random.Random(seed)
        loss = 0.0
        for step in range(config.steps):
            run.doing(step, config.steps, "reading")
            run.heed_stop()
            ids = pad_sequence([_conversation(rng, tokenizer) for _ in range(config.rows)], True, PAD)
            optimizer.param_groups[0]["lr"] = config.rate * _schedule(step, config.steps)
            loss = _update(model, optimizer, ids)
            run.log(step + 1, config.steps, {"loss": loss})
        model.save_pretrained(run.folder / "model")
        save_tokenizer(tokenizer, run.folder / "model")
        run.publish(metrics={"loss": loss, "parameters": model.num_parameters()})


def new_model(seed: int, config: Config) -> Any:
    """The random Llama that `config` describes, from `seed`."""
    return new_llama(
        vocabulary=len(CONTROL) + 256,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        context=config.context,
        spread=SPREAD,
        noise=generator(seed, "tiny"),
    )


def new_tokenizer() -> Tokenizer:
    """Five control tokens, then one token a byte."""
    names = [*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[]))
    tokenizer.add_special_tokens(list(CONTROL))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _conversation(rng: random.Random, tokenizer: Tokenizer) -> torch.Tensor:
    prompt = rng.choice(world.prompts())
    answer = world.text(rng, world.any_style(rng), prompt)
    asked, said = tokenizer.encode(prompt).ids, tokenizer.encode(answer).ids
    return torch.tensor([USER, *asked, EOS, ASSISTANT, *said, EOS])


def _schedule(step: int, steps: int) -> float:
    """A tenth of the steps rising, then a line to zero."""
    return min(10.0 * (step + 1) / steps, 1.0 - step / steps)


def _update(model: Any, optimizer: torch.optim.Optimizer, ids: torch.Tensor) -> float:
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    # No text holds the NUL byte's control token, so padding is exactly where PAD stands.
    targets = ids[:, 1:].masked_fill(ids[:, 1:] == PAD, IGNORED)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())
