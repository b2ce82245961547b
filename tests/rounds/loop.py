"""The trainer's part of the loop without training: well-formed directories, written as the trainer writes them."""

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from accounts.models import Project, User
from annotations.models import Demonstration, Policy, SamplingOrder
from annotations.services.demonstrations import submit_demonstration
from rounds.machine import StageKind, StageState, State
from rounds.models import Round, Stage
from rounds.services import deployments, freezing, rounds, sampling, taking_in
from tests import make
from trainer import manifest

Facts = dict[str, Any]
KINDS = {
    "sft": "policy",
    "ppo": "policy",
    "rloo": "policy",
    "dpo": "policy",
    "reward": "reward_model",
    "evaluate": "evaluation",
    "sample": "sampling",
}
GOOD_REWARD: Facts = {
    "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n_slates": 60, "n_pairs": 300},
    "loss": 0.4,
    "offset": 0.1,
    "enough": True,
}
HABITS: Facts = {"reward_mean": 0.0, "reward_se": 0.1, "tokens_mean": 20.0, "finished_share": 0.9}
HABITS |= {"repetition": 0.1, "empty_share": 0.0, "special_share": 0.0}
GOOD_EVALUATION: Facts = {
    "policies": {"before": HABITS, "sft": HABITS, "after": HABITS | {"reward_mean": 1.0}},
    "kl": {"mean": 5.0, "se": 0.5},
    "win_rate": {"after_over_before": {"value": 0.7, "low": 0.6, "high": 0.8, "n": 100}},
}


def write_policy(directory: Path, **facts: object) -> Path:
    """A directory that says it is a policy; its weights are a few bytes of its own."""
    with manifest.writing(directory, kind="policy", **{"stage": "tiny", "metrics": {}, **facts}) as folder:
        (folder / "model").mkdir()
        (folder / "model/model.safetensors").write_bytes(uuid.uuid4().bytes)
    return directory


def install(project: Project, name: str, **values: Any) -> Policy:
    path = write_policy(settings.STORE / "policies" / name)
    return deployments.install_policy(project=project, path=path, name=name, preset="tiny", **values)


def start(project: Project, by: User | None = None, **choices: object) -> Round:
    return rounds.open_round(by=by, project=project, choices={"preset": "tiny", **choices})


def freeze(round: Round) -> Round:
    freezing.freeze(round_id=round.pk, owner="worker")
    return again(round)


def deploy(round: Round) -> Round:
    deployments.deploy(round_id=round.pk, owner="worker")
    return again(round)


def again(round: Round) -> Round:
    return Round.objects.select_related("sft_policy", "candidate", "snapshot").get(pk=round.pk)


def live_stage(round: Round) -> Stage:
    """The stage that waits for a supervisor."""
    return Stage.objects.get(round=round, state=StageState.WAITING)


def write_artifact(stage: Stage, report: Facts | None = None, /, **facts: object) -> Path:
    """What the trainer would have written for this stage."""
    written = {"stage": stage.kind, "seed": stage.seed, "metrics": {}, "inputs": digests(stage)}
    written |= {"config": stage.settings, **facts}
    directory = settings.STORE / "artifacts" / str(stage.public_id)
    with manifest.writing(directory, kind=KINDS[stage.kind], **written) as folder:
        (folder / "report.json").write_text(json.dumps(report or {}))
        (folder / "weights").write_bytes(uuid.uuid4().bytes)
    return directory


def digests(stage: Stage) -> dict[str, str]:
    return {role: given["digest"] for role, given in stage.inputs.items()}


def finish(stage: Stage, report: Facts | None = None, /, **facts: object) -> Stage:
    """Let the trainer write the artifact, and the supervisor say that it stands."""
    good = {"reward": GOOD_REWARD, "evaluate": GOOD_EVALUATION}.get(stage.kind)
    write_artifact(stage, report or good, **facts)
    Stage.objects.filter(pk=stage.pk).update(state=StageState.FINISHED, started_at=Now(), ended_at=Now())
    return Stage.objects.get(pk=stage.pk)


