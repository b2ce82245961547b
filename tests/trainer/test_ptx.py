"""PPO-ptx: how much the text weighs beside the rewards, and which text it is."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.trainer.rolled import SHORT, order
from tests.trainer.speaker import prompt_rows, stage
from trainer import ptx
from trainer.errors import Refused
from trainer.nets import PolicyNet, trained
from trainer.text import Tokenizer, decode

TEXT = "Our walls keep many birds, and the birds keep our walls.\n" * 3


@pytest.fixture
def rows(tok: Tokenizer, tmp_path: Path) -> list[ptx.Row]:
    (tmp_path / "a.txt").write_text(TEXT)
    return ptx.text_rows(tmp_path / "a.txt", tok, 24)


def gradient(net: PolicyNet) -> Tensor:
    return torch.cat([each.grad.flatten() for each in trained(net) if each.grad is not None])


def mixed(net: PolicyNet, rows: list[ptx.Row], ours: Tensor, **weight: float) -> tuple[Tensor, dict[str, float]]:
    """The gradient after text was added to `ours`."""
    net.zero_grad()
    for parameter, part in zip(trained(net), ours.split([p.numel() for p in trained(net)]), strict=True):
        parameter.grad = part.view_as(parameter).clone()
    given = {"coefficient": 0.0, "ratio": 0.0, "micro_batch": 4, **weight}
    mix = ptx.Mix(rows, 6, given["coefficient"], given["ratio"], int(given["micro_batch"]), seed=1)
    found = mix.add(net, step=2, number=0)
    return gradient(net), found


def ours_for(net: PolicyNet) -> Tensor:
    count = sum(parameter.numel() for parameter in trained(net))
    return torch.randn(count, generator=torch.Generator().manual_seed(0))


def test_a_coefficient_multiplies_the_texts_own_gradient(net: PolicyNet, rows: list[ptx.Row]) -> None:
    ours = ours_for(net)
    text, _ = mixed(net, rows, torch.zeros_like(ours), coefficient=1.0)
    both, found = mixed(net, rows, ours, coefficient=27.8)
    torch.testing.assert_close(both, ours + 27.8 * text, atol=1e-4, rtol=1e-4)
    assert found["grad_norm/ptx"] == pytest.approx(float(text.norm()), rel=1e-4)
    assert found["ptx/ratio"] == pytest.approx(27.8 * float(text.norm() / ours.norm()), rel=1e-4)


def test_a_ratio_is_one_of_norms_whatever_the_losses_are_normalised_by(net: PolicyNet, rows: list[ptx.Row]) -> None:
    for scale in (1.0, 1000.0):
        ours = ours_for(net) * scale
        both, found = mixed(net, rows, ours, ratio=0.25)
        assert float((both - ours).norm() / ours.norm()) == pytest.approx(0.25, rel=1e-3)
        assert found["ptx/ratio"] == pytest.approx(0.25, rel=1e-3)


def test_the_size_of_a_micro_batch_never_changes_what_the_text_adds(net: PolicyNet, rows: list[ptx.Row]) -> None:
    ours = ours_for(net)
    (one, found), (other, expected) = (mixed(net, rows, ours, ratio=1.0, micro_batch=size) for size in (1, 6))
    torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_gradient_of_nothing_stays_finite(net: PolicyNet, rows: list[ptx.Row]) -> None:
    both, found = mixed(net, rows, torch.zeros_like(ours_for(net)), ratio=0.5)
    assert not both.any()
    assert all(map(math.isfinite, found.values()))


def test_text_is_cut_into_windows_that_lose_no_token(rows: list[ptx.Row], tok: Tokenizer) -> None:
    ids = [token for window, _ in rows for token in window]
    assert ids[-1] == tok.eos_id
    assert decode(tok, ids) == TEXT
    assert all(len(window) <= 24 and learned == [False] + [True] * (len(window) - 1) for window, learned in rows)


def test_demonstrations_teach_what_the_assistant_said(
    tok: Tokenizer, tmp_path: Path, write_dataset: Callable[..., Path], demonstration_row: Callable[..., object]
) -> None:
    rows = [demonstration_row(1, "Yes."), demonstration_row(2, "No.", "eval")]
    (row,) = ptx.demonstration_rows(write_dataset(tmp_path / "d", demonstrations=rows), tok, 96, 64)
    assert decode(tok, [token for token, learned in zip(*row, strict=True) if learned]) == "Yes."


def test_the_digest_is_that_of_every_file_and_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    first = ptx.inputs(folder)
    (folder / "ignored.csv").write_text("x")
    assert ptx.inputs(folder) == first
    (folder / "a.txt").rename(folder / "b.txt")
    assert ptx.inputs(folder) != first
    assert ptx.inputs(folder / "b.txt").keys() == {"text"}
    assert ptx.inputs(None) == {}


def test_text_that_is_none_is_refused(tok: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="neither a file nor a folder"):
        ptx.inputs(tmp_path / "absent")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(Refused, match="holds no text"):
        ptx.text_rows(tmp_path / "empty.txt", tok, 24)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(Refused, match="not UTF-8"):
        ptx.text_rows(tmp_path / "latin.txt", tok, 24)


def test_text_without_a_weight_is_refused_and_with_one_it_is_learned(
    tmp_path: Path, write_dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    given = {**order(write_dataset(tmp_path / "d", prompts=prompt_rows(4))), "text": tmp_path / "a.txt"}
    assert stage("ppo", tmp_path / "p", *SHORT, **given) == 2
    assert "how much the text shall weigh" in capsys.readouterr().err
    assert stage("ppo", tmp_path / "q", *SHORT, "updates=1", "ptx=1.0", **given) == 0
    assert "loss/ptx" in (tmp_path / "q" / "metrics.jsonl").read_text()
