"""The reward model: learn from whole rankings what people prefer, and say how well it was learned."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import dist, lora, optim, preset
from trainer.agreement import accuracy
from trainer.bounds import refuse_beyond_context
from trainer.checkpoint import pack, unpack
from trainer.errors import Refused
from trainer.labelers import labeler_weights
from trainer.likelihoods import fit_tie, plackett_luce, rao_kupper
from trainer.losses import Likelihood, bradley_terry, margins, ranking_loss, untied_pairs
from trainer.nets import trained
from trainer.ragged import Batch
from trainer.records import Ranking, read_rankings
from trainer.reward_report import describe, notes
from trainer.runtime import Run, checked, generator
from trainer.scalar import RewardNet, new_reward, save_reward
from trainer.slates import Row, Slate, demonstration_rows, to_slates, with_draws
from trainer.text import load_tokenizer

LOSSES = ("bradley_terry", "plackett_luce", "rao_kupper")
LABELERS = ("equal", "agreement")
CENTRED_AT_ONCE = 64
# Adam moves a parameter by about its learning rate, and a threshold has further to go than a weight.
TIE_LR = 0.01
# Training slates on which the report finds the tie threshold of a model that was fitted without one.
TIE_SLATES = 64


@dataclass(frozen=True)
class Config:
    """`batch` and `micro_batch` count slates; `warmup` is a share of the updates; lengths are tokens.

    The better of two must lead by `margin` a step of tier or strength. `labelers` weighs people: all "equal",
    or by their "agreement" with others.
    """

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
    epochs: int = 1
    loss: str = "bradley_terry"
    margin: float = 0.0
    labelers: str = "equal"
    heads: int = 1
    spread_penalty: float = 0.1
    lora_rank: int = 0

    def __post_init__(self) -> None:
        sizes = (self.epochs, self.batch, self.micro_batch, self.heads, self.max_prompt, self.max_completion)
        if min(sizes) < 1 or not self.lr > 0:
            raise ValueError(
                "epochs, batch, micro_batch, heads, max_prompt and max_completion must be at least 1 and lr above 0"
            )
        for name, value, known in (("loss", self.loss, LOSSES), ("labelers", self.labelers, LABELERS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


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
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_completion=config.max_completion)
    with Run.open(
        stage="reward", kind="reward_model", out=arguments.out, inputs=inputs, config=config, seed=seed
    ) as run:
        # 2. Slates, model, optimizer, and the resume point if there is one.
        tok = load_tokenizer(arguments.init)
        rankings = read_rankings(arguments.dataset)
        learnt = training_rankings(rankings, arguments.dataset, config.loss)
        weights = labeler_weights(learnt) if config.labelers == "agreement" else {}
        slates = with_draws(to_slates(learnt, tok, config, weights), config.heads, seed)
        net = new_reward(arguments.init, seed, config.heads, config.spread_penalty)
        lora.choose(net, layers=config.train_layers, rank=config.lora_rank, seed=seed)
        optimizer = optim.adamw(trained(net), config.lr, config.weight_decay)
        if config.loss == "rao_kupper":
            raw_tie = net.learn_ties(fit_tie([torch.zeros(len(s.tiers)) for s in slates], [s.tiers for s in slates]))
            optimizer.add_param_group({"params": [raw_tie], "scale": TIE_LR / config.lr, "weight_decay": 0.0})
        batches = optim.batches(len(slates), config.batch, config.epochs, seed)
        point = run.restore()
        if point:
            unpack("reward", point.tensors, net, optimizer)
        # 3. One update a batch of whole slates.
        for step in range(point.step if point else 0, len(batches)):
            run.begin(step, len(batches), "training")
            metrics = accumulate(net, [slates[index] for index in batches[step]], config)
            lr = config.lr * optim.warmup_cosine(step, len(batches), config.warmup)
            norm = optim.update(optimizer, trained(net), lr, config.clip)
            run.log(step + 1, len(batches), {**metrics, "lr": lr, "grad_norm": norm})
            run.boundary(step + 1, lambda: pack("reward", net, optimizer), every=config.checkpoint_every)
        # 4. Centre: what people wrote themselves scores 0 on average.
        run.doing(len(batches), len(batches), "centring")
        demonstrations = demonstration_rows(arguments.dataset, tok, config)
        centre(net, run, demonstrations or [row for slate in slates for row in slate.rows])
        # 5. Measure on rankings that nothing was fitted to.
        run.doing(len(batches), len(batches), "evaluating")
        training, unseen = ([each for each in rankings if each.split == split] for split in ("train", "eval"))
        tie = found_tie(net, run, to_slates(drawn(training, TIE_SLATES, seed), tok, config), config)
        report = measure(net, run, to_slates(unseen, tok, config), config, tie, weights, generator(seed, "bootstrap"))
        report["notes"] = notes(report, training, len(learnt), len(demonstrations))
        # 6. The artifact.
        lora.save(net, run.folder / "adapter")
        lora.merge(net)
        save_reward(net, arguments.init, run.folder)
        (run.folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        summary = {**report["accuracy"], "loss": report["loss"], "enough": report["enough"]}
        run.publish(metrics={"accuracy": summary.pop("value"), **summary, "offset": net.offset})


def training_rankings(rankings: Sequence[Ranking], dataset: Path, loss: str) -> list[Ranking]:
    """The training rankings that `loss` can learn from. Raises Refused where no two completions are told apart."""
    training = [each for each in rankings if each.split == "train"]
    if not training:
        raise Refused(
            f"{dataset} holds no ranking of the split 'train': freeze a round in which people have ranked such prompts"
        )
    orders = [each for each in training if untied_pairs([one.tier for one in each.completions])]
    if not orders:
        raise Refused(
            f"none of the {len(training)} training rankings in {dataset} has an untied pair: a reward model learns "
            "from what people told apart, so ask for rankings with fewer ties"
        )
    return training if loss == "rao_kupper" else orders


def accumulate(net: RewardNet, slates: Sequence[Slate], config: Config) -> dict[str, float]:
    """Add up the gradients of one optimizer batch; return its `loss` in nats, `accuracy` and mean `margin`.

    Every micro-batch is divided by the weight of the whole batch, so its size does not change the gradient.
    """
    weight = sum(slate.weight for slate in slates)
    orders = sum(slate.weight for slate in slates if untied_pairs(slate.tiers))
    totals = {"loss": 0.0, "accuracy": 0.0, "margin": 0.0}
    for start in dist.share(range(0, len(slates), config.micro_batch)):
        part = slates[start : start + config.micro_batch]
        heads = score_slates(net, part)
        loss = batch_loss(net, heads, part, config, weight)
        loss.backward()  # type: ignore[no-untyped-call]
        totals["loss"] += float(loss.detach())
        for each, slate in zip(heads, part, strict=True):
            margin = margins(each.detach().mean(dim=1), slate.tiers)
            if len(margin):
                totals["accuracy"] += accuracy(margin) * slate.weight / orders
                totals["margin"] += float(margin.mean()) * slate.weight / orders
    return dist.add_up(totals, trained(net))


def batch_loss(
    net: RewardNet, heads: Sequence[Tensor], slates: Sequence[Slate], config: Config, weight: float
) -> Tensor:
    """The loss [] of slates at what the heads say [K,heads] of each, over `weight`.

    The worse of two is given its lead before the likelihood sees it, so the better has to win by more than that:
    with Bradley-Terry this is -log sigmoid(difference - margin) (Touvron et al. 2023, eq. 2).
    """
    led = [
        head + config.margin * torch.tensor(slate.steps)[:, None] if config.margin else head
        for head, slate in zip(heads, slates, strict=True)
    ]
    weights = torch.stack([slate.weight * (torch.ones(1) if slate.draws is None else slate.draws) for slate in slates])
    tiers = [slate.tiers for slate in slates]
    return ranking_loss(led, tiers, weights, weight, likelihood(net, config.loss))


def likelihood(net: RewardNet, loss: str) -> Likelihood:
    if loss == "rao_kupper":
        assert net.tie is not None, "learn_ties comes before training"
        return partial(rao_kupper, tie=net.tie)
    return plackett_luce if loss == "plackett_luce" else bradley_terry


def score_slates(net: RewardNet, slates: Sequence[Slate]) -> list[Tensor]:
    """One tensor [K,heads] a slate, from one forward pass of every completion behind a prompt that it shares."""
    heads = net.heads(Batch.of([row for slate in slates for row in slate.rows]))
    return list(torch.split(heads, [len(slate.rows) for slate in slates]))


@torch.no_grad()
def centre(net: RewardNet, run: Run, rows: Sequence[Row]) -> None:
    """Let every head, and the score that they make together, be 0 on average over `rows`; a stop is heard."""
    parts: list[Tensor] = []
    for start in range(0, len(rows), CENTRED_AT_ONCE):
        run.heed_stop()
        parts.append(net.heads(Batch.of(rows[start : start + CENTRED_AT_ONCE])))
    heads = torch.cat(parts)
    if heads.shape[1] > 1:
        net.centres = heads.mean(dim=0).tolist()
        heads = heads - heads.new_tensor(net.centres)
    net.offset = float(net.pooled(heads).mean())


def drawn(rankings: Sequence[Ranking], most: int, seed: int) -> list[Ranking]:
    """At most `most` of the rankings, drawn without replacement."""
    order = torch.randperm(len(rankings), generator=generator(seed, "ties")).tolist()
    return [rankings[index] for index in order[:most]]


@torch.no_grad()
def found_tie(net: RewardNet, run: Run, slates: Sequence[Slate], config: Config) -> float:
    """The tie threshold that was learned, or else the one that fits the scores of these training slates best."""
    if net.tie is not None:
        return float(net.tie)
    heads = heads_of(net, run, slates, config)
    return fit_tie([net.pooled(each) for each in heads], [slate.tiers for slate in slates])


def heads_of(net: RewardNet, run: Run, slates: Sequence[Slate], config: Config) -> list[Tensor]:
    """What the heads say [K,heads] of each slate; a stop is heard on the way."""
    found: list[Tensor] = []
    for start in range(0, len(slates), config.micro_batch):
        run.heed_stop()
        found += score_slates(net, slates[start : start + config.micro_batch])
    return found


@torch.no_grad()
def measure(
    net: RewardNet,
    run: Run,
    slates: Sequence[Slate],
    config: Config,
    tie: float,
    weights: Mapping[str, float],
    generator: torch.Generator,
) -> dict[str, Any]:
    """The report.json of docs/seam.md over held-out slates."""
    heads = heads_of(net, run, slates, config)
    found = describe(slates, [net.pooled(each) for each in heads], heads, tie, weights, generator)
    loss = found["log_loss"][config.loss]["value"] if found["log_loss"] else None
    return {"accuracy": found.pop("accuracy"), "loss": loss, "offset": net.offset, **found}
