"""Reward models on what people really preferred: `python -m tests.bench.human_data DATA [--only qa-feedback]`.

SmolLM2 is fitted to whole rankings by our reward stage and to the same rankings' pairs, shuffled, by TRL's
RewardTrainer: with equal labels, and with equal seconds of training. Held-out prompts are the same for all.
"""

import argparse
import json
import os
import random
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# The readers of the public sets are the product's own, and need its settings.
_HOME = tempfile.TemporaryDirectory(prefix="tut-human-")
os.environ |= {"TUTELAGE_DATA": _HOME.name, "SECRET_KEY": secrets.token_urlsafe(48)}
os.environ["DJANGO_SETTINGS_MODULE"] = "tutelage.settings"
import django  # noqa: E402

django.setup()

import torch  # noqa: E402

from exchange import sets  # noqa: E402
from tests.bench import material  # noqa: E402
from tests.bench.lines import NO_CHECKPOINT, options_of  # noqa: E402
from tests.bench.processes import Machine, has_bf16  # noqa: E402
from tests.peers.cases import LATEST  # noqa: E402
from trainer.agreement import agreement  # noqa: E402
from trainer.losses import untied_pairs  # noqa: E402
from trainer.runtime import generator  # noqa: E402

Row = material.Row


@dataclass(frozen=True)
class HumanSet:
    """A public set: how its lines are read, how many prompts are held out, and how many are trained on for all."""

    file: str
    parse: Any
    held_out: int
    train: int


SETS = {
    "qa-feedback": HumanSet("qa-feedback/preferences.jsonl", sets.qa_feedback, 100, 48),
    "hh-rlhf-harmless": HumanSet("hh-rlhf-harmless/harmless-base-test.jsonl", sets.hh_pair, 300, 200),
}
# TRL leaves out a pair that is too long, where our stage cuts it: both are given texts that fit, in words.
PROMPT_WORDS, ANSWER_WORDS = 120, 110
LENGTHS = ["max_prompt=512", "max_completion=512"]
LEARNING_RATE, TRAINED_LAYERS, MICRO, SLATES_A_STEP = 2e-4, 20, 4, 4


@dataclass(frozen=True)
class Found:
    """One reward model: its labels (untied pairs), seconds of training, and accuracy on held-out prompts."""

    data: str
    who: str
    prompts: int
    pairs: int
    seconds: float
    accuracy: float
    low: float
    high: float
    held_out: int


def main(arguments: argparse.Namespace) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    material.HOME.mkdir(parents=True, exist_ok=True)
    machine = Machine(arguments.out / "scratch", arguments.threads)
    found: list[Found] = []
    for name in arguments.only or SETS:
        rows = split(arguments.data, SETS[name], arguments.seed, arguments.most)
        for each in compared(name, rows, machine, arguments.seed):
            found.append(each)
            print(json.dumps(asdict(each)))
    (arguments.out / "human_data.json").write_text(json.dumps([asdict(each) for each in found], indent=1))
    (arguments.out / "human_data.md").write_text(table(found), encoding="utf-8")
    print(table(found))


def compared(name: str, rows: list[Row], machine: Machine, seed: int) -> list[Found]:
    """Ours and TRL's on equal labels; TRL's in our seconds; ours on as many rankings as TRL's seconds allow."""
    eval_rows = [row for row in rows if row["split"] == "eval"]
    train = [row for row in rows if row["split"] == "train"]
    few = first_prompts(train, SETS[name].train)
    ours = _ours(name, "ours, whole rankings", few, eval_rows, machine, seed)
    theirs = _theirs(name, "TRL, their pairs shuffled: equal labels", few, eval_rows, machine, seed)
    steps = max(2, round(_steps(few) * ours.seconds / theirs.seconds))
    stopped = _theirs(name, "TRL, stopped after our seconds", few, eval_rows, machine, seed, steps)
    allowed = round(SETS[name].train * theirs.seconds / ours.seconds)
    more = first_prompts(train, allowed)
    all_ours = _ours(name, "ours, as many rankings as TRL's seconds allow", more, eval_rows, machine, seed)
    return [ours, theirs, stopped, all_ours]


def split(folder: Path, chosen: HumanSet, seed: int, most: int | None) -> list[Row]:
    """Lines of rankings.jsonl, every prompt wholly in one split; conversations that begin alike count as one prompt."""
    read = sets.read(folder / chosen.file, chosen.parse)
    by_prompt: dict[str, list[Any]] = {}
    for judged in read.rows:
        by_prompt.setdefault(judged.messages[0]["content"], []).append(judged)
    prompts = sorted(by_prompt)
    random.Random(seed).shuffle(prompts)
    held_out = set(prompts[: chosen.held_out if most is None else most])
    kept = prompts if most is None else prompts[: 3 * most]
    return [
        row
        for number, prompt in enumerate(kept)
        for judged in by_prompt[prompt]
        for row in _rankings(judged, f"q-{number}", "eval" if prompt in held_out else "train")
    ]


