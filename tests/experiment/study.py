"""One seed's study: people rank what a policy wrote, reward models learn from it, policies learn from those."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.experiment import figures, people
from tests.experiment.scale import Scale
from trainer import cli, gold
from trainer.ragged import Batch
from trainer.records import Message
from trainer.scalar import load_reward
from trainer.scoring import all_scores
from trainer.text import encode_completion, encode_prompt, load_tokenizer

Figures = dict[str, Any]
TOKENS = 16384
MOST_PROMPT, MOST_COMPLETION = 96, 64
# What PPO measures in units of reward, in standard deviations of the proxy.
IN_DEVIATIONS = {"unfinished_penalty": 2.0, "value_clip": 0.5, "score_clip": 100.0}


class StageFailed(Exception):
    """A stage did not end with exit code 0."""


@dataclass
class Study:
    """The folder of one seed, its prompts, and the artifacts that everything else begins from."""

    folder: Path
    seed: int
    scale: Scale
    texts: dict[str, str]
    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Print a line of progress."""
        print(f"{time.monotonic() - self.began:6.0f} s  seed {self.seed}: {sentence}", flush=True)

    def stage(self, name: str, out: str, *overrides: str, **given: Any) -> Path:
        """Run a stage through its command line; one that stands already is left alone."""
        began, place = time.monotonic(), self.folder / out
        words = ["--seed", str(self.seed), *([] if name == "tiny" else ["--preset", "tiny"])]
        for role, values in given.items():
            for value in values if isinstance(values, list) else [values]:
                words += [f"--{role.replace('_', '-')}", str(value)]
        words += [word for each in overrides for word in ("--set", each)]
        code = cli.main([name, *words, "--threads", "1", "--out", str(place)])
        if code:
            raise StageFailed(f"{name} of {place} ended with exit code {code}")
        self.seconds[out] = round(time.monotonic() - began, 1)
        self.say(f"{out} stands")
        return place

    def completions(self, policy: Path, split: str, per_prompt: int) -> dict[str, list[people.Row]]:
        """Completions of every prompt of one split: prompt id → rows."""
        asked = [people.asked(name, text) for name, text in self.texts.items() if people.split_of(name) == split]
        order = self.folder / f"{split}.jsonl"
        people.write_rows(order, asked)
        overrides = ("shard_size=64",)
        out = self.stage("sample", f"samples-{split}", *overrides, prompts=order, policy=policy, per_prompt=per_prompt)
        found: dict[str, list[people.Row]] = {}
        for shard in sorted(out.with_name(f"{out.name}.shards").iterdir()):
            for row in people.read_rows(shard / "completions.jsonl"):
                found.setdefault(row["prompt"], []).append(row)
        return found

    def golds(self, completions: people.Completions) -> Tensor:
        """Gold of every completion [prompts, N]."""
        return torch.tensor(
            [[gold.score(self.texts[name], row["text"]) for row in rows] for name, rows in completions.items()]
        )

    def scores(self, reward: Path, completions: people.Completions) -> Tensor:
        """What the reward model in `reward` says of every completion [prompts, N]."""
        tok = load_tokenizer(reward)
        rows = [
            (
                encode_prompt(tok, [Message("user", self.texts[row["prompt"]])], MOST_PROMPT),
                encode_completion(tok, row["text"], row["finished"], MOST_COMPLETION),
            )
            for given in completions.values()
            for row in given
        ]
        return all_scores(load_reward(reward), Batch.of(rows), TOKENS).view(len(completions), -1)


