"""Products may be taken in bf16 and inner states computed again; weights, losses and meaning stay what they are."""

from collections.abc import Iterator

import pytest
import torch

from tests.trainer.test_ragged import ROWS, gradients
from trainer import compute
from trainer.drawing import Drawing
from trainer.generation import generate
from trainer.nets import PolicyNet, logprobs
from trainer.ragged import Batch
from trainer.scalar import RewardNet
from trainer.text import Tokenizer


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    compute.use()


def test_a_machine_without_units_for_bf16_stays_with_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    for flags, expected in ((frozenset({"avx2"}), "fp32"), (frozenset({"avx2", "amx_bf16"}), "bf16")):
        monkeypatch.setattr(compute, "_cpu_flags", lambda found=flags: found)
        assert compute.precision(torch.device("cpu")) == expected
    compute.use("fp32")
    assert compute.precision(torch.device("cpu")) == "fp32"


def test_bf16_changes_what_is_said_by_little_and_neither_weights_nor_losses(
    net: PolicyNet, reward_net: RewardNet
) -> None:
    batch = Batch.of(ROWS)
    exact = logprobs(net, batch), reward_net(batch)
    compute.use("bf16")
    rough = logprobs(net, batch), reward_net(batch)
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        torch.testing.assert_close(other, one, atol=2e-2, rtol=0)
    (rough[0].sum() + rough[1].sum()).backward()  # type: ignore[no-untyped-call]
    assert all(gradient.dtype == torch.float32 for gradient in gradients(net))


def test_in_bf16_too_the_sampler_keeps_the_log_probabilities_that_training_computes(
    net: PolicyNet, tok: Tokenizer
) -> None:
    compute.use("bf16")
    prompts = [[2, 40, 41, 3], [2, 60, 3]]
    slates = generate(net.causal, prompts, keys=["a", "b"], per_prompt=3, seed=1, drawing=Drawing(tok, 12, 1.0))
    rows = [(prompt, each) for prompt, slate in zip(prompts, slates, strict=True) for each in slate]
    batch = Batch.of([(prompt, each.tokens) for prompt, each in rows])
    kept = torch.tensor([value for _, each in rows for value in each.logprobs])
    with torch.no_grad():
        torch.testing.assert_close(kept, logprobs(net, batch)[batch.is_completion], atol=2e-2, rtol=0)
    assert all(parameter.dtype == torch.float32 for parameter in net.parameters())


def test_computing_inner_states_again_changes_no_gradient(net: PolicyNet) -> None:
    found = []
    for recompute in (False, True):
        compute.use("fp32", recompute)
        logprobs(net, Batch.of(ROWS)).square().sum().backward()  # type: ignore[no-untyped-call]
        found.append(gradients(net))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
