"""Sample a policy for people to rank: an order of prompts, drawn shard by shard, each usable as it appears."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from trainer import best_of, manifest, preset, text
from trainer.bounds import refuse_beyond_context
from trainer.drawing import Drawing, Sample
from trainer.errors import Refused
from trainer.generation import decode, decoders
from trainer.nets import PolicyNet, load_policy
from trainer.prompts import encode_prompts
from trainer.ragged import Batch
from trainer.records import Prompt, read_prompts
from trainer.runtime import Run, checked
from trainer.scalar import RewardNet, load_reward
from trainer.scoring import all_scores, refuse_other_tokenizers
from trainer.versions import versions


@dataclass(frozen=True)
class Config:
    """What a sampling order takes from its preset; `shard_size` counts prompts, `batch_tokens` cache entries.

    Each completion is the one of `best_of` that the reward model scores highest.
    """

    temperature: float
    max_new: int
    max_prompt: int
    shard_size: int
    batch_tokens: int
    top_k: int = 0
    top_p: float = 1.0
    stop: str = ""
    best_of: int = 1

    def __post_init__(self) -> None:
        if min(self.temperature, self.max_new, self.shard_size) <= 0:
            raise ValueError("temperature, max_new and shard_size must be above 0")
        if self.best_of < 1:
            raise ValueError("best_of must be at least 1")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prompts", required=True, type=Path, metavar="FILE")
    parser.add_argument("--policy", required=True, type=Path, metavar="DIR")
    parser.add_argument("--per-prompt", required=True, type=int, metavar="K")
    parser.add_argument("--reward", type=Path, metavar="DIR", help="the reward model that chooses the best of best_of")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the completions of a sampling order in shards; a shard that stands is not drawn again."""
    config = preset.load_preset(Config, "sample", arguments.preset, arguments.overrides)
    if arguments.per_prompt < 1:
        raise Refused(f"--per-prompt must be at least 1, not {arguments.per_prompt}")
    if (config.best_of > 1) != (arguments.reward is not None):
        raise Refused("--reward and a best_of above 1 go together: what chooses, and among how many")
    refuse_beyond_context(arguments.policy, max_prompt=config.max_prompt, max_new=config.max_new)
    prompts = read_prompts(arguments.prompts)
    order: dict[str, Any] = {
        "stage": "sample",
        "inputs": inputs(arguments),
        "config": {**asdict(config), "per_prompt": arguments.per_prompt},
        "seed": arguments.seed,
    }
    with Run.open(kind="sampling", out=arguments.out, **order) as run:
        # 1. Cut the order into shards; every one is a complete directory as soon as it has its name.
        shards = [prompts[at : at + config.shard_size] for at in range(0, len(prompts), config.shard_size)]
        places = [shard_folder(arguments.out, number) for number in range(len(shards))]
        drawing = _Shards(arguments.policy, arguments.reward, config, order)
        # 2. Draw what is missing, as many shards side by side as there are threads: one decodes on one of them.
        abreast = torch.get_num_threads()
        for first in range(0, len(shards), abreast):
            run.begin(first, len(shards), "sampling")
            some = slice(first, first + abreast)
            for number, facts in enumerate(drawing.all(places[some], shards[some], run), start=first):
                run.log(number + 1, len(shards), facts["metrics"])
            run.heed_stop()
        # 3. Name the shards in order.
        digests = [manifest.digest(place) for place in places]
        (run.folder / "shards.json").write_text(json.dumps(digests), encoding="utf-8")
        run.publish(metrics={"prompts": len(prompts), "completions": len(prompts) * arguments.per_prompt})


def inputs(arguments: argparse.Namespace) -> dict[str, str]:
    """Role → digest of what goes in. Raises Refused where the reward model reads other ids than the policy writes."""
    found = {
        "prompts": manifest.file_digest(arguments.prompts),
        "policy": checked(arguments.policy, "policy"),
    }
    if arguments.reward is None:
        return found
    found["reward"] = checked(arguments.reward, "reward_model")
    refuse_other_tokenizers(arguments.reward, arguments.policy)
    return found


def shard_folder(out: Path, number: int) -> Path:
    """Where shard `number` of the sampling order `out` appears."""
    return out.with_name(f"{out.name}.shards") / f"{number:04d}"


