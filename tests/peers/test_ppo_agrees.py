"""Our PPO against TRL 1.12's PPOTrainer on the same four nets, completions and Adam."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.peers.cases import PPO, Answer, Models, alike, ask_trl
from tests.peers.rollouts import OPTIONS, TEMPERATURE, WIDTH, Ours, load_nets, rollout_rows
from trainer import rl

pytestmark = pytest.mark.peers

ROWS = 6


@pytest.fixture(scope="module")
def rows(models: Models) -> list[dict[str, Any]]:
    return rollout_rows(models, ROWS)


@pytest.fixture(scope="module")
def theirs(models: Models, rows: list[dict[str, Any]], place: Path) -> Answer:
    """One update of two epochs; the first has the gradients and the weights."""
    whole = {"per_device_train_batch_size": ROWS, "total_episodes": ROWS, "local_rollout_forward_batch_size": ROWS}
    shape = {"response_length": WIDTH, "temperature": TEMPERATURE}
    return ask_trl(PPO, "trl_ppo.py", place / "ppo", models, rows, arguments={**OPTIONS, **whole}, **shape)


@pytest.fixture(scope="module")
def ours(models: Models, rows: list[dict[str, Any]], theirs: Answer) -> Ours:
    """Our rollout, in the order in which TRL shuffled the prompts."""
    return Ours(load_nets(models), [rows[index] for index in theirs.found["order"]])


@pytest.fixture(scope="module")
def epochs(ours: Ours) -> list[dict[str, Any]]:
    return [ours.epoch(), ours.epoch()]


def close(ours: Tensor, theirs: Tensor, atol: float) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def test_both_hold_the_same_places_for_sampled(ours: Ours, theirs: Answer) -> None:
    assert torch.equal(~theirs.tensors["rollout/padding_mask"], ours.mask)
    assert torch.equal(~theirs.tensors["rollout/padding_mask_p1"], ours.longer)


@pytest.mark.parametrize(("name", "of"), [("logprobs", "logprobs"), ("ref_logprobs", "reference")])
def test_the_logprobs_of_policy_and_reference_agree(ours: Ours, theirs: Answer, name: str, of: str) -> None:
    found = theirs.tensors[f"rollout/{name}"].where(ours.mask, 0.0)
    close(getattr(ours, of), found, 1e-5)


def test_the_kl_estimates_of_every_token_agree(ours: Ours, theirs: Answer) -> None:
    close(ours.kl, theirs.tensors["rollout/kl"], 1e-5)


def test_k3_of_their_logprobs_is_their_formula(ours: Ours, theirs: Answer) -> None:
    logprobs, reference = (theirs.tensors[f"rollout/{name}"] for name in ("logprobs", "ref_logprobs"))
    ratio = reference - logprobs
    close(rl.k3(ours.logprobs, ours.reference).where(ours.mask, 0.0), ratio.exp() - 1 - ratio, 1e-5)


def test_scores_agree_with_those_of_left_padded_rows(ours: Ours, theirs: Answer) -> None:
    close(ours.scores, theirs.tensors["rollout/scores"], 1e-4)


def test_values_agree_with_those_of_left_padded_rows(ours: Ours, theirs: Answer) -> None:
    close(ours.values, theirs.tensors["rollout/values"], 1e-4)


@pytest.mark.parametrize("name", ["rewards", "advantages", "returns"])
def test_rewards_advantages_and_returns_agree_with_the_score_on_the_first_padding(
    ours: Ours, theirs: Answer, name: str
) -> None:
    close(getattr(ours, name), theirs.tensors[f"rollout/{name}"].where(ours.longer, 0.0), 1e-5)


def test_whitened_advantages_agree(ours: Ours, theirs: Answer) -> None:
    close(ours.whitened, theirs.tensors["rollout/whitened"].where(ours.mask, 0.0), 1e-5)


@pytest.mark.parametrize("epoch", [0, 1])
def test_losses_agree(epochs: list[dict[str, Any]], theirs: Answer, epoch: int) -> None:
    found = theirs.part(f"step/{epoch}/")
    assert epochs[epoch]["loss"] == pytest.approx(float(found["pg_loss"]), abs=1e-5)
    assert epochs[epoch]["value_loss"] == pytest.approx(float(found["vf_loss"]), abs=1e-5)


@pytest.mark.parametrize("epoch", [0, 1])
def test_clip_fractions_agree(epochs: list[dict[str, Any]], theirs: Answer, epoch: int) -> None:
    found = {name: each[epoch, 0, 0] for name, each in theirs.part("statistics/0/").items()}
    assert epochs[epoch]["clipfrac"] == pytest.approx(float(found["pg_clipfrac_stats"]), abs=1e-5)
    assert epochs[epoch]["value_clipfrac"] == pytest.approx(float(found["vf_clipfrac_stats"]), abs=1e-5)
    assert 0 < epochs[epoch]["clipfrac"] < 1
    assert epoch == 0 or epochs[epoch]["value_clipfrac"] > 0, "nothing was clipped, so nothing was compared"


def test_the_gradients_agree(epochs: list[dict[str, Any]], theirs: Answer) -> None:
    for net in ("policy.", "value_model."):
        found = {name: each for name, each in theirs.part("gradient/").items() if name.startswith(net)}
        own = {name: each for name, each in epochs[0]["gradients"].items() if name.startswith(net)}
        cosine, ratio = alike(own, found)
        assert cosine > 0.9999
        assert ratio == pytest.approx(1.0, abs=1e-4)


def test_one_step_leads_to_the_same_weights(epochs: list[dict[str, Any]], theirs: Answer) -> None:
    found = theirs.part("after/")
    assert epochs[0]["after"].keys() == found.keys()
    assert max(float((epochs[0]["after"][name] - found[name]).abs().max()) for name in found) <= 1e-6


def test_the_metrics_that_are_sums_over_a_completion_agree(ours: Ours, theirs: Answer) -> None:
    found = theirs.found["metrics"][0]
    assert found["objective/kl"] == pytest.approx(float(ours.kl.sum(1).mean()), abs=1e-4)
    assert found["objective/entropy"] == pytest.approx(-float(ours.logprobs.sum(1).mean()), abs=1e-3)
    assert found["objective/rlhf_reward"] == pytest.approx(float(ours.rewards.sum(1).mean()), abs=1e-4)
