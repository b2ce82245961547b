"""Pretraining: a policy from nothing, with a tokenizer of its own, by predicting the next token of plain text."""

import argparse
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from trainer import manifest, optim, preset, text
from trainer.checkpoint import pack, unpack
from trainer.errors import Refused
from trainer.nets import PolicyNet, load_policy, logprobs, refuse_not_finite, trained
from trainer.ragged import Batch
from trainer.runtime import Run, generator
from trainer.scratch import CONTROL, new_llama, save_tokenizer
from trainer.sft import Row, accumulate

ENDINGS = (".txt", ".jsonl")
# The deviation of GPT-2 and Llama.
SPREAD = 0.02


@dataclass(frozen=True)
class Config:
    """`batch` and `micro_batch` count windows of `context` tokens; `warmup` is a share of the updates.

    `vocabulary` counts the control tokens and the bytes; `held_out` is the share of the text, at its end, that
    only measures.
    """

    vocabulary: int
    layers: int
    width: int
    heads: int
    context: int
    epochs: int
    batch: int
    micro_batch: int
    lr: float
    warmup: float
    clip: float
    weight_decay: float
    held_out: float
    checkpoint_every: int

    def __post_init__(self) -> None:
        if not min(self.epochs, self.batch, self.micro_batch, self.layers, self.heads) >= 1:
            raise ValueError("epochs, batch, micro_batch, layers and heads must be at least 1")
        if self.vocabulary < len(CONTROL) + 256:
            raise ValueError(f"vocabulary must be at least {len(CONTROL) + 256}: the bytes and the control tokens")
        if self.width % (2 * self.heads) or not self.width:
            raise ValueError("width must be a multiple of twice the heads")
        if self.context < 2:
            raise ValueError("context must be at least 2: a token, and the next one")
        if not 0 < self.held_out < 1:
            raise ValueError("held_out must be between 0 and 1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        required=True,
        action="append",
        type=Path,
        metavar="PATH",
        help="a .txt file (one document), a .jsonl file (a document in the `text` of each line) or a folder of them",
    )
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Train a tokenizer and a new language model on plain text and publish them as a policy."""
    config = preset.load_preset(Config, "pretrain", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    files = text_files(arguments.text)
    inputs = {"text": digest_of(files)}
    with Run.open(stage="pretrain", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. The text, and a tokenizer that has seen only what is learned from.
        run.doing(0, 0, "training the tokenizer")
        documents, held_out = split([each for path in files for each in read_documents(path)], config.held_out)
        save_tokenizer(new_tokenizer(documents, config.vocabulary), run.folder / "model")
        tok = text.load_tokenizer(run.folder)
        ids = stream(tok, documents)
        rows = [row for row in windows(ids, config.context) if len(row[0]) == config.context]
        if not rows:
            raise Refused(f"the text has {len(ids)} tokens to learn from, fewer than one window of {config.context}")
        # 3. Model, optimizer, and the resume point if there is one.
        shape = (config.width, config.layers, config.heads, config.context)
        new_llama(tok.size, *shape, SPREAD, generator(seed, "weights")).save_pretrained(run.folder / "model")
        # Loaded like any other policy, for only so it is put where and computed as every stage does.
        net = load_policy(run.folder)
        optimizer = optim.adamw(trained(net), config.lr, config.weight_decay)
        batches = optim.batches(len(rows), config.batch, config.epochs, seed)
        point = run.restore()
        if point:
            unpack("policy", point.tensors, net, optimizer)
        losses: list[float] = point.facts["losses"] if point else []
        # 4. One update a batch of windows.
        for step in range(point.step if point else 0, len(batches)):
            run.begin(step, len(batches), "training")
            loss, tokens = accumulate(net, Batch.of_flags([rows[index] for index in batches[step]]), config.micro_batch)
            lr = config.lr * optim.warmup_cosine(step, len(batches), config.warmup)
            norm = optim.update(optimizer, trained(net), lr, config.clip)
            run.log(step + 1, len(batches), {"loss": loss, "tokens": tokens, "lr": lr, "grad_norm": norm})
            losses.append(loss)
            run.boundary(
                step + 1,
                lambda: pack("policy", net, optimizer),
                every=config.checkpoint_every,
                facts={"losses": losses},
            )
        # 5. Measure on the text that nothing was fitted to.
        run.doing(len(batches), len(batches), "evaluating")
        measured = measure(net, run, tok, held_out, config)
        # 6. The artifact.
        causal = cast(Any, net.causal)
        refuse_not_finite(causal)
        causal.save_pretrained(run.folder / "model")
        sizes = {"parameters": causal.num_parameters(), "vocabulary": tok.size, "tokens": len(ids)}
        run.publish(metrics={"loss": losses[-1], "first_loss": losses[0], **measured, **sizes})


def text_files(paths: Sequence[Path]) -> list[Path]:
    """The files of `paths`, folders walked through in the order of names. Raises Refused naming what is no text."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.suffix in ENDINGS and each.is_file())
        if not inside and not (path.suffix in ENDINGS and path.is_file()):
            raise Refused(f"{path} is no .txt or .jsonl file and no folder that holds one")
        found += inside or [path]
    return found


