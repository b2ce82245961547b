"""A policy from nothing: a tokenizer that loses no byte, windows without padding, an artifact that stages accept."""

import json
import math
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from tests.trainer.speaker import ORDER, stage
from trainer import cli, manifest, preset, pretrain, text
from trainer.nets import load_policy
from trainer.scratch import CONTROL, EOS

BOOK = "The turtle swims to the beach. She lays her eggs in the warm sand, and the sea takes her back.\n"
SMALL = ["width=32", "layers=1", "context=32", "epochs=4", "lr=0.01"]
TOKENIZER = pretrain.new_tokenizer([BOOK], 300)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "book.txt"
    path.write_text("".join(f"{number}. {BOOK}" for number in range(120)), encoding="utf-8")
    return path


def command(out: Path, *paths: Path, overrides: list[str] = SMALL) -> list[str]:
    given = [word for path in paths for word in ("--text", str(path))]
    return ["pretrain", *given, "--out", str(out), *ORDER, *(word for each in overrides for word in ("--set", each))]


@pytest.fixture(scope="module")
def reader(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("policies") / "reader"
    assert cli.main(command(out, book)) == 0
    return out


def test_reading_a_text_makes_its_next_tokens_likely(reader: Path) -> None:
    facts = manifest.read(reader, kind="policy")["metrics"]
    assert facts["first_loss"] == pytest.approx(math.log(facts["vocabulary"]), abs=0.1)
    assert facts["held_out_loss"] < 0.6 * facts["first_loss"]


def test_the_tokenizer_has_control_tokens_all_bytes_and_words_of_the_text(reader: Path) -> None:
    tok = text.load_tokenizer(reader)
    assert tok.size == 320
    assert tok.eos_id == EOS
    assert len(text.encode(tok, "the turtle")) < len("the turtle") / 2
    assert min(text.encode(tok, "<eos><user>")) >= len(CONTROL)


@given(some.text())
def test_any_text_survives_its_tokens(anything: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(anything).ids, skip_special_tokens=False) == anything


@given(some.lists(some.integers(5, 300), min_size=2, max_size=60), some.integers(2, 9))
def test_every_token_but_the_first_is_predicted_once(ids: list[int], context: int) -> None:
    rows = pretrain.windows(ids, context)
    assert [token for row, flags in rows for token, flag in zip(row, flags, strict=True) if flag] == ids[1:]
    assert all(len(row) == context for row, _ in rows[:-1])
    assert len(rows[-1][0]) <= context


@given(some.lists(some.text(min_size=1), min_size=1), some.floats(0.01, 0.99))
def test_what_is_held_out_is_the_end_of_the_text_and_nothing_else(documents: list[str], share: float) -> None:
    before, after = pretrain.split(documents, share)
    assert "".join(before) + "".join(after) == "".join(documents)
    assert len("".join(after)) == math.ceil(share * len("".join(documents)))
    assert all([*before, *after])


def test_bits_per_byte_are_those_of_every_held_out_byte(reader: Path, book: Path) -> None:
    net, tok = load_policy(reader).requires_grad_(False), text.load_tokenizer(reader)
    _, held_out = pretrain.split([book.read_text()], 0.1)
    nats = 0.0
    for ids, _ in pretrain.windows(pretrain.stream(tok, held_out), 32):
        table = net.causal(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        nats -= float(table[:-1].gather(1, torch.tensor(ids[1:])[:, None]).sum())
    bits = nats / math.log(2) / len(held_out[0].encode())
    assert manifest.read(reader, kind="policy")["metrics"]["bits_per_byte"] == pytest.approx(bits, rel=1e-4)


def test_the_other_stages_accept_it(
    reader: Path, tmp_path: Path, write_dataset: Callable[..., Path], demonstration_row: Callable[..., dict[str, Any]]
) -> None:
    dataset = write_dataset(tmp_path / "d", demonstrations=[demonstration_row(n, "Sea turtles.") for n in range(4)])
    short = ("epochs=1", "max_prompt=16", "max_completion=16")
    assert stage("sft", tmp_path / "sft", *short, dataset=dataset, init=reader) == 0
    assert text.load_tokenizer(tmp_path / "sft").start.keys() == {"system", "user", "assistant"}


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_what_a_preset_pretrains_is_long_enough_for_its_other_stages(name: str) -> None:
    tables = tomllib.loads((preset.FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    lengths = [
        table["max_prompt"] + table.get("max_new", table.get("max_completion", 0))
        for table in tables.values()
        if "max_prompt" in table
    ]
    assert tables["pretrain"]["context"] >= max(lengths)


def test_folders_and_lines_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("last", encoding="utf-8")
    rows = [{"text": "first\u2028still first"}, {"text": ""}, {"text": "second"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    (tmp_path / "notes.md").write_text("not a text", encoding="utf-8")
    files = pretrain.text_files([tmp_path])
    assert [path.name for path in files] == ["a.jsonl", "b.txt"]
    found = [document for path in files for document in pretrain.read_documents(path)]
    assert found == ["first\u2028still first", "second", "last"]


@pytest.mark.parametrize(
    ("name", "content", "overrides", "complaint"),
    [
        ("a.csv", "x", [], "is no .txt or .jsonl file and no folder that holds one"),
        ("a.jsonl", '{"text": "x"}\n{"body": "x"}\n', [], 'line 2: expected an object whose "text" is a string'),
        ("a.jsonl", "{", [], "line 1: "),
        ("a.txt", "\udcff", [], "is not UTF-8"),
        ("a.txt", "", [], "fewer than one window of 32"),
        ("a.txt", "short", [], "fewer than one window of 32"),
        ("a.txt", BOOK, ["vocabulary=100"], "vocabulary must be at least 261"),
        ("a.txt", BOOK, ["heads=3"], "width must be a multiple of twice the heads"),
        ("a.txt", BOOK, ["held_out=0"], "held_out must be between 0 and 1"),
    ],
)
def test_what_is_no_text_or_no_model_is_refused(
    name: str, content: str, overrides: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert cli.main(command(tmp_path / "out", tmp_path / name, overrides=[*SMALL, *overrides])) == 2
    assert complaint in capsys.readouterr().err


def test_a_killed_run_resumes_to_the_same_bytes(reader: Path, book: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-m", "trainer", *command(killed, book)])
    point = manifest.partial(killed) / "checkpoint" / "facts.json"
    while process.poll() is None and not (point.exists() and json.loads(point.read_text())["step"] >= 10):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert cli.main(command(killed, book)) == 0
    names = ("model.safetensors", "tokenizer.json")
    made = [[manifest.file_digest(each / "model" / name) for name in names] for each in (killed, reader)]
    assert made[0] == made[1]
