"""Make the tiny policy: a byte-level Llama that has read some thousand word-salad conversations of its world."""

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainer import world
from trainer.runtime import Run, generator

PAD, SYSTEM, USER, ASSISTANT, EOS = range(5)
CONTROL = ("<pad>", "<system>", "<user>", "<assistant>", "<eos>")
FRAME = {
    "start": {"system": [SYSTEM], "user": [USER], "assistant": [ASSISTANT]},
    "end": [EOS],
    "eos": EOS,
}
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
        _save(model, tokenizer, run.folder / "model")
        run.publish(metrics={"loss": loss, "parameters": model.num_parameters()})


def new_model(seed: int, config: Config) -> Any:
    """A random Llama in fp32: N(0, SPREAD) matrices from `seed`, norms at one, embeddings tied."""
    shape = LlamaConfig(
        vocab_size=len(CONTROL) + 256,
        hidden_size=config.width,
        intermediate_size=3 * config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=None,
        eos_token_id=EOS,
    )
    model = LlamaForCausalLM(shape).float()
    noise = generator(seed, "tiny")
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            if parameter.dim() > 1:
                parameter.normal_(0.0, SPREAD, generator=noise)
    return model


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


def _save(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    model.save_pretrained(folder)
    names = {"pad_token": CONTROL[PAD], "eos_token": CONTROL[EOS]}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    (folder / "tutelage.json").write_text(json.dumps(FRAME) + "\n", encoding="utf-8")
