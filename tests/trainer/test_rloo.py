"""RLOO: completions of one prompt are each other's baseline, and no value net is needed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.rolled import SHORT, STOPS_ONCE, curve, named, order, walk, weights
from tests.trainer.speaker import prompt_rows, stage
from trainer import cli, manifest, optim, rloo
from trainer.nets import logprobs, trained
from trainer.preset import load_preset
from trainer.rollout import Cast

DOCUMENTED = (Path(__file__).parents[2] / "docs/algorithms/rloo.md").read_text(encoding="utf-8")
SMALL = ("batch=16", "minibatch=16", "max_new=24")


def configured(*overrides: str) -> rloo.Config:
    return load_preset(rloo.Config, "rloo", "tiny", (*SMALL, *overrides))


def rolled_out(config: rloo.Config) -> tuple[Cast, rloo.Rollout]:
    cast = rloo.load_cast(named(), config)
    return cast, rloo.collect(cast, walk(config), config, seed=1)


@pytest.fixture(scope="module")
def rolled() -> tuple[Cast, rloo.Rollout]:
    return rolled_out(configured())


@pytest.fixture
def dataset(tmp_path: Path, write_dataset: Callable[..., Path]) -> Path:
    return write_dataset(tmp_path / "d", prompts=prompt_rows(6))


def gradient(cast: Cast) -> torch.Tensor:
    return torch.cat([each.grad.flatten() for each in trained(cast.policy) if each.grad is not None])


def test_every_completion_is_measured_against_the_others_of_its_prompt(rolled: tuple[Cast, rloo.Rollout]) -> None:
    _, sampled = rolled
    # Policy and reference are one, so the reward is the score.
    for start in range(0, 16, 4):
        scores = sampled.scores[start : start + 4]
        for k in range(4):
            others = torch.cat([scores[:k], scores[k + 1 :]])
            assert float(sampled.advantages[start + k]) == pytest.approx(float(scores[k] - others.mean()), abs=1e-4)
        assert float(sampled.advantages[start : start + 4].sum()) == pytest.approx(0.0, abs=1e-4)


def test_the_first_step_follows_the_gradient_of_reinforce(rolled: tuple[Cast, rloo.Rollout]) -> None:
    cast, sampled = rolled
    cast.policy.zero_grad()
    metrics = rloo.accumulate(cast.policy, sampled, torch.arange(16), configured())
    got = gradient(cast)
    cast.policy.zero_grad()
    loss = -(sampled.advantages * logprobs(cast.policy, sampled.batch).sum(dim=1)).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(got, gradient(cast), atol=1e-4, rtol=1e-3)
    assert metrics["val/ratio"] == pytest.approx(1.0, abs=1e-4)
    assert metrics["policy/approxkl_avg"] == pytest.approx(0.0, abs=1e-8)
    assert metrics["loss/policy_avg"] == pytest.approx(-float(sampled.advantages.mean()), abs=1e-4)


@pytest.mark.parametrize("size", [1, 5])
def test_the_size_of_a_micro_batch_never_changes_the_gradient(rolled: tuple[Cast, rloo.Rollout], size: int) -> None:
    cast, sampled = rolled

    def learned(micro_batch: int) -> tuple[dict[str, float], torch.Tensor]:
        cast.policy.zero_grad()
        config = configured(f"micro_batch={micro_batch}")
        return rloo.accumulate(cast.policy, sampled, torch.arange(11), config), gradient(cast)

    (metrics, parts), (expected, whole) = learned(size), learned(11)
    assert metrics == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(parts, whole, atol=2e-4, rtol=1e-3)


def test_an_unfinished_completion_is_punished_or_left_out(rolled: tuple[Cast, rloo.Rollout]) -> None:
    _, punished = rolled
    _, dropped = rolled_out(configured("unfinished=drop"))
    cut = ~punished.finished
    assert cut.any()
    assert (punished.scores[cut] == -1.0).all()
    assert punished.advantages[cut].any()
    assert not dropped.advantages[cut].any()
    sums = dropped.advantages.view(-1, 4).sum(dim=1)
    torch.testing.assert_close(sums, torch.zeros(4), atol=1e-4, rtol=0)
    assert dropped.advantages.any()


def test_every_minibatch_takes_one_step() -> None:
    config = configured("minibatch=4", "inner_epochs=2")
    cast, sampled = rolled_out(config)
    optimizer = optim.adamw(trained(cast.policy), config.lr)
    rloo.improve(cast.policy, optimizer, sampled, config, 0, seed=1)
    assert {int(state["step"]) for state in optimizer.state.values()} == {8}


def test_rloo_raises_what_the_reward_model_likes(dataset: Path, tmp_path: Path) -> None:
    overrides = ("updates=14", "batch=32", "minibatch=32", "inner_epochs=1", "lr=3e-3", "beta=0.02", "max_new=32")
    assert stage("rloo", tmp_path / "p", *overrides, **order(dataset)) == 0
    points = curve(tmp_path / "p")
    scores = [point["objective/scores"] for point in points]
    assert sum(scores[-4:]) / 4 > sum(scores[:4]) / 4 + 0.4
    assert points[0]["objective/kl"] == pytest.approx(0.0, abs=1e-3)
    undocumented = {name for name in points[0] if f"`{name}`" not in DOCUMENTED} - {"step", "of", "seconds"}
    assert not undocumented
    facts = manifest.read(tmp_path / "p", kind="policy")
    assert facts["stage"] == "rloo"
    assert facts["metrics"]["updates"] == 14


def test_a_stopped_run_goes_on_to_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "reward.py").write_text(STOPS_ONCE)
    given = order(dataset, reward=None, reward_function=f"{tmp_path / 'reward.py'}:reward")
    assert stage("rloo", tmp_path / "whole", *SHORT, **given) == 0
    (tmp_path / "stop").touch()
    assert stage("rloo", tmp_path / "stopped", *SHORT, **given) == 143
    assert stage("rloo", tmp_path / "stopped", *SHORT, **given) == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


@pytest.mark.parametrize(
    ("override", "complaint"),
    [("per_prompt=1", "per_prompt must be at least 2"), ("unfinished=bootstrap", "must be penalty or drop")],
)
def test_what_has_no_baseline_is_refused(
    override: str, complaint: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage("rloo", tmp_path / "p", override, **order(dataset)) == 2
    assert complaint in capsys.readouterr().err
    assert "rloo" in cli.STAGES