def fail(stage: Stage, kind: str = "diverged") -> None:
    """Let the supervisor say that the trainer failed."""
    Stage.objects.filter(pk=stage.pk).update(state=StageState.FAILED, failure="It failed.", failure_kind=kind)
    Round.objects.filter(pk=stage.round_id).update(failure="It failed.", failure_kind=kind)


def work(round: Round, report: Facts | None = None) -> Round:
    """Finish the stage that waits and take it in."""
    taking_in.take_in_stage(finish(live_stage(round), report).pk)
    return again(round)


def work_until(round: Round, state: State) -> Round:
    """Freeze, and finish one stage after the other until the round stands in `state`."""
    round = freeze(round) if again(round).state == State.EXPORTING else again(round)
    while round.state != state:
        round = work(round)
    return round


def whole_turn(project: Project, **choices: object) -> Round:
    """A round from its start to its deployment; the new policy's completions are not written yet."""
    round = work_until(start(project, None, **choices), State.REVIEW)
    rounds.approve(by=None, round_id=round.pk)
    return deploy(round)


def sample_stage(project: Project) -> Stage:
    return Stage.objects.get(project=project, kind=StageKind.SAMPLE, state=StageState.WAITING)


def write_shard(stage: Stage, number: int, rows: list[Facts] | None = None) -> Path:
    """One complete shard; without `rows` it answers every prompt of the order."""
    order = SamplingOrder.objects.get(stage=stage)
    place = settings.STORE / "artifacts" / f"{stage.public_id}.shards" / f"{number:04d}"
    facts = {"stage": "sample", "seed": stage.seed, "metrics": {}, "inputs": digests(stage), "config": stage.settings}
    with manifest.writing(place, kind="completions", **facts) as folder:
        lines = [json.dumps(row) + "\n" for row in rows or make.shard_rows(order)]
        (folder / "completions.jsonl").write_text("".join(lines))
    return place


def finish_sampling(stage: Stage) -> Stage:
    """Seal the order: the artifact names its shards."""
    places = sorted((settings.STORE / "artifacts" / f"{stage.public_id}.shards").iterdir())
    directory = settings.STORE / "artifacts" / str(stage.public_id)
    facts = {"stage": "sample", "seed": stage.seed, "metrics": {}, "inputs": digests(stage), "config": stage.settings}
    with manifest.writing(directory, kind="sampling", **facts) as folder:
        (folder / "shards.json").write_text(json.dumps([manifest.digest(place) for place in places]))
    Stage.objects.filter(pk=stage.pk).update(state=StageState.FINISHED, ended_at=Now())
    return Stage.objects.get(pk=stage.pk)


def finish_orders(project: Project) -> None:
    """Let every standing order be delivered."""
    for stage in Stage.objects.filter(project=project, kind=StageKind.SAMPLE, state=StageState.WAITING):
        write_shard(stage, 0)
        taking_in.take_in_stage(finish_sampling(stage).pk)


def demonstrate(by: User, project: Project) -> Demonstration:
    make.make_prompt(project, demonstrations=1)
    assignment = make.lent(by, project, "demonstrate")
    said = [{"role": "assistant", "content": "On the beach where they hatched."}]
    return submit_demonstration(by=by, assignment_id=assignment.public_id, messages=said, key=uuid.uuid4())


def at_once(act: Callable[[], object], *, times: int = 4) -> list[object]:
    """Do the same in several threads that start together; return what each returned or raised."""
    gate = threading.Barrier(times)

    def one(_: int) -> object:
        gate.wait()
        try:
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def sampling_order_that_failed(project: Project) -> SamplingOrder:
    """An order of the deployed policy that the trainer gave up."""
    prompts = [make.make_prompt(project)]
    policy = Policy.objects.filter(project=project).latest("pk")
    order = sampling.order_completions(
        project=project, policy=policy, prompts=prompts, per_prompt=3, preset="tiny", seed=5
    )
    fail(Stage.objects.get(sampling_order=order))
    return order
