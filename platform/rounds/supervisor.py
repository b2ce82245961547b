"""Runs trainer stages, one at a time: claims a stage, keeps its lease while the child lives, says how it ended."""

import os
import signal
import time
from types import FrameType

import structlog
from django.conf import settings
from django.db import OperationalError, close_old_connections
from kombu.exceptions import OperationalError as BrokerDown

from rounds import device, tasks
from rounds.child import Child
from rounds.load import Load
from rounds.machine import StageKind
from rounds.models import Stage
from rounds.services import condemning, stages
from rounds.services.stages import Claim, LeaseLost

log = structlog.get_logger()

# At least three times the database's busy timeout, so that a slow disk does not cost the lease.
LEASE_SECONDS = 90
POLL_SECONDS = 1.0
# A child that moves no heartbeat for so long hangs; loading a large model counts as moving.
SILENCE_SECONDS = 120
PATIENCE_SECONDS = 30
# An update of a large model takes minutes, and only at its end is there a checkpoint that holds it.
UPDATE_SECONDS = 900


def threads_for_training() -> int:
    """All processors but one, which stays free for people."""
    return max(1, (os.cpu_count() or 2) - 1)


class Supervisor:
    """One per device set. `name` is stable over restarts: by it a new process finds the old one's child."""

    def __init__(self, *, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.load = Load(settings.STORE)
        self.stopping = False

    def run(self) -> None:
        """Work until asked to stop. A running child is left at work, for the next supervisor of this name to adopt."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for stray in stages.strays():
            self._end_stray(stray)
        for held in stages.held_claims(owner=self.name):
            self._go_on(held)
        while not self.stopping:
            close_old_connections()
            self._say_alive()
            claim = stages.claim_stage(owner=self.name, seconds=LEASE_SECONDS)
            if claim is None:
                time.sleep(POLL_SECONDS)
            else:
                self._begin(claim)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _say_alive(self, **facts: str) -> None:
        told = {"threads": self.threads, **device.facts(), **self.load.facts(), **facts}
        stages.say_alive(name=f"supervisor:{self.name}", facts=told)

    def _begin(self, claim: Claim) -> None:
        child = Child.spawn(_stage(claim), threads=self.threads)
        log.info("stage begins", stage=claim.stage_id, kind=child.stage.kind, pid=child.pid)
        try:
            stages.remember_child(claim=claim, child=child.facts())
            self._watch(claim, child)
        except LeaseLost:
            self._abandon(child)

    def _go_on(self, claim: Claim) -> None:
        """After a restart: adopt the child that still lives, judge the one that has ended meanwhile."""
        stage = _stage(claim)
        child = Child.adopt(stage) or Child(stage=stage, pid=0)
        log.info("stage adopted", stage=claim.stage_id, alive=child.pid != 0)
        try:
            if child.pid:
                self._watch(claim, child)
            elif child.verdict()[0] == "crashed":
                stages.release(claim=claim)
            else:
                self._conclude(claim, child)
        except LeaseLost:
            self._abandon(child)

    def _watch(self, claim: Claim, child: Child) -> None:
        """Extend the lease while the child shows signs of life. Raises LeaseLost."""
        self.load.follow(child.pid)
        spawned = seen = time.time()
        asked = False
        while child.running():
            if self.stopping:
                return
            time.sleep(POLL_SECONDS)
            seen = max(seen, child.last_sign(), spawned)
            if time.time() - seen > SILENCE_SECONDS:
                child.stop(signal.SIGKILL)
                break
            self._extend(claim)
            if not asked and child.stage.kind != StageKind.SAMPLE and stages.sampling_waits():
                asked = True
                child.stop()
        self._conclude(claim, child)

    def _extend(self, claim: Claim) -> None:
        """A busy or absent database is waited for: the lease is three times as long as its patience."""
        try:
            close_old_connections()
            stages.extend_lease(claim=claim, seconds=LEASE_SECONDS)
            self._say_alive(stage=str(claim.stage_id))
        except OperationalError as error:
            log.warning("database does not answer", stage=claim.stage_id, error=str(error))

    def _conclude(self, claim: Claim, child: Child) -> None:
        kind, message = child.verdict()
        log.info("stage ends", stage=claim.stage_id, kind=child.stage.kind, verdict=kind)
        if kind == "finished":
            stages.finished(claim=claim)
            _ring(claim.stage_id)
        elif kind == "stopped":
            stages.release(claim=claim)
        elif kind == "crashed":
            stages.crashed(claim=claim, message=message)
            condemning.see_to(stage_id=claim.stage_id)
        else:
            stages.failed(claim=claim, kind=kind, message=message)
            condemning.see_to(stage_id=claim.stage_id)

    def _abandon(self, child: Child) -> None:
        log.info("lease lost", stage=child.stage.pk, pid=child.pid)
        if not child.pid:
            return
        child.stop()
        # Paused, its work is wanted: it ends at its next checkpoint. Cancelled, nobody waits for it.
        limit = time.time() + UPDATE_SECONDS
        while child.running() and time.time() < limit and self._is_wanted(child):
            if self.stopping:
                return
            time.sleep(POLL_SECONDS)
        child.end(patience=PATIENCE_SECONDS)

    def _is_wanted(self, child: Child) -> bool:
        try:
            close_old_connections()
            self._say_alive(stage=str(child.stage.pk))
            return stages.is_wanted(child.stage.pk)
        except OperationalError as error:
            log.warning("database does not answer", stage=child.stage.pk, error=str(error))
            return True

    def _end_stray(self, stage: Stage) -> None:
        """Stop what still works for a stage that was paused while no supervisor looked."""
        child = Child.adopt(stage)
        if child is not None:
            self._abandon(child)


def _stage(claim: Claim) -> Stage:
    return Stage.objects.select_related("sampling_order", "project").get(pk=claim.stage_id)


def _ring(stage_id: int) -> None:
    """Tell a worker that there is something to take in; where the broker is away, the tick finds it."""
    try:
        tasks.take_in.delay(stage_id)
    except BrokerDown as error:
        log.warning("broker does not answer", stage=stage_id, error=str(error))