def run(folder: Path, scale: Scale, seed: int) -> Figures:
    """Everything that one seed shows, as figures; progress is printed."""
    torch.set_num_threads(1)
    study = Study(folder / f"seed-{seed}", seed, scale, people.prompts(scale, seed))
    study.folder.mkdir(parents=True, exist_ok=True)
    # 1. A policy that imitates people, and what it writes.
    sft = begin(study)
    train = study.completions(sft, "train", scale.per_prompt)
    held_out = study.completions(sft, "eval", scale.best_of)
    golds = study.golds(held_out)
    # 2. People rank it, and reward models learn from ever more rankings.
    judged = people.slates({name: rows[: scale.k] for name, rows in held_out.items()}, scale.k)
    best = figures.ceiling(
        [(study.texts[name], [row["text"] for row in rows]) for name, rows in judged], scale.noise, seed
    )
    study.say(f"the ceiling of agreement is {best:.3f}")
    rewards = [
        fitted(study, sft, train, judged, held_out, golds, labels, kind)
        for labels in scale.labels
        for kind in ("K-way", "pairs", "ensemble")
        if kind != "ensemble" or labels == min(scale.labels)
    ]
    # 3. PPO against them: every reward model without a penalty, the smallest with each.
    runs = [
        improved(study, sft, each, beta, golds)
        for each in rewards
        if each["kind"] != "pairs"
        for beta in scale.betas
        if beta == scale.betas[0] or (each["kind"], each["labels"]) == ("K-way", min(scale.labels))
    ]
    # 4. DPO from the same rankings, and the policies beside each other on held-out prompts.
    frontier = compared(study, sft, rewards, runs, golds)
    for each in (*rewards, *runs):
        each.pop("artifact")
    return {
        "seed": seed,
        "ceiling": best,
        "gold_mean": float(golds.mean()),
        "gold_sd": float(golds.std()),
        "rewards": rewards,
        "ppo": runs,
        "frontier": frontier,
        "seconds": study.seconds,
    }


def begin(study: Study) -> Path:
    """The tiny policy, taught by demonstrations."""
    base = study.stage("tiny", "base")
    taught = people.demonstrations(study.texts, study.scale, study.seed)
    dataset = people.dataset(study.folder / "demonstrated", study.texts, demonstrations=taught)
    return study.stage("sft", "sft", dataset=dataset, init=base)


def fitted(
    study: Study,
    sft: Path,
    train: people.Completions,
    judged: Sequence[tuple[str, list[people.Row]]],
    held_out: people.Completions,
    golds: Tensor,
    labels: int,
    kind: str,
) -> Figures:
    """A reward model from `labels` rankings, what it agrees with, and what choosing by it is worth."""
    scale = study.scale
    crowd = people.labelers(scale, study.seed)
    ranked = people.rankings(people.slates(train, scale.k)[:labels], study.texts, crowd)
    pairs = people.in_pairs(ranked, study.seed)
    rows = [*(pairs if kind == "pairs" else ranked), *people.rankings(judged, study.texts, crowd)]
    name = f"{'pairs' if kind == 'pairs' else 'labels'}-{labels}"
    dataset = people.dataset(study.folder / name, study.texts, rows)
    # An update sees as many pairs as the slates of the others hold.
    size = scale.reward_batch * len(pairs) // labels if kind == "pairs" else scale.reward_batch
    heads = scale.heads if kind == "ensemble" else 1
    options = (f"batch={size}", f"heads={heads}", f"epochs={scale.epochs}")
    artifact = study.stage("reward", f"reward-{kind}-{labels}", *options, dataset=dataset, init=sft)
    report = json.loads((artifact / "report.json").read_text(encoding="utf-8"))
    scores = study.scores(artifact, held_out)
    curve = figures.best_of_curve(scores, golds)
    return {
        "kind": kind,
        "labels": labels,
        "comparisons": len(pairs),
        "accuracy": report["accuracy"],
        "gold_accuracy": figures.gold_accuracy(list(scores[:, : scale.k]), list(golds[:, : scale.k])),
        "best_of_n": curve,
        "fits": {value: figures.fit(curve, value, figures.linear) for value in ("proxy", "gold")},
        "proxy_mean": float(scores.mean()),
        "proxy_sd": float(scores.std()),
        "artifact": artifact,
    }


