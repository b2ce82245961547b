"""A policy whose weights are NaN, deployed past every gate: the real trainer refuses it, and it is taken back."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from accounts.models import Project, User
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Round
from rounds.services import deployments, rounds, stages
from rounds.supervisor import Supervisor
from tests import make
from tests.rounds import loop
from tests.rounds.deployed import current, nobody_is_lent, order_stage, was_taken_back
from trainer import manifest, tiny

# A supervisor gives its connection back now and then.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def with_nan_weights(sound: Path, place: Path) -> Path:
    """The same model with NaN in one matrix, sealed as the trainer seals a policy."""
    with manifest.writing(place, kind="policy", stage="ppo", metrics={}) as folder:
        for path in (sound / "model").iterdir():
            (folder / "model").mkdir(exist_ok=True)
            (folder / "model" / path.name).write_bytes(path.read_bytes())
        weights = load_file(folder / "model" / "model.safetensors")
        name = next(name for name in weights if "mlp" in name)
        weights[name].fill_(float("nan"))
        save_file(weights, folder / "model" / "model.safetensors", metadata={"format": "pt"})
    return place


def installed(project: Project, name: str, path: Path) -> Policy:
    return deployments.install_policy(project=project, path=path, name=name, preset="tiny")


def test_nan_weights_are_found_by_the_trainer_and_the_policy_is_taken_back(
    project: Project, store: Path, alice: User, bob: User
) -> None:
    tiny.make(store / "policies" / "base", seed=1, config=tiny.Config(steps=0))
    base = installed(project, "base", store / "policies" / "base")
    make.make_ranking(alice, make.make_slate(project, policy=base))
    bad = installed(project, "bad", with_nan_weights(store / "policies" / "base", store / "policies" / "bad"))
    round = loop.work_until(loop.start(project), State.REVIEW)
    Round.objects.filter(pk=round.pk).update(candidate=bad)
    rounds.approve(by=None, round_id=round.pk)
    assert loop.deploy(round).state == State.DONE
    assert current(project).policy == bad
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    assert claim.stage_id == order_stage(bad).pk
    Supervisor(name="main", threads=1)._begin(claim)
    assert order_stage(bad).failure_kind == "diverged"
    assert "not finite" in was_taken_back(bad).retired_reason
    assert current(project).policy == base
    nobody_is_lent(bad, project, alice, bob)
