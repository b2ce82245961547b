"""What one update samples and what it is worth, the same for every algorithm that learns from its own samples."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer import dist, judging, lora, manifest, memory, preset, rl
from trainer.drawing import Sample
from trainer.generation import complete
from trainer.judging import Judge
from trainer.monitors import correlation
from trainer.nets import PolicyNet
from trainer.prompts import encode_prompts
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.runtime import Run, checked, generator
from trainer.scoring import all_logprobs, refuse_other_tokenizers, with_states
from trainer.text import Tokenizer, decode
from trainer.trunk import depth, share, shared_layers


@dataclass(frozen=True, kw_only=True)
class Config:
    """`batch`, `minibatch` and `micro_batch` count completions; `warmup` and the `_every`s count updates.

    `beta` is the price of a nat of KL in reward; `kl_stop`, in nats a completion, ends training early.
    A completion that is cut off scores -`unfinished_penalty`. `length_control` is the share, from 0 to 1, of what
    length explains of the scores that is taken off them. `samples_shown` prompts of an update are kept with a
    completion each.
    """

    updates: int
    batch: int
    per_prompt: int
    minibatch: int
    micro_batch: int
    inner_epochs: int
    temperature: float
    max_prompt: int
    max_new: int
    batch_tokens: int
    lr: float
    lr_schedule: str = "constant"
    warmup: int
    grad_clip: float
    beta: float
    kl_stop: float
    clip: float
    score_clip: float
    length_control: float = 0.0
    unfinished: str = "penalty"
    unfinished_penalty: float
    train_layers: int
    lora_rank: int = 0
    checkpoint_every: int
    samples_every: int
    samples_shown: int = 4

    def __post_init__(self) -> None:
        sizes = (self.batch, self.per_prompt, self.minibatch, self.micro_batch)
        if min(*sizes, self.updates, self.inner_epochs, self.samples_every, self.max_new, self.temperature) <= 0:
            raise ValueError(
                "batch sizes, updates, inner_epochs, samples_every, max_new and temperature must be above 0"
            )
        if self.batch % self.per_prompt or self.batch % self.minibatch:
            raise ValueError("batch must be a multiple of per_prompt and of minibatch")
        if self.lr_schedule not in ("constant", "linear"):
            raise ValueError(f"lr_schedule must be constant or linear, not {self.lr_schedule!r}")
        if self.length_control > 1:
            raise ValueError(f"length_control is a share from 0 to 1, not {self.length_control}")


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who takes part: of these only `policy` learns. All trunks have the lowest `shared` layers in common."""

    policy: PolicyNet
    reference: PolicyNet
    judge: Judge
    tok: Tokenizer
    shared: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """`batch` holds what was sampled; `scores` are [B], as they entered the rewards; the rest is [B,T].

    `token_scores` are what a judge gave single tokens; they are part of `scores`. `logprobs` are the sampler's own:
    those of the policy that chose.
    """

    batch: Batch
    samples: list[Sample]
    scores: Tensor
    token_scores: Tensor
    logprobs: Tensor
    kl: Tensor

    @property
    def finished(self) -> Tensor:
        """[B] bool: the policy ended the text itself."""
        return torch.tensor([sample.finished for sample in self.samples])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--init", required=True, type=Path, metavar="DIR", help="the policy to begin from")
    parser.add_argument("--reference", required=True, type=Path, metavar="DIR", help="what KL is measured to")
    judging.add_arguments(parser)
    preset.add_arguments(parser)


def inputs(arguments: argparse.Namespace) -> dict[str, str]:
    """The digest of every input by its role, all files checked. Raises Refused where policies tokenize differently."""
    found = {
        "dataset": checked(arguments.dataset, "dataset"),
        "init": checked(arguments.init, "policy"),
        "reference": checked(arguments.reference, "policy"),
        **judging.inputs(arguments),
    }
    refuse_other_tokenizers(arguments.init, arguments.reference)
    return found


def needed(arguments: argparse.Namespace, config: Config, *, critic: bool, extra: int = 0) -> int:
    """Estimated peak bytes; a `critic` is one more net that learns, `extra` copies of what the policy learns."""
    policy = memory.sizes(arguments.init)
    judge = memory.sizes(arguments.reward) if arguments.reward else {}
    value = [judge or policy] if critic else []
    positions = max(config.batch_tokens, config.per_prompt * (config.max_prompt + config.max_new))
    cached = memory.cache(arguments.init, positions)
    if config.lora_rank:
        thin = [memory.thin(arguments.init, config.lora_rank, config.train_layers)] * (1 + critic)
        alike = manifest.digest(arguments.init) == manifest.digest(arguments.reference)
        rests = not arguments.reward or lora.fits(arguments.reward, arguments.reference)
        bases = [policy, *([] if alike else [policy]), *([] if rests else [judge])]
        return memory.peak([*bases, *thin], thin, layers=0, extra=extra, cached=cached)
    held = [policy, memory.sizes(arguments.reference), judge, *value]
    return memory.peak(held, [policy, *value], layers=config.train_layers, extra=extra, cached=cached)


def settle(learning: Sequence[nn.Module], others: Sequence[nn.Module], config: Config, seed: int) -> int:
    """Freeze what does not learn, keep equal weights once, and return how many of the lowest layers all nets share."""
    for net in learning:
        lora.choose(net, layers=config.train_layers, rank=config.lora_rank, seed=seed)
    for net in others:
        net.requires_grad_(False)
    lora.tie(*others, *learning)
    trunks: list[nn.Module] = [net.trunk for net in (*learning, *others)]  # type: ignore[misc]
    shared = shared_layers(trunks, most=depth(trunks[0]) - config.train_layers if config.train_layers else 0)
    share(trunks, shared)
    return shared


