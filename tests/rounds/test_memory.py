"""What a stage takes at most: held against what was measured, and against what the trainer refuses to begin with."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from rounds import memory, presets
from rounds.device import first_size
from rounds.load import memory as machine_memory
from rounds.weights import shape_of
from trainer import memory as trainers

GIB = 2**30
# SmolLM2-135M, as its config.json has it.
SMOLLM2 = {"hidden_size": 576, "intermediate_size": 1536, "vocab_size": 49152, "num_hidden_layers": 30}
SMOLLM2 |= {"num_attention_heads": 9, "num_key_value_heads": 3}
NUMBERS = 134_515_008
# docs/benchmarks.md: what learns, the settings and mean lengths of texts there, and the peak that was measured in GiB.
SHORT = {"max_prompt": 85, "max_completion": 70}
ALL = {"train_layers": 0}
ROLLOUT = {"max_prompt": 85, "max_new": 32, "batch_tokens": 6144}
MEASURED: list[tuple[str, int, dict[str, int], float]] = [
    ("reward", 4, {**ALL, **SHORT, "micro_batch": 1}, 2.8),
    ("reward", 4, SHORT, 3.0),
    ("reward", 9, {**ALL, **SHORT, "micro_batch": 1}, 3.2),
    ("reward", 9, SHORT, 4.6),
    ("sft", 4, {**ALL, **SHORT}, 4.1),
    ("sft", 4, SHORT, 2.1),
    ("ppo", 4, {**ALL, **ROLLOUT, "micro_batch": 8}, 6.5),
    ("ppo", 4, {**ALL, **ROLLOUT, "micro_batch": 2}, 5.9),
]


def write_model(policy: Path, facts: dict[str, int]) -> Path:
    """The config and the header of a Llama's weights; the weights themselves nobody reads."""
    wide, inner = facts["hidden_size"], facts["intermediate_size"]
    narrow = wide // facts["num_attention_heads"] * facts["num_key_value_heads"]
    tensors = {"model.embed_tokens.weight": [facts["vocab_size"], wide], "model.norm.weight": [wide]}
    for place in range(facts["num_hidden_layers"]):
        shapes = {"q": [wide, wide], "k": [narrow, wide], "v": [narrow, wide], "o": [wide, wide]}
        shapes |= {"gate": [inner, wide], "up": [inner, wide], "down": [wide, inner], "n1": [wide], "n2": [wide]}
        tensors |= {f"model.layers.{place}.{name}.weight": shape for name, shape in shapes.items()}
    header = json.dumps({name: {"dtype": "F32", "shape": shape} for name, shape in tensors.items()}).encode()
    (policy / "model").mkdir(parents=True)
    (policy / "model/model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (policy / "model/config.json").write_text(json.dumps(facts))
    return policy


@pytest.fixture
def smollm2(tmp_path: Path) -> Path:
    return write_model(tmp_path / "smollm2", SMOLLM2)


def small(kind: str, **changes: int) -> presets.Tables:
    tables = {name: dict(table) for name, table in presets.tables("small").items()}
    tables[kind] |= changes
    return tables


def shape(policy: Path) -> memory.Shape:
    found = shape_of(policy)
    assert found is not None
    return found


@pytest.mark.parametrize(("kind", "k", "changes", "measured"), MEASURED)
def test_the_estimate_is_near_what_was_measured(
    smollm2: Path, kind: str, k: int, changes: dict[str, int], measured: float
) -> None:
    estimated = memory.peak(kind, small(kind, **changes), shape(smollm2), k=k) / GIB
    assert 0.87 * measured < estimated < 1.13 * measured


@pytest.mark.parametrize("preset", presets.names())
def test_texts_as_long_as_a_preset_allows_take_more_than_any_that_were_measured(smollm2: Path, preset: str) -> None:
    tables = presets.tables(preset)
    for kind in ("sft", "reward", "ppo"):
        shorter = {**tables, kind: tables[kind] | {"max_prompt": 1}}
        assert memory.peak(kind, tables, shape(smollm2), k=4) > memory.peak(kind, shorter, shape(smollm2), k=4)


@pytest.mark.parametrize("changes", [{}, ALL, {"lora_rank": 16, "train_layers": 0}, {"lora_rank": 16}])
def test_it_is_never_less_than_what_the_trainer_refuses_to_begin_with(smollm2: Path, changes: dict[str, int]) -> None:
    """The trainer's own bound of PPO, of the same files, where all nets are of one size."""
    table: dict[str, Any] = small("ppo", **changes)["ppo"]
    policy, layers = trainers.sizes(smollm2), table["train_layers"]
    cached = trainers.cache(smollm2, table["batch_tokens"])
    if table["lora_rank"]:
        thin = [trainers.thin(smollm2, table["lora_rank"], layers)] * 2
        bound = trainers.peak([policy, policy, *thin], thin, layers=0, extra=0, cached=cached)
    else:
        bound = trainers.peak([policy] * 4, [policy] * 2, layers=layers, extra=0, cached=cached)
    assert bound < memory.peak("ppo", small("ppo", **changes), shape(smollm2), k=4)


def test_a_policys_size_is_read_from_its_header(smollm2: Path) -> None:
    found = shape(smollm2)
    assert (found.numbers, found.bytes, len(found.layers)) == (NUMBERS, 4 * NUMBERS, 30)
    assert memory.learns({"train_layers": 0}, found) == trainers.learned(trainers.sizes(smollm2), 0)
    assert memory.learns({"train_layers": 8}, found) == trainers.learned(trainers.sizes(smollm2), 8)
    assert memory.learns({"lora_rank": 4, "train_layers": 3}, found) == sum(trainers.thin(smollm2, 4, 3).values())


@pytest.mark.parametrize("spoilt", [b"", b"12345678", b"\xff" * 16, struct.pack("<Q", 2) + b"[]"])
def test_files_that_are_no_model_have_no_size(smollm2: Path, spoilt: bytes) -> None:
    (smollm2 / "model/model.safetensors").write_bytes(spoilt)
    assert shape_of(smollm2) is None
    assert shape_of(smollm2.with_name("nowhere")) is None


def test_a_resume_point_holds_what_learns_and_its_moments(smollm2: Path) -> None:
    found = shape(smollm2)
    assert memory.resume_point("ppo", small("ppo", **ALL), found) == 2 * 12 * NUMBERS
    assert memory.resume_point("evaluate", small("evaluate"), found) == 0


def test_the_web_knows_every_algorithm_of_every_preset() -> None:
    for name in presets.names():
        assert set(memory.NETS) <= set(presets.tables(name))


def test_the_machine_says_as_much_memory_as_the_trainer_finds() -> None:
    assert machine_memory()[0] == trainers.available()


@pytest.mark.parametrize(
    ("said", "size"), [("81559\n", 81559 * 2**20), ("24564\n24564\n", 24564 * 2**20), ("", 0), ("No devices", 0)]
)
def test_the_first_gpu_is_the_one_that_counts(said: str, size: int) -> None:
    assert first_size(said) == size
