"""What a stage will need is known from the headers of its inputs, and too much is refused before anything loads."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.rolled import configured, named, order
from tests.trainer.speaker import judge, prompt_rows, speaker, stage
from trainer import memory, rollout
from trainer.errors import Refused
from trainer.nets import freeze_below, load_policy, trained
from trainer.scalar import load_reward


def test_a_header_counts_what_the_model_holds() -> None:
    for artifact, net in ((speaker(), load_policy(speaker())), (judge(), load_reward(judge()))):
        expected = sum(parameter.numel() for parameter in net.parameters())
        assert sum(memory.sizes(artifact).values()) == expected


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_what_learns_is_what_will_learn_but_for_the_last_norm(layers: int) -> None:
    net = load_policy(speaker())
    freeze_below(net, layers)
    norm = net.causal.model.norm.weight.numel() if layers else 0  # type: ignore[union-attr]
    assert memory.learned(memory.sizes(speaker()), layers) == sum(p.numel() for p in trained(net)) - norm


def test_the_peak_is_weights_moments_and_cache() -> None:
    small, large = {"model.layers.0.w": 10, "model.layers.1.w": 10}, {"model.layers.0.w": 100}
    # Weights 120; three more of 20 and of 100; a copy of 20; all four bytes each; and 8 bytes of cache.
    assert memory.peak([small, large], [small, large], layers=0, extra=1, cached=8) == 4 * (120 + 360 + 20) + 8
    assert memory.peak([small, large], [small], layers=1, extra=0, cached=0) == 4 * (120 + 30)


def test_a_cache_holds_keys_and_values_of_every_layer() -> None:
    shape = load_policy(speaker()).causal.config  # type: ignore[union-attr]
    assert memory.cache(speaker(), 10) == 10 * 2 * 4 * shape.num_hidden_layers * shape.hidden_size  # type: ignore[union-attr,operator]


def test_ppo_needs_a_critic_and_what_it_keeps_and_rloo_does_not() -> None:
    arguments, config = named(), configured()
    with_critic = rollout.needed(arguments, config, critic=True)
    judged, policy = (sum(memory.sizes(each).values()) for each in (judge(), speaker()))
    assert with_critic - rollout.needed(arguments, config, critic=False) == 4 * 4 * judged
    assert rollout.needed(arguments, config, critic=True, extra=2) - with_critic == 2 * 4 * policy


def test_what_does_not_fit_is_refused_with_what_would_help() -> None:
    assert memory.announced(2_100_000_000, 8 * 10**9) == "loading, about 2.1 GB"
    with pytest.raises(Refused, match=r"needs about 9.0 GB of memory and the machine has 8.0 GB.*train_layers"):
        memory.announced(9 * 10**9, 8 * 10**9)
    assert memory.available() > 10**8


def test_a_run_that_cannot_fit_never_begins(
    tmp_path: Path, write_dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path / "d", prompts=prompt_rows(2))
    assert stage("ppo", tmp_path / "p", f"batch_tokens={10**13}", **order(dataset)) == 2
    assert "of memory and the machine has" in capsys.readouterr().err
