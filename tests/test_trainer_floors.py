"""Inside the trainer arrows lead down only: stages over what they share, over nets, over words and numbers."""

import ast

import pytest

from tests.test_architecture import PACKAGES, imports

# The lowest floor first. A module imports of its own floor and of those below it, never in a circle.
FLOORS = {
    "ground": {"errors", "manifest", "records", "world", "gold", "compute", "checkpoint", "preset", "versions", "dist"},
    "numbers": {"losses", "likelihoods", "rl", "best_of", "agreement", "labelers", "ema", "memory", "ragged"},
    "words": {"text", "bounds", "drawing"},
    "nets": {"attention", "flash", "trunk", "nets", "scalar", "decoding", "generation", "scoring", "lora"},
    "work": {
        *("runtime", "optim", "prompts", "slates", "scratch", "judging", "rollout", "improve", "ptx"),
        *("monitors", "reward_report", "safety"),
    },
    "stages": {"pretrain", "sft", "reward", "ppo", "rloo", "dpo", "evaluate", "sample", "tiny", "convert"},
    "edge": {"cli", "__main__", "__init__"},
}
# generator(key) and the digests of inputs are asked for everywhere.
EVERYWHERE = {"runtime"}
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS.values()) for module in modules}
MODULES = sorted(path.stem for path in PACKAGES["trainer"].glob("*.py"))


def imported(module: str) -> set[str]:
    tree = ast.parse((PACKAGES["trainer"] / f"{module}.py").read_text(encoding="utf-8"))
    names = {name.split(".")[1] for name in imports(tree) if name.startswith("trainer.")}
    return {name for name in names if name in FLOOR_OF}


def climbs(module: str) -> set[str]:
    """What `module` imports from above its own floor, and a stage where it is no stage's business."""
    return {name for name in imported(module) - EVERYWHERE if FLOOR_OF[name] > FLOOR_OF[module]}


def test_every_module_has_its_floor() -> None:
    assert set(MODULES) == set(FLOOR_OF)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_from_above(module: str) -> None:
    assert not climbs(module)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_itself_by_way_of_others(module: str) -> None:
    reached: set[str] = set()
    frontier = imported(module)
    while frontier:
        reached |= frontier
        frontier = set().union(*(imported(name) for name in frontier)) - reached
    assert module not in reached


@pytest.mark.parametrize("module", sorted(FLOORS["numbers"]))
def test_arithmetic_knows_no_model_library(module: str) -> None:
    tree = ast.parse((PACKAGES["trainer"] / f"{module}.py").read_text(encoding="utf-8"))
    assert not {"transformers", "peft", "accelerate"} & {name.split(".")[0] for name in imports(tree)}
