"""What one rehearsal will do, checked before anything is started."""

import itertools
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from trainer import gold

# The gold figures and the reward model's gate need this many prompts that no stage ever trains on.
EVAL_PROMPTS = 100
HELD_OUT_SLATES = 50
FEWEST_PROMPTS, MOST_TINY_PROMPTS = 300, 672
# With more prompts than are ranked, the number set aside is a smaller share of the rankings; but sampling for a
# real model takes minutes, so it is asked for little more than what is ranked.
PROMPTS_PER_RANKING = {"tiny": 1.5, "small": 1.05}
# Demonstrations for every hundred rankings of a round.
DEMONSTRATED_SHARE = 0.25

QUESTIONS = (
    "What is the best way to learn about {}?",
    "How would you explain {} to a child?",
    "Why do people care about {}?",
    "What should I know before I read a book about {}?",
    "Can you tell me a short story about {}?",
    "What is the most surprising thing about {}?",
    "How did people think about {} a hundred years ago?",
    "What do beginners get wrong about {}?",
    "How can I see more of {} where I live?",
    "What would the world be like without {}?",
)
SUBJECTS = (
    "rivers", "volcanoes", "bees", "clocks", "bridges", "whales", "maps", "bread", "the moon", "forests",
    "trains", "salt", "paper", "glaciers", "owls", "deserts", "lighthouses", "tea", "gardens", "thunder",
    "wool", "coral reefs", "windmills", "honey", "libraries", "snow", "kites", "harbours", "spiders", "rainbows",
    "chess", "bicycles", "pottery", "seeds", "islands",
)  # fmt: skip


class CannotRehearse(Exception):
    """The plan cannot work or the rehearsal cannot go on; the message is a sentence for a person."""


@dataclass(frozen=True)
class Plan:
    """The options of one rehearsal, as they were given on the command line."""

    model: str
    rounds: int
    labelers: int
    rankings: int
    noise: float
    seed: int
    prompts: Path | None = None
    control: str | None = None

    @property
    def shuffled(self) -> bool:
        return self.control == "shuffled"

    @property
    def demonstrations(self) -> int:
        return max(10, round(self.rankings * DEMONSTRATED_SHARE))

    @property
    def prompts_wanted(self) -> int:
        return max(FEWEST_PROMPTS, round(self.rankings * PROMPTS_PER_RANKING[self.model]))

    @property
    def threads(self) -> int:
        """For training: nobody works at the desk then, so a real model has every core; a tiny one gains nothing."""
        return 1 if self.model == "tiny" else os.cpu_count() or 1

    @property
    def base_command(self) -> list[str]:
        """The trainer's words that make the base policy, without --out."""
        made = {"tiny": ["tiny", "--seed", str(self.seed)], "small": ["convert", "--packaged", "smollm2"]}
        return made[self.model]

    def demonstration(self, question: str) -> str:
        """What a simulated person answers."""
        write = gold.demonstration if self.model == "tiny" else gold.plain_answer
        return write(question, seed=self.seed)


def check(plan: Plan) -> None:
    """Raise CannotRehearse for numbers that no rehearsal can work with."""
    smallest = {"rounds": 1, "labelers": 1, "rankings": HELD_OUT_SLATES * 2, "noise": 0, "seed": 0}
    for name, least in smallest.items():
        if getattr(plan, name) < least:
            raise CannotRehearse(f"--{name} must be at least {least}.")
    if plan.prompts is not None and not plan.prompts.is_file():
        raise CannotRehearse(f"There is no file {plan.prompts}.")


def prompt_file(plan: Plan, folder: Path) -> Path:
    """The file of prompts to bring in: the one that was named, or one written into `folder`."""
    if plan.prompts is not None:
        return plan.prompts
    path = folder / "prompts.jsonl"
    rows = (json.dumps({"text": text}) + "\n" for text in _own_prompts(plan))
    path.write_text("".join(rows), encoding="utf-8")
    return path


def _own_prompts(plan: Plan) -> list[str]:
    if plan.model == "tiny":
        return gold.prompts(min(plan.prompts_wanted, MOST_TINY_PROMPTS), seed=plan.seed)
    return [question.format(subject) for subject, question in itertools.product(SUBJECTS, QUESTIONS)]


def eval_share(count: int) -> int:
    """The share of `count` prompts, in thousandths, that sets enough of them aside.

    Each prompt is set aside by a hash of its text, so the number varies: three standard deviations are added.
    Raises CannotRehearse where that would not leave as many prompts to learn from.
    """
    share = math.ceil(1000 * (EVAL_PROMPTS + 3 * math.sqrt(0.7 * EVAL_PROMPTS)) / count)
    if share > 500:
        raise CannotRehearse(
            f"{count} prompts are too few: {EVAL_PROMPTS} are set aside for measuring, and as many must be left."
        )
    return share
