"""The order to the trainer that each machine state of a round stands for: one Stage row with all that goes in."""

from typing import Protocol

from django.db.models.functions import Now

from annotations.models import Policy
from rounds.algorithms import kind_in, settings_of
from rounds.machine import StageKind, StageState, State
from rounds.models import Facts, Round, Stage
from rounds.queries.deployed import compared_with


class Directory(Protocol):
    """Whatever row points at a directory of the store."""

    @property
    def path(self) -> str: ...

    @property
    def digest(self) -> str: ...


def given(row: Directory) -> Facts:
    """How a stage's inputs name a directory."""
    return {"path": row.path, "digest": row.digest}


def place_stage(round: Round) -> Stage:
    """Insert the stage that the round's present state calls for."""
    kind = kind_in(State(round.state), round.choices)
    assert kind is not None, f"no trainer works while a round is {round.state}"
    return Stage.objects.create(
        round=round,
        project_id=round.project_id,
        kind=kind,
        preset=round.choices["preset"],
        seed=round.choices["seed"],
        settings=settings_of(kind, round.choices) | _settings_of_rival(round, kind),
        inputs={role: given(row) for role, row in _inputs(round, kind).items()},
    )


def replace_stage(stage: Stage, *, preset: str) -> bool:
    """End a stage that stands still and order it anew, in a directory of its own. False if it moved meanwhile."""
    old = Stage.objects.filter(pk=stage.pk, state=stage.state)
    if old.update(state=StageState.CANCELLED, lease_owner="", lease_until=None, ended_at=Now()) != 1:
        return False
    Stage.objects.create(
        round=stage.round,
        project_id=stage.project_id,
        kind=stage.kind,
        preset=preset,
        seed=stage.seed,
        settings=stage.settings,
        inputs=stage.inputs,
    )
    return True


def live_stage(round: Round) -> Stage | None:
    """The stage of the round's present state, if that state has one."""
    kind = kind_in(State(round.state), round.choices)
    return round.stages.filter(kind=kind).exclude(state=StageState.CANCELLED).first() if kind else None


def begins_from(round: Round) -> Policy:
    """What is improved, or chosen among the answers of: what imitated the demonstrations, else the round's start."""
    policy: Policy = round.sft_policy or round.init_policy
    return policy


def _inputs(round: Round, kind: StageKind) -> dict[str, Directory]:
    assert round.snapshot is not None, "stages begin when the snapshot stands"
    reference: Policy = round.sft_policy or round.reference_policy
    dataset: dict[str, Directory] = {"dataset": round.snapshot}
    if kind == StageKind.SFT:
        return dataset | {"init": round.init_policy}
    if kind == StageKind.REWARD:
        return dataset | {"init": reference}
    if kind == StageKind.DPO:
        return dataset | {"init": begins_from(round), "reference": reference}
    judged = dataset | {"reference": reference, "reward": round.reward_model}
    if kind != StageKind.EVALUATE:
        return judged | {"init": begins_from(round)}
    assert round.candidate is not None, "there is a candidate before it is evaluated"
    return judged | {"before": compared_with(round).policy, "sft": reference, "after": round.candidate}


def _settings_of_rival(round: Round, kind: StageKind) -> Facts:
    """What writes now may choose among its answers too; then the candidate must beat that."""
    chosen_among = compared_with(round).best_of if kind == StageKind.EVALUATE else 1
    return {"before_best_of": chosen_among} if chosen_among > 1 else {}