def improved(study: Study, sft: Path, judge: Figures, beta: float, golds: Tensor) -> Figures:
    """PPO against the reward model of `judge`; a point an update, from all that was sampled for it.

    `beta`, the penalty and the clip are in standard deviations of the proxy, which grows with the labels.
    """
    scale, unit = study.scale, judge["proxy_sd"]
    name = f"ppo-{judge['kind']}-{judge['labels']}-{beta:g}"
    sizes = [f"updates={scale.updates}", f"batch={scale.batch}", f"minibatch={scale.batch // 2}", f"lr={scale.lr}"]
    kept = ["per_prompt=1", "samples_every=1", f"samples_shown={scale.batch}", "kl_stop=1000"]
    units = [f"{key}={unit * value:.6f}" for key, value in {"beta": beta, **IN_DEVIATIONS}.items()]
    dataset = study.folder / "demonstrated"
    roles = {"dataset": dataset, "init": sft, "reference": sft, "reward": judge["artifact"]}
    artifact = study.stage("ppo", name, *sizes, *kept, *units, **roles)
    points = curve(study, artifact, judge, golds)
    return {
        "kind": judge["kind"],
        "labels": judge["labels"],
        "beta": beta,
        "points": points,
        "fits": {value: figures.fit(points, value, math.log) for value in ("proxy", "gold")},
        **figures.peak(points),
        "artifact": artifact,
    }


def curve(study: Study, artifact: Path, judge: Figures, golds: Tensor) -> list[Figures]:
    """Proxy and gold, in standard deviations of the beginning, beside the KL of each update.

    The reward model is asked again, for what PPO saw holds the penalty of texts that were cut off.
    """
    samples: dict[str, list[people.Row]] = {}
    for row in people.read_rows(artifact / "samples.jsonl"):
        samples.setdefault(str(row["step"]), []).append(row)
    proxies = study.scores(judge["artifact"], samples)
    points = []
    for line, rows, proxy in zip(people.read_rows(artifact / "metrics.jsonl"), samples.values(), proxies, strict=False):
        worth = torch.tensor([gold.score(study.texts[row["prompt"]], row["text"]) for row in rows])
        points.append(
            {
                "update": line["step"],
                "kl": line["objective/kl"],
                "proxy": (float(proxy.mean()) - judge["proxy_mean"]) / judge["proxy_sd"],
                "gold": float(figures.in_deviations(worth, golds).mean()),
                "length": line["length"],
                "finished": line["val/num_eos_tokens"] / len(rows),
            }
        )
    return points


def compared(
    study: Study, sft: Path, rewards: Sequence[Figures], runs: Sequence[Figures], golds: Tensor
) -> list[Figures]:
    """KL, proxy and gold on held-out prompts of every final policy, by the reward model with the most rankings."""
    judge = next(each for each in reversed(rewards) if each["kind"] == "K-way")
    dataset = study.folder / f"labels-{judge['labels']}"
    dpo = study.stage("dpo", f"dpo-{judge['labels']}", dataset=dataset, init=sft)
    roles = {"dataset": dataset, "before": sft, "after": dpo, "reference": sft, "reward": judge["artifact"]}
    points = [f"{each['artifact'].name}={each['artifact']}" for each in runs]
    out = study.stage("evaluate", "evaluation", "best_of=0", **roles, point=points)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    worth: dict[str, list[float]] = {}
    for row in people.read_rows(out / "completions.jsonl"):
        worth.setdefault(row["policy"], []).append(gold.score(study.texts[row["prompt"]], row["text"]))
    names = {"before": "sft", "after": dpo.name}
    return [
        {
            "policy": names.get(point["policy"], point["policy"]),
            "kl": point["kl"]["mean"],
            "proxy": (point["reward"]["mean"] - judge["proxy_mean"]) / judge["proxy_sd"],
            "gold": float(figures.in_deviations(torch.tensor(worth[point["policy"]]), golds).mean()),
            "monitors": report["policies"][point["policy"]],
        }
        for point in report["frontier"]
    ]