def _rankings(judged: Any, prompt: str, part: str) -> list[Row]:
    """One ranking a judgement: where people's comparisons go in circles, a prompt has several, of two texts each."""
    found = []
    messages = _fitting(judged.messages)
    for number, tiers in enumerate(judged.judgements):
        placed = {index: tier for tier, indices in enumerate(tiers, start=1) for index in indices}
        said = [" ".join(judged.texts[index].split()[:ANSWER_WORDS]) for index in sorted(placed)]
        row = material.ranking(number, messages, said, [placed[index] for index in sorted(placed)], split=part)
        found.append({**row, "prompt": {"id": prompt, "messages": messages}})
    return found


def _fitting(messages: Sequence[Any]) -> list[Any]:
    """A conversation that is too long loses its oldest turns, and then the front of its last one."""
    kept = list(messages)
    while len(kept) > 1 and sum(len(each["content"].split()) for each in kept) > PROMPT_WORDS:
        kept = kept[1:]
    kept[-1] = {**kept[-1], "content": " ".join(kept[-1]["content"].split()[-PROMPT_WORDS:])}
    return kept


def first_prompts(rows: Sequence[Row], count: int) -> list[Row]:
    """The rankings of the first `count` prompts."""
    wanted = list(dict.fromkeys(row["prompt"]["id"] for row in rows))[:count]
    return [row for row in rows if row["prompt"]["id"] in wanted]


def _ours(name: str, who: str, train: list[Row], eval_rows: list[Row], machine: Machine, seed: int) -> Found:
    rows = [{**row, "id": f"r-{number}"} for number, row in enumerate([*train, *eval_rows])]
    data = material.dataset(name, rankings=rows)
    sets_here = [*LENGTHS, NO_CHECKPOINT, f"lr={LEARNING_RATE}", f"train_layers={TRAINED_LAYERS}"]
    sets_here += [f"batch={SLATES_A_STEP}", f"micro_batch={MICRO}", "epochs=1"]
    words = ["reward", "--dataset", str(data), "--init", str(material.policy()), *options_of(sets_here, "auto")]
    words[words.index("--seed") + 1] = str(seed)
    heard = machine.ours(f"human-{name}", words)
    report = json.loads((Path(heard.rest["out"]) / "report.json").read_text(encoding="utf-8"))["accuracy"]
    accuracy = {key: report[key] for key in ("low", "high")}
    return _found(name, who, train, heard.steps[-1]["seconds"], report["value"], report["n_slates"], **accuracy)


def _theirs(
    name: str, who: str, train: list[Row], eval_rows: list[Row], machine: Machine, seed: int, steps: int = -1
) -> Found:
    """One epoch in our recipe: the same layers, rate, schedule and pairs a step; only whole rankings are missing."""
    options = {
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": max(1, _pairs_a_step(train) // 6),
        "num_train_epochs": 1,
        "max_steps": steps,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "warmup_steps": 0.1,
        "adam_beta2": 0.95,
        "adam_epsilon": 1e-5,
        "seed": seed,
    }
    given: dict[str, Any] = {"rankings": train, "held_out": eval_rows, "train_layers": TRAINED_LAYERS, "seed": seed}
    given["bf16"] = has_bf16()
    heard = machine.theirs(f"human-{name}", "trl_reward.py", LATEST, arguments=options, **given)
    scores = [torch.tensor(each) for each in heard.rest["scores"]]
    tiers = [[each["tier"] for each in row["completions"]] for row in eval_rows]
    untied = [number for number, each in enumerate(tiers) if untied_pairs(each)]
    found = agreement(
        [eval_rows[n]["prompt"]["id"] for n in untied],
        [scores[n] for n in untied],
        [tiers[n] for n in untied],
        generator(seed, "bootstrap"),
    )
    seconds, value = heard.steps[-1]["seconds"], found.value or 0.0
    return _found(name, who, train, seconds, value, found.n_slates, low=found.low or 0.0, high=found.high or 0.0)


def _found(
    name: str, who: str, train: list[Row], seconds: float, value: float, held_out: int, *, low: float, high: float
) -> Found:
    prompts = len({row["prompt"]["id"] for row in train})
    return Found(name, who, prompts, _pairs(train), round(seconds, 1), value, low, high, held_out)


def _pairs(rows: list[Row]) -> int:
    return sum(len(untied_pairs([each["tier"] for each in row["completions"]])) for row in rows)


def _pairs_a_step(rows: list[Row]) -> int:
    untied = [row for row in rows if _pairs([row])]
    return round(SLATES_A_STEP * _pairs(untied) / len(untied))


def _steps(rows: list[Row]) -> int:
    return -(-_pairs(rows) // (6 * max(1, _pairs_a_step(rows) // 6)))


def table(found: list[Found]) -> str:
    head = "| Data | Reward model | prompts | pairs | seconds | accuracy, 95 % | held-out rankings |"
    lines = [
        f"| {each.data} | {each.who} | {each.prompts} | {each.pairs} | {each.seconds:.0f} "
        f"| {each.accuracy:.3f} ({each.low:.3f}–{each.high:.3f}) | {each.held_out} |"
        for each in found
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *lines]) + "\n"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder that holds the public sets")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"some of {', '.join(SETS)}")
    parser.add_argument("--out", type=Path, default=material.HOME)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, help="so many prompts a split, only to see whether everything runs")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
