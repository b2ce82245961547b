"""`manage.py up`: everything on this machine, in one terminal, until Ctrl-C."""

import shutil
import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotations.models import Slate
from tutelage import running
from tutelage.broker import NoBroker
from tutelage.instance import CannotStart, Instance, port_is_free

NEEDED_BYTES = 2 * 1024**3


class Command(BaseCommand):
    help = "Start Valkey, web, worker, beat and supervisor, with a demo project on the first start."
    # The database may not exist yet: nothing is checked before it is made.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--threads", type=int, help="threads for training (default: all cores but one)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.began = time.monotonic()
        threads = options["threads"]
        instance = Instance(settings.DATA, port=options["port"], threads=threads, started=running.write)
        # SIGINT too: a shell that starts this in the background has told it to ignore that.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _as_interrupt)
        try:
            with running.hold(instance.data):
                self._run(instance)
        except (CannotStart, NoBroker, running.AlreadyRunning) as error:
            raise CommandError(str(error)) from error

    def _run(self, instance: Instance) -> None:
        try:
            self._start(instance)
            self._wait(instance)
        except KeyboardInterrupt:
            self.stdout.write("Stopping. A training stage saves its checkpoint first.")
        finally:
            # A second Ctrl-C must not leave half of the processes behind.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            instance.stop()
            running.forget(instance.data)

    def _start(self, instance: Instance) -> None:
        refuse_used_port(instance.port)
        refuse_full_disk(instance.data, NEEDED_BYTES)
        # Who asks from another terminal learns from the first moment that this is starting.
        running.write(instance)
        self._say("preparing the database")
        instance.prepare()
        self._say("preparing the demo project and its base policy (the first time, about a minute)")
        invitation = instance.manage("demo").strip()
        self._say("starting Valkey, web, worker, beat and supervisor")
        instance.start()
        self.stdout.write(f"\nTutelage answers at {instance.url}")
        if invitation:
            self.stdout.write(f"Become its first operator, once, within 7 days:\n  {instance.url}/join/{invitation}/")
        self.stdout.write("Ctrl-C stops everything; `make up` goes on where it was.\n")
        self.stdout.flush()

    def _wait(self, instance: Instance) -> None:
        """Start again what dies: a killed worker must cost seconds, not a person's attention."""
        empty = not Slate.objects.exists()
        if empty:
            self._say("the base policy writes its first completions; the first slate follows")
        while True:
            time.sleep(1)
            for name, process in list(instance.processes.items()):
                if process.poll() is not None:
                    self.stderr.write(f"{name} ended with code {process.returncode}; starting it again.")
                    instance.restart(name)
            if empty and Slate.objects.exists():
                empty = False
                self._say("the first slate is ready to be ranked")

    def _say(self, doing: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        self.stdout.write(f"[{minutes:02d}:{seconds:02d}] {doing}")
        # Whoever reads along in a file or a pipe sees it too.
        self.stdout.flush()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def refuse_used_port(port: int) -> None:
    """Raises CannotStart."""
    if not port_is_free(port):
        raise CannotStart(f"Port {port} is in use. Stop what uses it, or choose another: make up PORT={port + 1}")


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raises CannotStart where fewer than `needed` bytes are free."""
    if shutil.disk_usage(folder).free < needed:
        raise CannotStart(
            f"Less than {needed / 1024**3:.0f} GiB are free where {folder} lies: make room and try again."
        )
