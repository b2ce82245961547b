"""Supervised fine-tuning: imitate what people demonstrated, on the assistant's tokens only."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer import dist, lora, optim, preset
from trainer.bounds import refuse_beyond_context
from trainer.checkpoint import pack, unpack
from trainer.errors import Refused
from trainer.losses import sft_loss
from trainer.nets import PolicyNet, load_policy, logprobs, save_policy, trained
from trainer.ragged import Batch
from trainer.records import Demonstration, read_demonstrations
from trainer.runtime import Run, checked
from trainer.scoring import with_states
from trainer.text import Tokenizer, encode_answer, encode_prompt, load_tokenizer
from trainer.trunk import depth, width

Row = tuple[list[int], list[bool]]
# Tokens that frozen layers read at once, and the most memory that what they say may take: 2.3 KB a token of SmolLM2.
READ_AT_ONCE, KEPT_BYTES = 4096, 2 << 30


@dataclass(frozen=True)
class Config:
    """`batch` and `micro_batch` count demonstrations; `warmup` is a share of the updates; lengths are tokens."""

    epochs: int
    batch: int
    micro_batch: int
    lr: float
    warmup: float
    clip: float
    weight_decay: float
    max_prompt: int
    max_completion: int
    train_layers: int
    checkpoint_every: int
    lora_rank: int = 0

    def __post_init__(self) -> None:
        if not min(self.epochs, self.batch, self.micro_batch, self.max_prompt, self.max_completion) >= 1:
            raise ValueError("epochs, batch, micro_batch, max_prompt and max_completion must be at least 1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--init", required=True, type=Path, metavar="DIR", help="the policy to begin from")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Fit a copy of the policy `init` to the training demonstrations and publish it as a policy."""
    config = preset.load_preset(Config, "sft", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    inputs = {"dataset": checked(arguments.dataset, "dataset"), "init": checked(arguments.init, "policy")}
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_completion=config.max_completion)
    with Run.open(stage="sft", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. Rows, model, optimizer, and the resume point if there is one.
        net = load_policy(arguments.init)
        lora.choose(net, layers=config.train_layers, rank=config.lora_rank, seed=seed)
        rows = kept(net, training_rows(arguments.dataset, load_tokenizer(arguments.init), config), config)
        optimizer = optim.adamw(trained(net), config.lr, config.weight_decay)
        batches = optim.batches(len(rows), config.batch, config.epochs, seed)
        point = run.restore()
        if point:
            unpack("policy", point.tensors, net, optimizer)
        # 3. One update a batch.
        losses: list[float] = point.facts["losses"] if point else []
        for step in range(point.step if point else 0, len(batches)):
            run.begin(step, len(batches), "training")
            loss, tokens = accumulate(net, rows.select(torch.tensor(batches[step])), config.micro_batch)
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
        # 4. The artifact.
        run.doing(len(batches), len(batches), "saving")
        lora.merge(net)
        save_policy(net, arguments.init, run.folder / "model")
        run.publish(metrics={"loss": losses[-1], "first_loss": losses[0], "demonstrations": len(rows)})


def training_rows(dataset: Path, tok: Tokenizer, config: Config) -> Batch:
    """Every training demonstration; what the assistant wrote is its completion. Raises Refused without any."""
    rows = [_row(tok, each, config) for each in read_demonstrations(dataset) if each.split == "train"]
    if not rows:
        raise Refused(f"{dataset / 'demonstrations.jsonl'} holds no demonstration of the split 'train'")
    return Batch.of_flags(rows)


def kept(net: PolicyNet, rows: Batch, config: Config) -> Batch:
    """The rows with what frozen lower layers make of them, where epochs after the first will ask for it again."""
    layers = depth(net.trunk) - config.train_layers if config.train_layers else 0
    size = 4 * int(rows.lengths.sum()) * width(net.trunk)
    return with_states(net.trunk, rows, layers, READ_AT_ONCE) if config.epochs > 1 and size <= KEPT_BYTES else rows


def accumulate(net: PolicyNet, rows: Batch, micro_batch: int) -> tuple[float, int]:
    """Add up the gradients of one optimizer batch; return its loss in nats a token and its learned tokens.

    Every micro-batch is divided by the tokens of the whole batch, so its size does not change the gradient.
    """
    tokens = int(rows.is_completion.sum())
    total = 0.0
    for part in dist.share(torch.split(torch.arange(len(rows)), micro_batch)):
        batch = rows.select(part)
        loss = sft_loss(logprobs(net, batch), batch.is_completion, tokens)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return dist.add_up({"loss": total}, trained(net))["loss"], tokens


def _row(tok: Tokenizer, demonstration: Demonstration, config: Config) -> Row:
    prompt = encode_prompt(tok, demonstration.prompt.messages, config.max_prompt)
    answer, learned = encode_answer(tok, demonstration.messages, config.max_completion)
    return [*prompt, *answer], [False] * len(prompt) + learned
