"""PPO's invariants, that it raises a reward, and that a killed run ends in the same bytes."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.rolled import SHORT, accumulated, configured, curve, named, order, prompts, reward_net, rolled_out
from tests.trainer.speaker import altered, prompt_rows, retouched, speaker, stage
from trainer import improve, manifest, ppo, rollout
from trainer.improve import Learner, Nets, Rollout
from trainer.losses import masked_mean
from trainer.nets import load_policy, trained
from trainer.prompts import stretch
from trainer.ragged import Batch
from trainer.records import read_prompts
from trainer.scoring import all_logprobs, all_scores, all_values

NAMES = {
    *("objective/kl", "objective/scores", "objective/rlhf_reward", "objective/entropy"),
    *("policy/approxkl_avg", "policy/clipfrac_avg", "loss/policy_avg", "loss/value_avg"),
    "objective/length_correlation",
    *("val/ratio", "val/num_eos_tokens", "lr", "episode", "length", "grad_norm/policy", "grad_norm/value"),
}


@pytest.fixture(scope="module")
def rolled() -> tuple[Nets, Rollout]:
    return rolled_out(configured("batch=16", "minibatch=16"))


@pytest.fixture
def dataset(tmp_path: Path, write_dataset: Callable[..., Path]) -> Path:
    return write_dataset(tmp_path / "d", prompts=[*prompt_rows(6), *prompt_rows(2, "eval")])


def test_before_the_first_step_the_ratio_is_one_and_the_loss_is_minus_the_mean_advantage(
    rolled: tuple[Nets, Rollout],
) -> None:
    nets, sampled = rolled
    rows = torch.arange(5)
    metrics = accumulated(nets, sampled, rows, configured())
    expected = -masked_mean(sampled.advantages[rows], sampled.batch.is_completion[rows])
    assert metrics["val/ratio"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["policy/approxkl_avg"] == pytest.approx(0.0, abs=1e-9)
    assert metrics["policy/clipfrac_avg"] == 0.0
    assert metrics["loss/policy_avg"] == pytest.approx(float(expected), abs=1e-5)


def test_the_curve_tells_how_far_the_scores_follow_length(rolled: tuple[Nets, Rollout]) -> None:
    _, sampled = rolled
    lengths = torch.tensor([float(len(sample.tokens)) for sample in sampled.samples])
    expected = float(torch.corrcoef(torch.stack([lengths, sampled.scores]))[0, 1])
    assert rollout.described(sampled, 0.1)["objective/length_correlation"] == pytest.approx(expected, abs=1e-4)


def test_a_policy_that_is_its_own_reference_has_no_divergence(rolled: tuple[Nets, Rollout]) -> None:
    _, sampled = rolled
    assert sampled.kl.abs().max() < 1e-4
    torch.testing.assert_close(sampled.rewards.sum(dim=1), sampled.scores, atol=1e-3, rtol=0)


def test_advantages_are_white_over_the_sampled_tokens_and_nothing_elsewhere(
    rolled: tuple[Nets, Rollout],
) -> None:
    _, sampled = rolled
    valid = sampled.advantages[sampled.batch.is_completion]
    assert float(valid.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(valid.var()) == pytest.approx(1.0, abs=1e-3)
    assert not sampled.advantages[~sampled.batch.is_completion].any()


def test_a_completion_that_was_cut_off_scores_the_penalty(rolled: tuple[Nets, Rollout]) -> None:
    _, sampled = rolled
    cut_off = torch.tensor([not sample.finished for sample in sampled.samples])
    assert cut_off.any()
    assert (sampled.scores[cut_off] == -1.0).all()
    assert (sampled.scores[~cut_off] != -1.0).all()


def test_the_value_of_a_token_never_looks_at_that_token(rolled: tuple[Nets, Rollout]) -> None:
    nets, sampled = rolled
    ids = sampled.batch.ids.clone()
    last = sampled.batch.lengths - 1
    ids[torch.arange(len(ids)), last] = 99
    changed = Batch(ids, sampled.batch.is_token, sampled.batch.is_completion)
    seen = sampled.batch.is_completion
    torch.testing.assert_close(all_values(nets.value, changed, 10**6)[seen], sampled.values[seen])


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_of_a_micro_batch_never_changes_the_gradients(rolled: tuple[Nets, Rollout], size: int) -> None:
    nets, sampled = rolled

    def gradients(micro_batch: int) -> tuple[dict[str, float], torch.Tensor]:
        nets.policy.zero_grad()
        nets.value.zero_grad()
        metrics = accumulated(nets, sampled, torch.arange(7), configured(f"micro_batch={micro_batch}"))
        parameters = [*trained(nets.policy), *trained(nets.value)]
        return metrics, torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])

    (expected, whole), (metrics, parts) = gradients(7), gradients(size)
    assert metrics == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(parts, whole, atol=2e-6, rtol=1e-3)


def test_how_rows_are_chunked_never_changes_what_the_nets_say(rolled: tuple[Nets, Rollout]) -> None:
    nets, sampled = rolled
    batch, reward = sampled.batch, reward_net(nets)
    for tokens in (1, 200):
        torch.testing.assert_close(all_scores(reward, batch, tokens), all_scores(reward, batch, 10**6))
        one, other = (all_logprobs(nets.reference, batch, 1.0, budget) for budget in (tokens, 10**6))
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_every_prompt_comes_once_before_any_comes_again() -> None:
    walk = stretch(prompts(), 0, 24, seed=3)
    names = [prompt.id for _, prompt in walk]
    rounds = [names[start : start + 8] for start in (0, 8, 16)]
    assert all(len(set(each)) == 8 for each in rounds)
    assert rounds[0] != rounds[1]
    assert len({key for key, _ in walk}) == 24
    assert stretch(prompts(), 5, 9, seed=3) == walk[5:14]


def test_every_minibatch_takes_one_step_and_every_inner_epoch_sees_every_row() -> None:
    config = configured("batch=16", "minibatch=4", "inner_epochs=3")
    nets, sampled = rolled_out(config)
    plan = list(rollout.plan(config, 0, seed=1))
    assert len(plan) == 12
    assert all(sorted(torch.cat(plan[at : at + 4]).tolist()) == list(range(16)) for at in (0, 4, 8))
    learner = Learner.of(nets, config)
    improve.improve(learner, sampled, config, 0, seed=1)
    states = [*learner.policy.state.values(), *learner.value.state.values()]
    steps = {int(state["step"]) for state in states}
    assert steps == {12}


def test_ppo_raises_what_the_reward_model_likes(dataset: Path, tmp_path: Path) -> None:
    overrides = ("updates=16", "batch=32", "minibatch=16", "lr=2e-3", "beta=0.02", "warmup=2")
    assert stage("ppo", tmp_path / "p", *overrides, **order(dataset)) == 0
    points = curve(tmp_path / "p")
    assert all(point.keys() >= NAMES for point in points)
    scores = [point["objective/scores"] for point in points]
    assert sum(scores[-4:]) / 4 > sum(scores[:4]) / 4 + 0.5
    assert points[0]["objective/kl"] == pytest.approx(0.0, abs=1e-3)
    assert points[-1]["objective/kl"] > 0.1
    facts = manifest.read(tmp_path / "p", kind="policy")
    assert facts["inputs"].keys() == {"dataset", "init", "reference", "reward"}
    assert facts["metrics"]["updates"] == 16
    assert not facts["metrics"]["stopped_early"]


def test_completions_are_kept_for_people_to_look_at(dataset: Path, tmp_path: Path) -> None:
    assert stage("ppo", tmp_path / "p", *SHORT, **order(dataset)) == 0
    rows = [json.loads(line) for line in (tmp_path / "p" / "samples.jsonl").read_text().splitlines()]
    assert {row["step"] for row in rows} == {0, 2}
    assert all(row["prompt"].startswith("train-") for row in rows)
    assert all(row.keys() == {"step", "prompt", "text", "finished", "tokens", "reward"} for row in rows)


def test_frozen_layers_leave_the_policy_as_they_found_it(dataset: Path, tmp_path: Path) -> None:
    assert stage("ppo", tmp_path / "p", *SHORT, "updates=1", "train_layers=1", **order(dataset)) == 0
    before, after = (dict(load_policy(each).named_parameters()) for each in (speaker(), tmp_path / "p"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".layers.1." in name or name.endswith("model.norm.weight") for name in changed)


def test_what_frozen_layers_say_is_computed_once_and_changes_nothing() -> None:
    config = configured("batch=8", "minibatch=8", "train_layers=1")
    nets, sampled = rolled_out(config)
    assert nets.shared == 1
    assert nets.value.trunk.layers[0] is nets.policy.trunk.layers[0]
    plain = Batch(sampled.batch.ids, sampled.batch.is_token, sampled.batch.is_completion)
    without = dataclasses.replace(sampled, batch=plain)

    def learned(each: Rollout) -> tuple[dict[str, float], torch.Tensor]:
        nets.policy.zero_grad()
        nets.value.zero_grad()
        metrics = accumulated(nets, each, torch.arange(5), config)
        parameters = [*trained(nets.policy), *trained(nets.value)]
        return metrics, torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])

    (metrics, kept), (expected, whole) = learned(sampled), learned(without)
    assert metrics == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(kept, whole, atol=2e-6, rtol=1e-3)
    one, other = (all_scores(reward_net(nets), each.batch, 10**6) for each in (sampled, without))
    torch.testing.assert_close(one, other)


def test_layers_that_differ_or_are_trained_are_not_shared(tmp_path: Path) -> None:
    frozen, free = configured("train_layers=1"), configured("train_layers=0")
    assert ppo.load_nets(named(), free).shared == 0
    other = retouched(tmp_path / "other", 0.1, layer=0)
    assert ppo.load_nets(named(init=other), frozen).shared == 0


def test_too_far_from_the_reference_training_ends_early_and_keeps_the_policy(dataset: Path, tmp_path: Path) -> None:
    far = retouched(tmp_path / "far", 0.1)
    assert stage("ppo", tmp_path / "p", *SHORT, "kl_stop=0.1", **order(dataset, init=far)) == 0
    metrics = manifest.read(tmp_path / "p", kind="policy")["metrics"]
    assert metrics["stopped_early"]
    assert metrics["updates"] == 1


def test_only_training_prompts_are_used(
    tmp_path: Path, write_dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = write_dataset(tmp_path / "d", prompts=prompt_rows(3, "eval"))
    assert len(read_prompts(held_out / "prompts.jsonl")) == 3
    assert stage("ppo", tmp_path / "p", *SHORT, **order(held_out)) == 2
    assert "no prompt of the split 'train'" in capsys.readouterr().err


def test_a_reference_with_another_tokenizer_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = {"start": {"system": [1], "user": [2], "assistant": [2]}, "end": [4], "eos": 4}
    other = altered(speaker(), tmp_path / "other", "model/tutelage.json", json.dumps(frame))
    assert stage("ppo", tmp_path / "p", *SHORT, **order(dataset, reference=other)) == 2
    assert "another tokenizer" in capsys.readouterr().err


def test_a_batch_must_divide_into_prompts_and_minibatches(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage("ppo", tmp_path / "p", "batch=30", **order(dataset)) == 2
    assert "multiple" in capsys.readouterr().err