def draw(cast: Cast, chosen: Sequence[tuple[str, Prompt]], config: Config, seed: int) -> Drawn:
    """Complete each prompt `per_prompt` times and judge the completions."""
    encoded = encode_prompts(cast.tok, [prompt for _, prompt in chosen], config.max_prompt)
    slates = complete(
        cast.policy,
        cast.tok,
        encoded,
        keys=[key for key, _ in chosen],
        per_prompt=config.per_prompt,
        seed=seed,
        settings=config,
    )
    rows = [(prompt, sample) for prompt, slate in zip(encoded, slates, strict=True) for sample in slate]
    plain = Batch.of([(prompt, sample.tokens) for prompt, sample in rows])
    batch = with_states(cast.policy.trunk, plain, cast.shared, config.batch_tokens)
    samples = [sample for _, sample in rows]
    old = torch.zeros(batch.ids.shape)
    old[batch.is_completion] = torch.tensor([logprob for sample in samples for logprob in sample.logprobs])
    kl = rl.k1(old, all_logprobs(cast.reference, batch, config.temperature, config.batch_tokens))
    asked = [prompt for _, prompt in chosen for _ in range(config.per_prompt)]
    judged = dist.of_first(cast.judge(asked, samples, batch))
    scores, token_scores = priced(judged, samples, batch, config)
    return Drawn(batch=batch, samples=samples, scores=scores, token_scores=token_scores, logprobs=old, kl=kl)


def priced(judged: Tensor, samples: Sequence[Sample], batch: Batch, config: Config) -> tuple[Tensor, Tensor]:
    """Scores [B] as they enter the rewards, and what of them [B,T] lies on single tokens: usually nothing.

    What was judged is clipped; a completion that was cut off gets the penalty instead, or 0 where the algorithm
    treats it otherwise (`unfinished`).
    """
    finished = torch.tensor([sample.finished for sample in samples])
    mask = batch.is_completion & finished.unsqueeze(1)
    spread = torch.zeros(batch.ids.shape)
    if judged.dim() == 2:
        spread = torch.where(mask, judged.clamp(-config.score_clip, config.score_clip), 0.0)
        judged = torch.zeros(len(samples))
    if config.length_control:
        lengths = torch.tensor([len(sample.tokens) for sample in samples])
        total = judged + spread.sum(dim=1)
        judged = judged - config.length_control * rl.explained_by_length(total, lengths, finished, config.per_prompt)
    penalty = config.unfinished_penalty if config.unfinished == "penalty" else 0.0
    return rl.final_scores(judged, finished, clip=config.score_clip, unfinished=-penalty) + spread.sum(dim=1), spread


def plan(config: Config, step: int, seed: int) -> Iterator[Tensor]:
    """Rows of every minibatch of update `step`: a fresh permutation each inner epoch."""
    for epoch in range(config.inner_epochs):
        order = torch.randperm(config.batch, generator=generator(seed, "minibatches", step, epoch))
        yield from torch.split(order, config.minibatch)


def micro_batches(drawn: Drawn, rows: Tensor, size: int) -> Iterator[Tensor]:
    """This process's rows of a minibatch, `size` at a time; those of one prompt together: it is then computed once."""
    group = drawn.batch.group
    parts = torch.split(rows if group is None else rows[group[rows].argsort(stable=True)], size)
    yield from dist.share(parts)


def means(points: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(point[name] for point in points) / len(points) for name in points[0]}


def described(drawn: Drawn, beta: float) -> dict[str, float]:
    """The curve's view of what was drawn: sums over a completion's tokens, means over completions (as TRL's)."""
    count = len(drawn.samples)
    mask = drawn.batch.is_completion
    kl, score = float(drawn.kl.where(mask, 0.0).sum()) / count, float(drawn.scores.mean())
    ended = sum(sample.finished for sample in drawn.samples)
    return {
        "objective/kl": kl,
        "objective/scores": score,
        "objective/rlhf_reward": score - beta * kl,
        "objective/entropy": -float(drawn.logprobs.where(mask, 0.0).sum()) / count,
        "objective/beta": beta,
        "val/num_eos_tokens": ended,
        "val/eos_rate": ended / count,
        "length": float(mask.sum()) / count,
        "objective/length_correlation": correlation(mask.sum(dim=1).double(), drawn.scores),
    }


def keep_samples(
    run: Run, step: int, chosen: Sequence[tuple[str, Prompt]], drawn: Drawn, tok: Tokenizer, config: Config
) -> None:
    """Append the first completion of the first prompts to samples.jsonl, for people to look at."""
    for place, (_, prompt) in enumerate(chosen[: config.samples_shown]):
        row = place * config.per_prompt
        sample = drawn.samples[row]
        record: dict[str, Any] = {
            "step": step,
            "prompt": prompt.id,
            "text": decode(tok, sample.tokens),
            "finished": sample.finished,
            "tokens": len(sample.tokens),
            "reward": float(drawn.scores[row]),
        }
        run.append("samples.jsonl", record)


def summary(history: Sequence[dict[str, float]], config: Config) -> dict[str, Any]:
    """What a list shows: where the score and the KL began and ended, and whether the KL ended training early."""
    first, last = history[0], history[-1]
    return {
        "updates": len(history),
        "stopped_early": len(history) < config.updates,
        "first_score": first["objective/scores"],
        "score": last["objective/scores"],
        "kl": last["objective/kl"],
    }
