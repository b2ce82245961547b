"""What stages measured, printed and wrote, as lifelike as a picture needs it, and the same in every run."""

import json
import math
from collections.abc import Callable, Sequence

from annotations.models import Prompt
from rounds.child import out_of
from rounds.models import Stage
from tests.rounds import signs

Curve = Callable[[float], float]
ANSWERS = (
    "The alveoli are found in the respiratory zone of the lungs, at the ends of the alveolar ducts and sacs, "
    "representing the smallest units in the respiratory tract.",
    "The alveoli are located in the lungs. A typical pair of human lungs contains about 480 million of them.",
    "They are in the lungs.",
)
# Figure → its course over the share of the run that is done.
_POLICY: dict[str, Curve] = {
    "objective/kl": lambda t: 9.0 * t,
    "objective/scores": lambda t: 1.1 - 0.9 * math.exp(-3 * t),
    "objective/rlhf_reward": lambda t: 0.9 - 0.8 * math.exp(-3 * t),
    "objective/entropy": lambda t: 62.0 - 18.0 * t,
    "policy/approxkl_avg": lambda t: 0.004 + 0.003 * t,
    "policy/clipfrac_avg": lambda t: 0.04 + 0.08 * t,
    "loss/policy_avg": lambda t: -0.006 - 0.004 * t,
    "length": lambda t: 61.0 + 9.0 * t,
    "grad_norm/policy": lambda t: 0.8 - 0.3 * t,
    "val/eos_rate": lambda t: 0.82 + 0.1 * t,
}
COURSES: dict[str, dict[str, Curve]] = {
    "ppo": _POLICY
    | {
        "loss/value_avg": lambda t: 0.2 + 0.8 * math.exp(-4 * t),
        "grad_norm/value": lambda t: 1.5 + 2.5 * math.exp(-4 * t),
        "val/explained_variance": lambda t: 0.7 - 0.9 * math.exp(-5 * t),
    },
    "dpo": {
        "loss": lambda t: 0.42 + 0.27 * math.exp(-2 * t),
        "accuracy": lambda t: 0.74 - 0.22 * math.exp(-3 * t),
        "margin": lambda t: 0.9 * t,
        "logps/chosen": lambda t: -96.0 - 4 * t,
        "logps/rejected": lambda t: -101.0 - 14 * t,
        "grad_norm": lambda t: 2.0 + t,
    },
    "sft": {"loss": lambda t: 1.4 + 0.9 * math.exp(-4 * t), "grad_norm": lambda t: 1.6 - 0.7 * t},
    "reward": {
        "loss": lambda t: 0.5 + 0.19 * math.exp(-3 * t),
        "accuracy": lambda t: 0.68 - 0.18 * math.exp(-4 * t),
        "margin": lambda t: 0.8 * t,
        "grad_norm": lambda t: 3.0 - t,
    },
}


def stage(stage: Stage, count: int, *, of: int) -> None:
    """Let a stage at work have measured `count` of its `of` steps."""
    signs.measure(stage, rows(stage.kind, count, of=of))


def finished(stage: Stage, count: int) -> None:
    """Let a finished stage have its whole curve."""
    text = "".join(json.dumps(row) + "\n" for row in rows(stage.kind, count, of=count))
    (out_of(stage) / "metrics.jsonl").write_text(text, encoding="utf-8")


def rows(kind: str, count: int, *, of: int) -> signs.Rows:
    return [
        {"step": step, "of": of, "seconds": 4.2 * step}
        | {
            name: course(step / of) * (1 + 0.04 * _wobble(step * (3 + number)))
            for number, (name, course) in enumerate(COURSES[kind].items())
        }
        for step in range(1, count + 1)
    ]


def log(stage: Stage, count: int, *, of: int) -> None:
    """What the trainer printed of its steps."""
    lines = [
        f"21:{step // 14 % 60:02}:{step * 4 % 60:02} step {row['step']} of {of} after {row['seconds']:.0f} s: "
        f"objective/kl {row['objective/kl']:.3g}, objective/scores {row['objective/scores']:.3g}\n"
        for step, row in enumerate(rows(stage.kind, count, of=of), start=1)
    ]
    out_of(stage).with_suffix(".log").write_text("".join(lines), encoding="utf-8")


def samples(stage: Stage, prompts: Sequence[Prompt], *, steps: Sequence[int]) -> None:
    """Two answers a step, whose reward rises."""
    written = [
        {
            "step": step,
            "prompt": str(prompt.public_id),
            "text": ANSWERS[(number + place) % len(ANSWERS)],
            "finished": place == 0,
            "tokens": 48,
            "reward": 0.09 + 0.3 * number + 0.1 * place,
        }
        for number, step in enumerate(steps)
        for place, prompt in enumerate(prompts)
    ]
    signs.write_sample(stage, written)


def _wobble(number: int) -> float:
    """Noise between -1 and 1 that is the same in every run."""
    return 2 * math.modf(abs(math.sin(12.9898 * number)) * 43758.5453)[0] - 1
