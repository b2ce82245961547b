"""Starts again what dies while a rehearsal runs, as whoever keeps an instance up would."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from tutelage.instance import CannotStart, Instance

EVERY_SECONDS = 0.3


@dataclass
class Keeper:
    """Watches the processes of an instance until it is told to stop; `pids.json` says which they are."""

    instance: Instance
    restarts: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def watch(self) -> None:
        self._write_pids()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            for name, process in list(self.instance.processes.items()):
                if process.poll() is not None:
                    self._restart(name)

    def _restart(self, name: str) -> None:
        self.restarts.append(name)
        # It is dead again then, and the next turn tries once more.
        with suppress(CannotStart):
            self.instance.restart(name)
        self._write_pids()

    def _write_pids(self) -> None:
        pids = {name: process.pid for name, process in self.instance.processes.items()}
        path = self.instance.data / "pids.json"
        fresh = path.with_suffix(".partial")
        fresh.write_text(json.dumps(pids), encoding="utf-8")
        fresh.rename(path)
