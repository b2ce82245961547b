"""SFT imitates what people wrote, and nothing else that is in a row."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trainer import cli, manifest, preset, sft
from trainer.nets import PolicyNet, freeze_below, load_policy, trained
from trainer.ragged import Batch
from trainer.records import Message
from trainer.text import Tokenizer, decode, encode_prompt, load_tokenizer

Builder = Callable[..., Path]
ORDER = ["--preset", "tiny", "--seed", "1"]


def run(dataset: Path, policy: Path, out: Path, *overrides: str) -> int:
    sets = [word for each in overrides for word in ("--set", each)]
    return cli.main(["sft", "--dataset", str(dataset), "--init", str(policy), "--out", str(out), *ORDER, *sets])


def answer(artifact: Path, question: str, most: int = 30) -> str:
    net, tok = load_policy(artifact), load_tokenizer(artifact)
    ids = encode_prompt(tok, [Message("user", question)], 100)
    start = len(ids)
    while len(ids) < start + most and ids[-1] != tok.eos_id:
        ids.append(int(net.causal(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    assert ids[-1] == tok.eos_id, "the policy did not learn to stop"
    return decode(tok, ids[start:])


def test_a_policy_taught_one_phrase_repeats_it_and_stops(
    policy: Path, tmp_path: Path, write_dataset: Builder, demonstration_row: Callable[..., dict[str, object]]
) -> None:
    dataset = write_dataset(tmp_path / "d", demonstrations=[demonstration_row(n, "Sea turtles.") for n in range(16)])
    assert run(dataset, policy, tmp_path / "out", "epochs=60", "lr=0.01", "checkpoint_every=0") == 0
    facts = manifest.read(tmp_path / "out", kind="policy")
    assert facts["metrics"]["loss"] < 0.1 < facts["metrics"]["first_loss"]
    assert answer(tmp_path / "out", "Say 999.") == "Sea turtles."


def test_only_training_demonstrations_are_read(
    policy: Path, tmp_path: Path, write_dataset: Builder, demonstration_row: Callable[..., dict[str, object]],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    dataset = write_dataset(tmp_path / "d", demonstrations=[demonstration_row(1, "Secret.", split="eval")])
    assert run(dataset, policy, tmp_path / "out") == 2
    assert "no demonstration of the split 'train'" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_size_of_a_micro_batch_never_changes_loss_or_gradient(net: PolicyNet, size: int) -> None:
    rows = [([2, 40 + n, 3, *range(50, 52 + n), 4], [False] * 3 + [True] * (3 + n)) for n in range(5)]

    def gradient(micro_batch: int) -> tuple[float, torch.Tensor]:
        net.zero_grad()
        loss, tokens = sft.accumulate(net, Batch.of_flags(rows), micro_batch)
        assert tokens == 25
        return loss, torch.cat([p.grad.flatten() for p in trained(net) if p.grad is not None])

    loss, whole = gradient(5)
    micro_loss, micro = gradient(size)
    assert micro_loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(micro, whole, atol=1e-6, rtol=1e-4)


def test_what_frozen_layers_say_is_computed_once_for_all_epochs_and_changes_no_gradient(net: PolicyNet) -> None:
    plain = Batch.of_flags([([2, 40 + n, 3, *range(50, 52 + n), 4], [False] * 3 + [True] * (3 + n)) for n in range(5)])
    config = preset.load_preset(sft.Config, "sft", "tiny", ["train_layers=1"])
    freeze_below(net, 1)
    rows = sft.kept(net, plain, config)
    assert rows.states is not None
    assert sft.kept(net, plain, dataclasses.replace(config, epochs=1)).states is None

    def gradient(batch: Batch) -> tuple[float, torch.Tensor]:
        net.zero_grad()
        loss, _ = sft.accumulate(net, batch.select(torch.tensor([4, 0, 2])), 2)
        return loss, torch.cat([p.grad.flatten() for p in trained(net) if p.grad is not None])

    (loss, kept), (expected, whole) = gradient(rows), gradient(plain)
    assert loss == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(kept, whole, atol=1e-6, rtol=1e-4)


def test_what_the_user_says_has_no_gradient(net: PolicyNet, tok: Tokenizer) -> None:
    rows = [([*tok.start["user"], 40, 41, *tok.start["assistant"], 50, tok.eos_id], [False] * 4 + [True] * 2)]
    loss, tokens = sft.accumulate(net, Batch.of_flags(rows), 1)
    table = net.causal(input_ids=Batch.of_flags(rows).ids).logits.log_softmax(-1)[0]
    assert tokens == 2
    assert loss == pytest.approx(-float((table[3, 50] + table[4, tok.eos_id]).detach()) / 2, abs=1e-5)


def test_frozen_layers_leave_the_policy_as_they_found_it(
    policy: Path, tmp_path: Path, write_dataset: Builder, demonstration_row: Callable[..., dict[str, object]]
) -> None:
    dataset = write_dataset(tmp_path / "d", demonstrations=[demonstration_row(n, "Yes.") for n in range(4)])
    assert run(dataset, policy, tmp_path / "out", "train_layers=1", "epochs=2") == 0
    before, after = (dict(load_policy(each).named_parameters()) for each in (policy, tmp_path / "out"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".layers.1." in name or name.endswith("model.norm.weight") for name in changed)


def test_the_stage_has_no_options_but_its_own() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    sft.add_arguments(parser)
    found = {word for action in parser._actions for word in action.option_strings}
    assert found == {"-h", "--help", "--dataset", "--init", "--preset", "--set", "--seed"}
