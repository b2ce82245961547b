"""Every preset that the trainer ships fits every stage that takes one."""

import argparse
import importlib
import tomllib

import pytest

from trainer import cli
from trainer.preset import FOLDER, load_preset

PRESETS = sorted(path.stem for path in FOLDER.glob("*.toml"))


def takes_a_preset(stage: str) -> bool:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"trainer.{stage}").add_arguments(parser)
    return "--preset" in parser.format_help()


STAGES = [stage for stage in cli.STAGES if takes_a_preset(stage)]


def test_these_are_the_presets() -> None:
    assert {"tiny", "small", "gpu", "instructgpt"} <= set(PRESETS)
    assert {"sft", "reward", "ppo", "rloo", "sample", "evaluate"} <= set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_loads_for_every_stage(preset: str, stage: str) -> None:
    shape = importlib.import_module(f"trainer.{stage}").Config
    assert load_preset(shape, stage, preset)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_no_table_that_no_stage_reads(preset: str) -> None:
    tables = tomllib.loads((FOLDER / f"{preset}.toml").read_text(encoding="utf-8"))
    assert set(tables) <= set(STAGES)


def test_instructgpt_is_what_the_paper_says() -> None:
    ppo = tomllib.loads((FOLDER / "instructgpt.toml").read_text(encoding="utf-8"))["ppo"]
    assert ppo["updates"] * ppo["batch"] == 256_000
    assert ppo["batch"] // ppo["minibatch"] * ppo["updates"] * ppo["inner_epochs"] == 4000
    assert (ppo["beta"], ppo["clip"], ppo["ema"], ppo["ptx"], ppo["ptx_rows"]) == (0.02, 0.2, 0.992, 27.8, 8)
    assert (ppo["value_lr"], ppo["warmup"], ppo["gamma"], ppo["temperature"]) == (9e-6, 10, 1.0, 1.0)