def digest_of(files: Sequence[Path]) -> str:
    """One digest of the contents of `files`, in their order."""
    return hashlib.sha256("".join(map(manifest.file_digest, files)).encode()).hexdigest()


def read_documents(path: Path) -> Iterator[str]:
    """The documents of a file that are not empty. Raises Refused naming the file and the line."""
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8: {error}") from error
    lines = [content] if path.suffix == ".txt" else content.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        document = line if path.suffix == ".txt" else _text_of(path, number, line)
        if document:
            yield document


def _text_of(path: Path, number: int, line: str) -> str:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Refused(f"{path}, line {number}: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise Refused(f'{path}, line {number}: expected an object whose "text" is a string')
    found: str = row["text"]
    return found


def split(documents: Sequence[str], held_out: float) -> tuple[list[str], list[str]]:
    """Cut the documents in two, the last share `held_out` of their characters apart; one may be cut through."""
    room = sum(map(len, documents)) - math.ceil(held_out * sum(map(len, documents)))
    before, after = [], []
    for document in documents:
        kept, rest = document[: max(0, room)], document[max(0, room) :]
        room -= len(document)
        before += [kept] if kept else []
        after += [rest] if rest else []
    return before, after


def new_tokenizer(documents: Sequence[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE of at most `vocabulary` tokens: the control tokens, all 256 bytes, then merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def stream(tok: text.Tokenizer, documents: Sequence[str]) -> list[int]:
    """The ids of all documents in a row, each between two EOS: one that it can be predicted after, one that ends it."""
    return [tok.eos_id] + [token for document in documents for token in [*text.encode(tok, document), tok.eos_id]]


def windows(ids: Sequence[int], context: int) -> list[Row]:
    """Rows of `context` ids, each beginning with the last id of the one before, so that every id is predicted once.

    Only the last row may be shorter; what is learned from leaves it out, so that no batch holds padding.
    """
    parts = [ids[at : at + context] for at in range(0, len(ids) - 1, context - 1)]
    return [(list(part), [False] + [True] * (len(part) - 1)) for part in parts]


@torch.no_grad()
def measure(
    net: PolicyNet, run: Run, tok: text.Tokenizer, documents: Sequence[str], config: Config
) -> dict[str, float]:
    """`held_out_loss` in nats a token and `bits_per_byte` of the text, which no tokenizer changes the meaning of."""
    ids = stream(tok, documents)
    rows, total = windows(ids, config.context), 0.0
    for start in range(0, len(rows), config.micro_batch):
        run.heed_stop()
        total -= float(logprobs(net, Batch.of_flags(rows[start : start + config.micro_batch])).sum())
    size = sum(len(document.encode()) for document in documents)
    return {"held_out_loss": total / (len(ids) - 1), "bits_per_byte": total / size / math.log(2)}
