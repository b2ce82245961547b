"""A stage that was paused in the middle ends with the bytes of one that nobody disturbed."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import Project, User
from rounds.child import command
from rounds.machine import StageState
from rounds.models import Stage
from rounds.services import pausing, stages
from rounds.supervisor import Supervisor
from tests.rounds import loop

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# Enough updates to be caught in the middle, and a checkpoint only where it stops.
SETTINGS = {"epochs": 150, "batch": 1, "checkpoint_every": 1000}


@pytest.fixture
def stage(ranked: Project, alice: User, store: Path) -> Stage:
    """An order to imitate a real demonstration, to a real policy of two thin layers."""
    tiny = store / "policies" / "tiny"
    subprocess.run([sys.executable, "-m", "trainer", "tiny", "--seed", "1", "--out", str(tiny)], check=True)
    loop.demonstrate(alice, ranked)
    round = loop.freeze(loop.start(ranked))
    found = loop.live_stage(round)
    assert found.kind == "sft"
    init = {"path": "policies/tiny", "digest": loop.manifest.digest(tiny)}
    Stage.objects.filter(pk=found.pk).update(inputs=found.inputs | {"init": init}, settings=SETTINGS)
    return Stage.objects.get(pk=found.pk)


def run() -> threading.Thread:
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    thread = threading.Thread(target=_run, args=(claim,))
    thread.start()
    return thread


def _run(claim: stages.Claim) -> None:
    try:
        Supervisor(name="main", threads=1)._begin(claim)
    finally:
        connection.close()


def measured(folder: Path) -> list[str]:
    try:
        return (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []


def test_what_was_learned_before_a_pause_is_not_learned_again_and_the_weights_are_the_same(
    stage: Stage, store: Path, tmp_path: Path
) -> None:
    out = store / "artifacts" / str(stage.public_id)
    partial = out.with_name(f"{out.name}.partial")
    first = run()
    while len(measured(partial)) < 3:
        assert first.is_alive(), stage.failure
        first.join(0.01)
    pausing.pause(by=None, round_id=stage.round_id)
    first.join(timeout=120)
    assert not first.is_alive()
    assert not out.exists(), "it was paused in the middle"
    assert stages.claim_stage(owner="main", seconds=90) is None
    before = measured(partial)
    reached = json.loads((partial / "checkpoint" / "facts.json").read_text())["step"]
    assert reached == len(before) >= 3

    pausing.resume(by=None, round_id=stage.round_id)
    run().join(timeout=300)
    stage.refresh_from_db()
    assert stage.state == StageState.FINISHED
    # The lines hold the seconds at which they were measured: these updates were made once.
    assert measured(out)[: len(before)] == before
    assert loop.manifest.read(out, kind="policy")["exact"] is True

    words = command(stage, threads=1)
    undisturbed = tmp_path / "undisturbed"
    subprocess.run([*words[: words.index("--out")], "--out", str(undisturbed)], check=True)
    assert weights(out) == weights(undisturbed)


def weights(artifact: Path) -> bytes:
    return (artifact / "model" / "model.safetensors").read_bytes()
