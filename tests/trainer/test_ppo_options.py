"""What a run of PPO may choose, each measured on its effect; and that a stopped run with all of it goes on exactly."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.rolled import SHORT, STOPS_ONCE, configured, curve, order, reward_net, rolled_out, weights
from tests.trainer.speaker import prompt_rows, stage
from trainer import ema, improve, manifest, ppo
from trainer.improve import Learner, Nets, Rollout
from trainer.nets import trained
from trainer.scoring import all_scores

DOCUMENTED = (Path(__file__).parents[2] / "docs/algorithms/ppo.md").read_text(encoding="utf-8")
SMALL = ("batch=16", "minibatch=8", "max_new=24")
EVERYTHING = (
    *SHORT,
    *("kl_target=0.001", "kl_horizon=50", "ptx_ratio=0.3", "ptx_rows=1", "ema=0.8", "publish=ema", "lr=1e-3"),
    *("value_warmup=1", "unfinished=bootstrap", "whiten_rewards=true", "lr_schedule=linear", "length_control=1"),
)


@pytest.fixture
def dataset(
    tmp_path: Path, write_dataset: Callable[..., Path], demonstration_row: Callable[..., dict[str, object]]
) -> Path:
    demonstrations = [demonstration_row(number, "our walls keep many birds.") for number in range(3)]
    return write_dataset(tmp_path / "d", demonstrations=demonstrations, prompts=prompt_rows(6))


@pytest.fixture(scope="module")
def rolled() -> tuple[Nets, Rollout]:
    return rolled_out(configured(*SMALL))


def copied(nets: Nets) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return [p.detach().clone() for p in trained(nets.policy)], [p.detach().clone() for p in trained(nets.value)]


def test_a_stopped_run_with_everything_switched_on_goes_on_to_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    function = tmp_path / "reward.py"
    function.write_text(STOPS_ONCE)
    given = order(dataset, reward=None, reward_function=f"{function}:reward")
    assert stage("ppo", tmp_path / "whole", *EVERYTHING, **given) == 0
    (tmp_path / "stop").touch()
    before = signal.getsignal(signal.SIGTERM)
    assert stage("ppo", tmp_path / "stopped", *EVERYTHING, **given) == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert stage("ppo", tmp_path / "stopped", *EVERYTHING, **given) == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    one, other = (
        [{name: value for name, value in point.items() if name != "seconds"} for point in curve(tmp_path / name)]
        for name in ("stopped", "whole")
    )
    assert one == other
    betas = [point["objective/beta"] for point in one]
    assert betas[0] == 0.3
    assert len(set(betas)) > 2
    undocumented = {name for name in one[-1] if f"`{name}`" not in DOCUMENTED} - {"step", "of", "seconds"}
    assert not undocumented
    assert "reward_function reward" in manifest.read(tmp_path / "whole", kind="policy")["inputs"]


def test_the_price_of_kl_follows_the_divergence() -> None:
    config = configured("kl_target=6", "kl_horizon=640", "batch=64")
    assert ppo.next_beta(0.3, 60.0, config) == pytest.approx(0.3 * 1.02)
    assert ppo.next_beta(0.3, 60.0, configured()) == 0.3


def test_while_the_value_net_warms_up_the_policy_stays_as_it_is() -> None:
    config = configured(*SMALL, "value_warmup=1")
    nets, sampled = rolled_out(config)
    learner = Learner.of(nets, config)
    policy, value = copied(nets)
    metrics = improve.improve(learner, sampled, config, 0, seed=1)
    still, moved = copied(nets)
    assert all(map(torch.equal, policy, still))
    assert not all(map(torch.equal, value, moved))
    assert metrics["grad_norm/policy"] == 0.0
    point = {name: tensor.detach().clone() for name, tensor in learner.tensors().items()}
    resumed = Learner.of(nets, config)
    resumed.restore(point)
    improve.improve(resumed, sampled, config, 1, seed=1)
    assert not all(map(torch.equal, policy, copied(nets)[0]))


def test_a_step_that_went_too_far_ends_its_update() -> None:
    config = configured(*SMALL, "inner_epochs=3", "lr=1e-2", "warmup=0", "approxkl_stop=0.001")
    nets, sampled = rolled_out(config)
    learner = Learner.of(nets, config)
    metrics = improve.improve(learner, sampled, config, 0, seed=1)
    assert metrics["policy/minibatches"] == 1
    assert {int(state["step"]) for state in learner.policy.state.values()} == {1}
    assert all(parameter.grad is None for parameter in (*trained(nets.policy), *trained(nets.value)))
    assert metrics["policy/approxkl_avg"] < 0.001


def test_the_mean_of_the_weights_follows_every_step() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(1.0)
        average = ema.begin(net)
        for value in (2.0, 4.0):
            net.weight.fill_(value)
            ema.follow(average, net, 0.5)
    # ½·(½·1 + ½·2) + ½·4
    assert average["weight"].item() == 2.75
    ema.put(average, net)
    assert net.weight.item() == 2.75


def test_keeping_a_mean_changes_nothing_of_what_is_learned() -> None:
    ends = []
    for decay in (0.0, 0.5):
        config = configured(*SMALL, f"ema={decay}")
        nets, sampled = rolled_out(config)
        learner = Learner.of(nets, config)
        improve.improve(learner, sampled, config, 3, seed=1)
        ends.append(copied(nets)[0])
    assert all(map(torch.equal, *ends))
    assert learner.average is not None
    assert not any(map(torch.equal, ends[1], learner.average.values()))


def test_a_text_that_was_cut_off_goes_on_in_the_value_net() -> None:
    config = configured(*SMALL, "unfinished=bootstrap")
    nets, sampled = rolled_out(config)
    cut = ~sampled.finished
    assert cut.any()
    assert sampled.finished.any()
    assert not sampled.scores[cut].any()
    after = ppo.value_after(nets, sampled, config)
    with torch.no_grad():
        seen_all = nets.value(sampled.batch)[torch.arange(len(cut)), sampled.batch.lengths - 1]
    torch.testing.assert_close(after[cut], seen_all[cut], atol=1e-5, rtol=1e-4)
    assert not after[~cut].any()
    # With one token left, its return is the value of what would have followed it.
    last = sampled.returns[torch.arange(len(cut)), sampled.batch.lengths - 1]
    torch.testing.assert_close(last[cut], after[cut], atol=1e-4, rtol=1e-4)


def test_length_control_takes_off_what_length_explains_of_the_scores(rolled: tuple[Nets, Rollout]) -> None:
    nets, sampled = rolled
    config = configured(*SMALL, "length_control=1", "score_clip=1000")
    raw = all_scores(reward_net(nets), sampled.batch, 10**6)
    _, controlled = rolled_out(config)
    lengths = sampled.batch.is_completion.sum(dim=1).float()
    groups = [range(start, start + config.per_prompt) for start in range(0, config.batch, config.per_prompt)]

    def slope(scores: torch.Tensor) -> float:
        total = 0.0
        for group in groups:
            rows = torch.tensor([row for row in group if sampled.finished[row]], dtype=torch.long)
            if len(rows):
                total += float(((lengths[rows] - lengths[rows].mean()) * (scores[rows] - scores[rows].mean())).sum())
        return total

    assert abs(slope(raw)) > 1.0
    assert slope(controlled.scores) == pytest.approx(0.0, abs=1e-2)
    assert (controlled.scores[~sampled.finished] == -1.0).all()


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("unfinished=maybe", "unfinished must be penalty or bootstrap"),
        ("publish=ema", "ema needs a decay"),
        ("ema=1.0", "ema needs a decay"),
        ("lr_schedule=cosine", "lr_schedule must be constant or linear"),
        ("length_control=2", "a share from 0 to 1"),
        ("ptx=27.8", "holds no training demonstration"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(
    override: str,
    complaint: str,
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    dataset = write_dataset(tmp_path / "d", prompts=prompt_rows(2))
    assert stage("ppo", tmp_path / "p", *SHORT, override, **order(dataset)) == 2
    assert complaint in capsys.readouterr().err
