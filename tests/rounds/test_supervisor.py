"""The supervisor tells the ends of a trainer apart, extends its lease while it lives, and adopts it after a restart."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection

from accounts.models import Project
from rounds import child as children
from rounds.child import Child, out_of, started
from rounds.machine import StageState, State
from rounds.models import Beat, Round, Stage
from rounds.services import stages
from rounds.supervisor import Supervisor
from tests import make
from tests.rounds.test_stages import make_stage

# The supervisor drops stale connections, which would end the transaction that other tests are wrapped in.
pytestmark = pytest.mark.django_db(transaction=True)

# What a trainer does to its directory, without the training.
TRAINER = """
import json, pathlib, signal, sys, time
from trainer import manifest
out, wish = pathlib.Path(sys.argv[1]), sys.argv[2]
if wish == "finish":
    with manifest.writing(out, kind="sampling"): pass
elif wish == "wait":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with manifest.lock(out) as twin:
        for _ in range(600):
            (twin / "heartbeat").write_text(json.dumps({"pid": 0}))
            time.sleep(0.05)
elif wish == "refuse":
    with manifest.lock(out) as twin:
        told = {"kind": "refused", "message": "rankings.jsonl, line 3: no tiers", "step": 0}
        (twin / "failure.json").write_text(json.dumps(told))
    sys.exit(2)
else:
    print("Killed by a test")
    sys.exit(int(wish))
"""


@pytest.fixture
def trainer(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    settings.STORE = tmp_path
    script = tmp_path / "trainer_like.py"
    script.write_text(TRAINER)
    monkeypatch.setattr(
        children, "command", lambda stage, threads: [sys.executable, str(script), str(out_of(stage)), stage.preset]
    )
    return monkeypatch


def make_training(project: Project) -> Stage:
    """The stage of a round: its failure is a person's to see to, where that of sampling may condemn a policy."""
    policy = make.make_policy(project)
    round = Round.objects.create(
        project=project, number=1, state=State.SFT, init_policy=policy, reference_policy=policy
    )
    return Stage.objects.create(project=project, round=round, kind="sft", preset="tiny", seed=1)


def run(stage: Stage, wish: str, *, times: int = 1) -> Stage:
    """Let a supervisor run the stage with a trainer that does `wish`."""
    Stage.objects.filter(pk=stage.pk).update(preset=wish)
    supervisor = Supervisor(name="main", threads=1)
    for _ in range(times):
        claim = stages.claim_stage(owner="main", seconds=90)
        assert claim is not None
        supervisor._begin(claim)
    stage.refresh_from_db()
    return stage


def test_an_artifact_that_stands_finishes_the_stage(project: Project, trainer: pytest.MonkeyPatch) -> None:
    assert run(make_stage(project), "finish").state == StageState.FINISHED


def test_a_refusal_is_not_tried_again_and_says_why(project: Project, trainer: pytest.MonkeyPatch) -> None:
    stage = run(make_training(project), "refuse")
    assert (stage.state, stage.failure_kind) == (StageState.FAILED, "refused")
    assert stage.failure == "rankings.jsonl, line 3: no tiers"


@pytest.mark.parametrize(("code", "kind"), [("3", "diverged"), ("4", "no_space"), ("5", "out_of_memory")])
def test_an_exit_code_names_the_failure(project: Project, trainer: pytest.MonkeyPatch, code: str, kind: str) -> None:
    stage = run(make_training(project), code)
    assert (stage.state, stage.failure_kind) == (StageState.FAILED, kind)


@pytest.mark.parametrize("code", ["143", "75"])
def test_a_stage_that_was_asked_to_stop_is_given_back(project: Project, trainer: pytest.MonkeyPatch, code: str) -> None:
    stage = run(make_stage(project), code)
    assert (stage.state, stage.lease_owner, stage.attempts) == (StageState.WAITING, "", 0)


def test_a_crash_is_tried_again_and_the_third_one_stops(project: Project, trainer: pytest.MonkeyPatch) -> None:
    stage = make_stage(project)
    assert run(stage, "1").state == StageState.WAITING
    assert run(stage, "1", times=2).state == StageState.FAILED
    assert "Killed by a test" in stage.failure


def test_the_child_sees_no_secret_and_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x" * 60)
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere")
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "TUTELAGE_DATA"} & children.environment().keys()


def test_a_restarted_supervisor_adopts_the_child_that_lives(project: Project, trainer: pytest.MonkeyPatch) -> None:
    stage = make_stage(project)
    Stage.objects.filter(pk=stage.pk).update(preset="wait")
    first = Supervisor(name="main", threads=1)
    claim = stages.claim_stage(owner="main", seconds=90)
    assert claim is not None
    first.stopping = True
    first._begin(claim)
    stage.refresh_from_db()
    pid = stage.child["pid"]
    assert started(pid) is not None, "the child must outlive its supervisor"

    adopted = Child.adopt(stage)
    assert adopted is not None
    assert adopted.pid == pid
    second = Supervisor(name="main", threads=1)
    watching = threading.Thread(target=_watch, args=(second, claim))
    watching.start()
    adopted.stop()
    watching.join(timeout=30)
    assert not watching.is_alive()
    stage.refresh_from_db()
    assert stage.lease_owner == "", "its end is judged by the new supervisor"


def _watch(supervisor: Supervisor, claim: stages.Claim) -> None:
    try:
        supervisor._go_on(claim)
    finally:
        connection.close()


def test_another_process_with_the_old_pid_is_not_adopted(project: Project) -> None:
    stage = make_stage(project, child={"pid": 1, "started": "another time"})
    assert Child.adopt(stage) is None


def test_the_supervisor_says_that_it_lives(project: Project) -> None:
    Supervisor(name="main", threads=2)._say_alive()
    assert Beat.objects.get(name="supervisor:main").facts["threads"] == 2


def test_a_second_supervisor_of_one_name_is_refused(db: None) -> None:
    held = subprocess.run(
        [
            sys.executable,
            "-c",
            "import fcntl, subprocess, sys; from django.conf import settings;"
            "settings.DATA.mkdir(parents=True, exist_ok=True);"
            "lock = open(settings.DATA / 'supervisor-twice.lock', 'a'); fcntl.flock(lock, fcntl.LOCK_EX);"
            "sys.exit(subprocess.run([sys.executable, 'manage.py', 'supervise', '--name', 'twice']).returncode)",
        ],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tutelage.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert held.returncode == 1
    assert "A supervisor named twice runs already." in held.stderr
