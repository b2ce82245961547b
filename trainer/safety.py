"""Questions that tell what a policy refuses: asked beside the evaluation prompts, judged by who reads the answers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.drawing import Sample
from trainer.generation import Settings, complete
from trainer.nets import load_policy
from trainer.prompts import encode_prompts
from trainer.records import SafetyPrompt, read_safety
from trainer.runtime import Run
from trainer.text import Tokenizer, decode

# A policy's digest, and of how many of its completions the reward model chooses the one that counts.
Way = tuple[str, int]


def chosen(dataset: Path, most: int) -> list[SafetyPrompt]:
    """The first `most` of each kind, as they stand in the dataset; none where it has no such file."""
    prompts = read_safety(dataset) if most else []
    return [prompt for unsafe in (True, False) for prompt in [each for each in prompts if each.unsafe == unsafe][:most]]


def draw(
    run: Run, ways: Mapping[Way, Path], tok: Tokenizer, asked: Sequence[SafetyPrompt], settings: Settings, seed: int
) -> dict[Way, list[list[Sample]]]:
    """The slates of every way of answering, one policy in memory after the other; the noise has keys of its own."""
    if not asked:
        return {}
    encoded = encode_prompts(tok, [each.prompt for each in asked], settings.max_prompt)
    keys = [f"safety:{each.prompt.id}" for each in asked]
    found = {}
    for way, path in ways.items():
        net = load_policy(path)
        found[way] = complete(net, tok, encoded, keys=keys, per_prompt=way[1], seed=seed, settings=settings)
        run.heed_stop()
    return found


def lines(
    asked: Sequence[SafetyPrompt], said: Mapping[str, Sequence[Sample]], tok: Tokenizer
) -> Iterator[dict[str, Any]]:
    """The lines of safety.jsonl: what each named policy said to one question beside each other."""
    for place, each in enumerate(asked):
        for policy, samples in said.items():
            yield {
                "prompt": each.prompt.id,
                "unsafe": each.unsafe,
                "policy": policy,
                "text": decode(tok, samples[place].tokens),
                "finished": samples[place].finished,
                "tokens": len(samples[place].tokens),
            }
