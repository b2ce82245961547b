"""The reward model: learn from whole rankings what people prefer, and say how well it was learned."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import optim, preset
from trainer.agreement import Agreement, accuracy, agreement
from trainer.checkpoint import pack, unpack
from trainer.errors import Refused
from trainer.losses import margins, ranking_loss, untied_pairs
from trainer.nets import freeze_below, trained
from trainer.ragged import Batch
from trainer.records import Ranking, read_demonstrations, read_rankings
from trainer.runtime import Run, checked, generator
from trainer.scalar import RewardNet, new_reward, save_reward
from trainer.text import Tokenizer, encode_answer, encode_completion, encode_prompt, load_tokenizer

Row = tuple[list[int], list[int]]
ROWS_AT_ONCE = 8
CENTRED_AT_ONCE = 64


@dataclass(frozen=True)
class Config:
    """`batch` and `micro_batch` count slates; `warmup` is a share of the updates; lengths are tokens."""

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

    def __post_init__(self) -> None:
        if not min(self.epochs, self.batch, self.micro_batch, self.max_prompt, self.max_completion) >= 1:
            raise ValueError("epochs, batch, micro_batch, max_prompt and max_completion must be at least 1")


@dataclass(frozen=True)
class Slate:
    """A ranking in tokens: K rows of (prompt ids, completion ids), and the tier of each."""

    prompt: str
    rows: list[Row]
    tiers: list[int | None]
    weight: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--init", required=True, type=Path, metavar="DIR", help="the policy to begin from")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Fit a reward model to the training rankings, centre it, measure it on the held-out ones, publish it."""
    config = preset.load_preset(Config, "reward", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    inputs = {"dataset": checked(arguments.dataset, "dataset"), "init": checked(arguments.init, "policy")}
    with Run.open(
        stage="reward", kind="reward_model", out=arguments.out, inputs=inputs, config=config, seed=seed
    ) as run:
        # 2. Slates, model, optimizer, and the resume point if there is one.
        tok = load_tokenizer(arguments.init)
        slates = read_slates(arguments.dataset, "train", tok, config)
        if not slates:
            raise Refused(f"{arguments.dataset} holds no ranking of the split 'train' with an untied pair")
        net = new_reward(arguments.init, seed)
        freeze_below(net, config.train_layers)
        optimizer = optim.adamw(trained(net), config.lr, config.weight_decay)
        batches = optim.batches(len(slates), config.batch, config.epochs, seed)
        point = run.restore()
        if point:
            unpack("reward", point.tensors, net, optimizer)
        # 3. One update a batch of whole slates.
        for step in range(point.step if point else 0, len(batches)):
            run.begin(step, len(batches), "training")
            metrics = accumulate(net, [slates[index] for index in batches[step]], config.micro_batch)
            lr = config.lr * optim.warmup_cosine(step, len(batches), config.warmup)
            norm = optim.update(optimizer, trained(net), lr, config.clip)
            run.log(step + 1, len(batches), {**metrics, "lr": lr, "grad_norm": norm})
            run.boundary(step + 1, lambda: pack("reward", net, optimizer), every=config.checkpoint_every)
        # 4. Centre: what people wrote themselves scores 0 on average.
        run.doing(len(batches), len(batches), "centring")
        rows = demonstration_rows(arguments.dataset, tok, config) or [row for s in slates for row in s.rows]
        net.offset = centre(net, run, rows)
        # 5. Measure on rankings that nothing was fitted to.
        run.doing(len(batches), len(batches), "evaluating")
        held_out = read_slates(arguments.dataset, "eval", tok, config)
        report = measure(net, run, held_out, config, generator(seed, "bootstrap"))
        # 6. The artifact.
        save_reward(net, arguments.init, run.folder)
        (run.folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        summary = {**report["accuracy"], "loss": report["loss"], "enough": report["enough"]}
        run.publish(metrics={"accuracy": summary.pop("value"), **summary, "offset": net.offset})


def read_slates(dataset: Path, split: str, tok: Tokenizer, config: Config) -> list[Slate]:
    """The rankings of one split that order at least two completions, in tokens."""
    rankings = [each for each in read_rankings(dataset) if each.split == split]
    slates = [_slate(tok, ranking, config) for ranking in rankings]
    return [slate for slate in slates if untied_pairs(slate.tiers)]


def demonstration_rows(dataset: Path, tok: Tokenizer, config: Config) -> list[Row]:
    """(prompt ids, answer ids) of every training demonstration."""
    return [
        (
            encode_prompt(tok, each.prompt.messages, config.max_prompt),
            encode_answer(tok, each.messages, config.max_completion)[0],
        )
        for each in read_demonstrations(dataset)
        if each.split == "train"
    ]


def accumulate(net: RewardNet, slates: Sequence[Slate], micro_batch: int) -> dict[str, float]:
    """Add up the gradients of one optimizer batch; return its `loss` in nats, `accuracy` and mean `margin`.

    Every micro-batch is divided by the weight of the whole batch, so its size does not change the gradient.
    """
    weight = sum(slate.weight for slate in slates)
    totals = {"loss": 0.0, "accuracy": 0.0, "margin": 0.0}
    for start in range(0, len(slates), micro_batch):
        part = slates[start : start + micro_batch]
        scores = score_slates(net, part)
        loss = _loss(scores, part, weight)
        loss.backward()  # type: ignore[no-untyped-call]
        totals["loss"] += float(loss.detach())
        for each, slate in zip(scores, part, strict=True):
            margin = margins(each.detach(), slate.tiers)
            totals["accuracy"] += accuracy(margin) * slate.weight / weight
            totals["margin"] += float(margin.mean()) * slate.weight / weight
    return totals


def score_slates(net: RewardNet, slates: Sequence[Slate]) -> list[Tensor]:
    """One tensor [K] of scores a slate, from one forward pass of every completion."""
    scores = score_rows(net, [row for slate in slates for row in slate.rows])
    return list(torch.split(scores, [len(slate.rows) for slate in slates]))


def score_rows(net: RewardNet, rows: Sequence[Row]) -> Tensor:
    """Scores [N] of `rows`, passed on a few at a time with others of about their length: little padding."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]) + len(rows[index][1]))
    groups = [order[start : start + ROWS_AT_ONCE] for start in range(0, len(order), ROWS_AT_ONCE)]
    scores = torch.cat([net(Batch.of([rows[index] for index in group])) for group in groups])
    return scores[torch.tensor(order).argsort()]


@torch.no_grad()
def centre(net: RewardNet, run: Run, rows: Sequence[Row]) -> float:
    """The mean score of `rows`; a stop is heard on the way."""
    scores: list[Tensor] = []
    for start in range(0, len(rows), CENTRED_AT_ONCE):
        run.heed_stop()
        scores.append(score_rows(net, rows[start : start + CENTRED_AT_ONCE]))
    return float(torch.cat(scores).mean())


@torch.no_grad()
def measure(
    net: RewardNet, run: Run, slates: Sequence[Slate], config: Config, generator: torch.Generator
) -> dict[str, Any]:
    """The report.json of docs/seam.md over held-out slates."""
    scores: list[Tensor] = []
    for start in range(0, len(slates), config.micro_batch):
        run.heed_stop()
        scores += score_slates(net, slates[start : start + config.micro_batch])
    found: Agreement = agreement(
        [slate.prompt for slate in slates], scores, [slate.tiers for slate in slates], generator
    )
    loss = float(_loss(scores, slates, sum(slate.weight for slate in slates))) if slates else None
    return {
        "accuracy": dataclasses.asdict(found),
        "loss": loss,
        "offset": net.offset,
        "enough": found.enough,
    }


def _loss(scores: Sequence[Tensor], slates: Sequence[Slate], weight: float) -> Tensor:
    return ranking_loss(scores, [slate.tiers for slate in slates], [slate.weight for slate in slates], weight)


def _slate(tok: Tokenizer, ranking: Ranking, config: Config) -> Slate:
    prompt = encode_prompt(tok, ranking.prompt.messages, config.max_prompt)
    rows = [
        (prompt, encode_completion(tok, each.text, each.finished, config.max_completion))
        for each in ranking.completions
    ]
    tiers = [each.tier for each in ranking.completions]
    return Slate(ranking.prompt.id, rows, tiers, ranking.weight)
