"""The lines of the trainer's benchmark: what is run on each side, and how much work that was."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench import material
from tests.bench.processes import Heard, Machine, has_bf16, rate
from tests.peers.cases import LATEST
from trainer import manifest
from trainer.scalar import new_reward, save_reward

PASSES = 4
NO_CHECKPOINT = "checkpoint_every=0"


@dataclass(frozen=True)
class Figure:
    """One side of one line; `value` is per second, or a share."""

    line: str
    side: str
    settings: str
    value: float
    peak_gb: float


Measure = Callable[[Machine, float], list[Figure]]


def precisions() -> list[str]:
    return ["fp32", "bf16"] if has_bf16() else ["fp32"]


def named(work: str, line: str, precision: str) -> str:
    """Within "same" the precision is the same as well; at its best, a side takes the one that serves it."""
    return f"{work} same {precision}" if line == "same" else f"{work} best"


def reward(machine: Machine, size: float) -> list[Figure]:
    """Slates a second: the same recipe in the same precision, then each at its best."""
    return [figure for k in (4, 9) for figure in _reward_of(k, machine, size)]


def _reward_of(k: int, machine: Machine, size: float) -> list[Figure]:
    found = []
    count = scaled(4, size)
    rankings, few = material.slates(k, count, size), scaled(4 if k == 4 else 1, size)
    data = material.dataset("slates", rankings=rankings)
    for precision in precisions():
        same = ["train_layers=0", "batch=1", "micro_batch=1"]
        best = [f"batch={count}", f"micro_batch={count}"]
        for line, sets in (("same", same), ("best", best)):
            heard = machine.ours(f"reward-{k}", stage_words("reward", data, [*sets, f"epochs={PASSES}"], precision))
            found.append(
                _figure(named(f"reward K={k}", line, precision), "ours", f"{precision}, {' '.join(sets)}", count, heard)
            )
        bf16 = {"bf16": precision == "bf16", "rankings": rankings[:few]}
        for line, batch, lora in (("same", 6, False), ("best", 12, True)):
            options = {"per_device_train_batch_size": batch, "num_train_epochs": PASSES}
            given: dict[str, Any] = {"arguments": options, "lora": lora, "head": "score", **bf16}
            heard = machine.theirs(f"reward-{k}", "trl_reward.py", LATEST, **given)
            settings = f"{precision}, {batch} pairs a step{', LoRA r=16' if lora else ''}"
            found.append(_figure(named(f"reward K={k}", line, precision), "TRL", settings, few, heard))
    return found


def ppo(machine: Machine, size: float) -> list[Figure]:
    """Updates a second: full fine-tuning, prompts x 32 tokens, four epochs, one minibatch, in the same precision."""
    found = []
    judge = untrained_reward(machine)
    for count in (scaled(8, size), scaled(16, size)):
        rows, new = material.prompts(count, size), scaled(32, size)
        data = material.dataset("prompts", prompts=rows)
        sets = [f"batch={count}", f"minibatch={count}", f"micro_batch={min(8, count)}", f"max_new={new}"]
        sets += [
            "per_prompt=1",
            "inner_epochs=4",
            "train_layers=0",
            "temperature=0.7",
            f"updates={PASSES}",
            "kl_stop=1e9",
        ]
        for precision in precisions():
            line = named(f"ppo {count}x{new}", "same", precision)
            words = stage_words("ppo", data, sets, precision)
            heard = machine.ours("ppo", [*words, "--reference", str(material.policy()), "--reward", judge])
            found.append(_figure(line, "ours", f"{precision}, {' '.join(sets)}", 1, heard))
            options = {
                "per_device_train_batch_size": count,
                "local_rollout_forward_batch_size": count,
                "total_episodes": count * PASSES,
                "response_length": new,
                "num_ppo_epochs": 4,
                "num_mini_batches": 1,
                "temperature": 0.7,
                "learning_rate": 1e-6,
                "missing_eos_penalty": 1.0,
            }
            given = {"prompts": rows, "times": PASSES, "reward": judge, "bf16": precision == "bf16"}
            heard = machine.theirs("ppo", "trl_ppo.py", arguments=options, **given)
            found.append(_figure(line, "TRL", f"{precision}, num_mini_batches=1", 1, heard))
    return found


def sft(machine: Machine, size: float) -> list[Figure]:
    """Tokens a second, prompts' and answers' together: an optimizer step of 16 demonstrations."""
    found = []
    rows = material.demonstrations(scaled(16, size), size)
    data = material.dataset("demonstrations", demonstrations=rows)
    for precision in precisions():
        heards = {}
        for line, batch, lora in (("same", 4, False), ("best", 8, True)):
            options = {
                "per_device_train_batch_size": min(batch, len(rows)),
                "gradient_accumulation_steps": max(1, len(rows) // batch),
                "num_train_epochs": PASSES,
            }
            given = {"demonstrations": rows, "bf16": precision == "bf16", "lora": lora}
            heards[line] = machine.theirs("sft", "trl_sft.py", LATEST, arguments=options, **given)
            settings = f"{precision}, {batch} rows at once{', LoRA r=16' if lora else ''}"
            tokens = heards[line].rest["tokens"]
            found.append(_figure(named("sft", line, precision), "TRL", settings, tokens, heards[line]))
        for line, sets in (("same", ["train_layers=0", "micro_batch=4"]), ("best", [])):
            words = stage_words("sft", data, [*sets, f"batch={len(rows)}", f"epochs={PASSES}"], precision)
            settings = f"{precision}, {' '.join(sets) or 'preset small'}"
            found.append(_figure(named("sft", line, precision), "ours", settings, tokens, machine.ours("sft", words)))
    return found


def sampling(machine: Machine, size: float) -> list[Figure]:
    """Tokens a second: K = 4 completions of 16 prompts, up to 64 tokens."""
    found = []
    count, new = scaled(16, size), scaled(64, size)
    rows = material.prompts(count, size)
    material.HOME.mkdir(parents=True, exist_ok=True)
    order = material.HOME / f"order-{count}.jsonl"
    # The same prompts again in every pass, under other names.
    order.write_text(
        "".join(json.dumps({**row, "id": f"{number}-{row['id']}"}) + "\n" for number in range(PASSES) for row in rows)
    )
    for precision in precisions():
        sets = [f"max_new={new}", "max_prompt=512", f"shard_size={max(1, count // machine.threads)}"]
        words = ["sample", "--prompts", str(order), "--policy", str(material.policy()), "--per-prompt", "4"]
        words += options_of(sets, precision)
        heard = machine.ours("sampling", words)
        tokens = sum(step["length"] * step["completions"] for step in heard.steps) / PASSES
        found.append(_figure(f"sampling {precision}", "ours", precision, tokens, heard))
        given = {"prompts": rows, "passes": PASSES, "new_tokens": new, "per_prompt": 4, "bf16": precision == "bf16"}
        heard = machine.theirs("sampling", "trl_generate.py", **given)
        tokens = sum(heard.rest["tokens"][1:]) / (PASSES - 1)
        found.append(_figure(f"sampling {precision}", "TRL", f"{precision}, transformers.generate", tokens, heard))
    return found


def untrained_reward(machine: Machine) -> str:
    """A reward model whose head is random: what it says does not change how long PPO takes."""
    place = material.HOME / "untrained-reward"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with manifest.writing(place, kind="reward_model") as twin:
            save_reward(new_reward(material.policy(), seed=1), material.policy(), twin)
    return str(place)


def scaled(count: int, size: float) -> int:
    """`count`, or less of it for a look at whether everything runs."""
    return max(2 if count > 1 else 1, round(count * size))


def stage_words(name: str, data: Any, sets: list[str], precision: str) -> list[str]:
    lengths = ["max_prompt=512", *([] if name == "ppo" else ["max_completion=512"])]
    place = ["--dataset", str(data), "--init", str(material.policy())]
    return [name, *place, *options_of([*lengths, NO_CHECKPOINT, *sets], precision)]


def options_of(sets: list[str], precision: str) -> list[str]:
    chosen = [word for each in sets for word in ("--set", each)]
    return ["--preset", "small", "--seed", "1", "--precision", precision, *chosen]


def _figure(line: str, side: str, settings: str, amount: float, heard: Heard) -> Figure:
    return Figure(line, side, settings, rate(amount, heard.passes(PASSES)), heard.peak_gb)