class _Shards:
    """Draws shards; the policy, and the reward model that chooses, are loaded when the first one is missing."""

    def __init__(self, artifact: Path, reward: Path | None, config: Config, order: dict[str, Any]) -> None:
        self.artifact, self.reward, self.config, self.order = artifact, reward, config, order
        self.tok = text.load_tokenizer(artifact)
        self.drawing = Drawing(self.tok, config.max_new, config.temperature, config.top_k, config.top_p, config.stop)
        self.policy: PolicyNet | None = None
        self.judge: RewardNet | None = None

    def standing(self, place: Path) -> dict[str, Any]:
        """The manifest of a shard that stands. Raises Refused if another order wrote it."""
        facts = manifest.read(place, kind="completions")
        if any(facts[name] != value for name, value in self.order.items()):
            raise Refused(f"{place} belongs to another sampling order; choose another --out")
        return facts

    def all(self, places: Sequence[Path], shards: Sequence[Sequence[Prompt]], run: Run) -> list[dict[str, Any]]:
        """The manifests of these shards, drawn side by side where they are missing."""
        if self.policy is None and not all(place.exists() for place in places):
            self.policy = load_policy(self.artifact)
            self.judge = load_reward(self.reward) if self.reward else None
        with decoders() as pool:
            return list(pool.map(lambda place, shard: self._one(place, shard, run), places, shards))

    def _one(self, place: Path, prompts: Sequence[Prompt], run: Run) -> dict[str, Any]:
        return self.standing(place) if place.exists() else self.draw(place, prompts, run)

    def draw(self, place: Path, prompts: Sequence[Prompt], run: Run) -> dict[str, Any]:
        began = run.seconds
        assert self.policy is not None, "it is loaded where a shard is missing"
        encoded = encode_prompts(self.tok, prompts, self.config.max_prompt)
        completions = decode(
            self.policy,
            self.tok,
            encoded,
            keys=[prompt.id for prompt in prompts],
            per_prompt=self.order["config"]["per_prompt"] * self.config.best_of,
            seed=self.order["seed"],
            settings=self.config,
            drawing=self.drawing,
        )
        if self.judge is not None:
            completions = self.best(self.judge, encoded, completions)
        samples = [sample for slate in completions for sample in slate]
        facts = {
            **self.order,
            "exact": True,
            "metrics": summary(samples),
            "versions": versions(),
            "seconds": round(run.seconds - began, 3),
        }
        place.parent.mkdir(exist_ok=True)
        with manifest.writing(place, kind="completions", **facts) as folder:
            lines = self._lines(prompts, completions)
            (folder / "completions.jsonl").write_text("".join(lines), encoding="utf-8")
        return facts

    def best(
        self, judge: RewardNet, encoded: Sequence[list[int]], completions: Sequence[Sequence[Sample]]
    ) -> list[list[Sample]]:
        """Of every `best_of` neighbours of a prompt the completion that the reward model scores highest."""
        samples = [sample for slate in completions for sample in slate]
        prompts = [ids for ids, slate in zip(encoded, completions, strict=True) for _ in slate]
        batch = Batch.of([(ids, sample.tokens) for ids, sample in zip(prompts, samples, strict=True)])
        scores = all_scores(judge, batch, self.config.batch_tokens)
        kept = [samples[place] for place in best_of.places(scores, self.config.best_of)]
        each = self.order["config"]["per_prompt"]
        return [kept[at : at + each] for at in range(0, len(kept), each)]

    def _lines(self, prompts: Sequence[Prompt], completions: Sequence[Sequence[Sample]]) -> Iterator[str]:
        for prompt, slate in zip(prompts, completions, strict=True):
            for index, sample in enumerate(slate):
                row = {
                    "prompt": prompt.id,
                    "index": index,
                    "text": self.drawing.text(sample),
                    "finished": sample.finished,
                    "tokens": len(sample.tokens),
                    "seed": self.order["seed"],
                }
                yield json.dumps(row, ensure_ascii=False) + "\n"


def summary(samples: Sequence[Sample]) -> dict[str, float]:
    """What a list shows of some completions: how many, their mean length in tokens, the share that ended."""
    count = len(samples)
    return {
        "completions": count,
        "length": sum(len(sample.tokens) for sample in samples) / count,
        "finished_share": sum(sample.finished for sample in samples) / count,
    }
