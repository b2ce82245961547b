"""DPO: learn from whole rankings without reward model or sampling, held near a reference (Rafailov et al. 2023)."""

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trainer import dist, lora, optim, preset
from trainer.agreement import accuracy, agreement
from trainer.bounds import refuse_beyond_context
from trainer.checkpoint import pack, unpack
from trainer.errors import Refused
from trainer.likelihoods import plackett_luce
from trainer.losses import bradley_terry, margins, ranking_loss, untied_pairs
from trainer.nets import PolicyNet, load_policy, logprobs, save_policy, trained
from trainer.ragged import Batch
from trainer.records import read_rankings
from trainer.runtime import Run, checked, generator
from trainer.scoring import refuse_other_tokenizers
from trainer.slates import Slate, to_slates
from trainer.text import Tokenizer, load_tokenizer

LIKELIHOODS = {"bradley_terry": bradley_terry, "plackett_luce": plackett_luce}


@dataclass(frozen=True)
class Config:
    """`batch` and `micro_batch` count slates; `warmup` is a share of the updates; lengths are tokens.

    `beta` is the price of a nat of KL in reward: the larger, the nearer the policy stays to the reference.
    """

    epochs: int
    batch: int
    micro_batch: int
    lr: float
    warmup: float
    clip: float
    weight_decay: float
    beta: float
    max_prompt: int
    max_completion: int
    train_layers: int
    checkpoint_every: int
    loss: str = "bradley_terry"
    lora_rank: int = 0

    def __post_init__(self) -> None:
        if not min(self.epochs, self.batch, self.micro_batch, self.max_prompt, self.max_completion) >= 1:
            raise ValueError("epochs, batch, micro_batch, max_prompt and max_completion must be at least 1")
        if self.beta == 0:
            raise ValueError("beta must be above 0: without it every policy has the same loss")
        if self.loss not in LIKELIHOODS:
            raise ValueError(f"loss must be one of {', '.join(LIKELIHOODS)}, not {self.loss!r}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--init", required=True, type=Path, metavar="DIR", help="the policy to begin from")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="what it is held near to (default: --init)")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Fit a copy of the policy `init` to the training rankings and publish it as a policy."""
    config = preset.load_preset(Config, "dpo", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    reference: Path = arguments.reference or arguments.init
    # 1. Inputs, by digest.
    inputs = {
        "dataset": checked(arguments.dataset, "dataset"),
        "init": checked(arguments.init, "policy"),
        "reference": checked(reference, "policy"),
    }
    refuse_other_tokenizers(arguments.init, reference)
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_completion=config.max_completion)
    with Run.open(stage="dpo", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. Slates, model, optimizer, and the resume point if there is one.
        tok = load_tokenizer(arguments.init)
        train = read_slates(arguments.dataset, "train", tok, config)
        held_out = read_slates(arguments.dataset, "eval", tok, config)
        if not train:
            raise Refused(
                f"{arguments.dataset} holds no ranking of the split 'train' with an untied pair: let people rank such "
                "prompts, and tell completions apart"
            )
        net = load_policy(arguments.init)
        lora.choose(net, layers=config.train_layers, rank=config.lora_rank, seed=seed)
        optimizer = optim.adamw(trained(net), config.lr, config.weight_decay)
        batches = optim.batches(len(train), config.batch, config.epochs, seed)
        point = run.restore()
        if point:
            unpack("policy", point.tensors, net, optimizer)
        # 3. What the reference says of every completion, once for all epochs and resumptions.
        run.doing(run.step, len(batches), "asking the reference")
        told = point.tensors["reference"] if point else ask(reference, run, [*train, *held_out], config.micro_batch)
        known = of_slates(told, [*train, *held_out])
        # 4. One update a batch of whole slates.
        history: list[float] = point.facts["losses"] if point else []
        for step in range(point.step if point else 0, len(batches)):
            run.begin(step, len(batches), "training")
            chosen = [(train[index], known[index]) for index in batches[step]]
            metrics = accumulate(net, chosen, config)
            lr = config.lr * optim.warmup_cosine(step, len(batches), config.warmup)
            norm = optim.update(optimizer, trained(net), lr, config.clip)
            run.log(step + 1, len(batches), {**metrics, "lr": lr, "grad_norm": norm})
            history.append(metrics["loss"])
            run.boundary(
                step + 1,
                lambda: {**pack("policy", net, optimizer), "reference": told},
                every=config.checkpoint_every,
                facts={"losses": history},
            )
        # 5. Measure on rankings that nothing was fitted to.
        run.doing(len(batches), len(batches), "evaluating")
        said = of_slates(tell(net, run, held_out, config.micro_batch), held_out)
        gains = [ours - theirs for ours, theirs in zip(said, known[len(train) :], strict=True)]
        found = agreement(
            [each.prompt for each in held_out], gains, [each.tiers for each in held_out], generator(seed, "bootstrap")
        )
        # 6. The artifact.
        lora.merge(net)
        save_policy(net, arguments.init, run.folder / "model")
        summary = dataclasses.asdict(found)
        run.publish(metrics={"accuracy": summary.pop("value"), **summary, "loss": history[-1], "slates": len(train)})


def read_slates(dataset: Path, split: str, tok: Tokenizer, config: Config) -> list[Slate]:
    """The rankings of one split that tell at least two completions apart, in tokens."""
    rankings = [each for each in read_rankings(dataset) if each.split == split]
    return to_slates([each for each in rankings if untied_pairs([one.tier for one in each.completions])], tok, config)


def accumulate(net: PolicyNet, chosen: Sequence[tuple[Slate, Tensor]], config: Config) -> dict[str, float]:
    """Add up the gradients of one optimizer batch of (slate, what the reference says of it [K]); return metrics.

    Every micro-batch is divided by the weight of the whole batch, so its size does not change the gradient.
    """
    weight = sum(slate.weight for slate, _ in chosen)
    totals: dict[str, float] = {}
    for start in dist.share(range(0, len(chosen), config.micro_batch)):
        part = chosen[start : start + config.micro_batch]
        slates = [slate for slate, _ in part]
        said = of_slates(completion_logprobs(net, slates), slates)
        rewards = [implicit_rewards(ours, theirs, config.beta) for ours, (_, theirs) in zip(said, part, strict=True)]
        tiers, weights = [each.tiers for each in slates], [each.weight for each in slates]
        loss = ranking_loss(rewards, tiers, weights, weight, LIKELIHOODS[config.loss])
        loss.backward()  # type: ignore[no-untyped-call]
        totals["loss"] = totals.get("loss", 0.0) + float(loss.detach())
        for each, reward, slate in zip(said, rewards, slates, strict=True):
            for name, value in described(each.detach(), reward.detach(), slate.tiers).items():
                totals[name] = totals.get(name, 0.0) + value * slate.weight / weight
    return dist.add_up(totals, trained(net))


def implicit_rewards(ours: Tensor, reference: Tensor, beta: float) -> Tensor:
    """β·(log π − log π_ref) of each completion [K]: the reward that makes this policy the best one.

    Rafailov et al. 2023, eq. 5, without the term of the prompt, which every pair cancels. A ranking loss of
    these rewards is DPO's: Bradley–Terry gives eq. 7, Plackett–Luce that of their appendix A.3.
    """
    return beta * (ours - reference)


def described(ours: Tensor, rewards: Tensor, tiers: Sequence[int | None]) -> dict[str, float]:
    """One slate's part of the curve: means over its untied pairs; both tensors are [K]."""
    margin = margins(rewards, tiers)
    better, worse = torch.tensor(untied_pairs(tiers)).T
    return {
        "accuracy": accuracy(margin),
        "margin": float(margin.mean()),
        "logps/chosen": float(ours[better].mean()),
        "logps/rejected": float(ours[worse].mean()),
    }


def completion_logprobs(net: PolicyNet, slates: Sequence[Slate]) -> Tensor:
    """log π of every completion of `slates` [rows], nats, from one forward pass of each."""
    return logprobs(net, Batch.of([row for slate in slates for row in slate.rows])).sum(dim=1)


def ask(reference: Path, run: Run, slates: Sequence[Slate], micro_batch: int) -> Tensor:
    """log π_ref of every completion [rows]; the reference is in memory only as long as this takes."""
    return tell(load_policy(reference), run, slates, micro_batch)


@torch.no_grad()
def tell(net: PolicyNet, run: Run, slates: Sequence[Slate], micro_batch: int) -> Tensor:
    """log π of every completion of `slates` [rows]; a stop is heard on the way."""
    said = [torch.zeros(0)]
    for start in range(0, len(slates), micro_batch):
        run.heed_stop()
        said.append(completion_logprobs(net, slates[start : start + micro_batch]))
    return torch.cat(said)


def of_slates(rows: Tensor, slates: Sequence[Slate]) -> list[Tensor]:
    """Cut [rows] into one tensor [K] a slate."""
    return list(torch.split(rows, [len(slate.rows) for slate in slates]))
