"""`manage.py up`: everything on this machine, in one terminal, until Ctrl-C."""

import shutil
import signal
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

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
        instance = Instance(settings.DATA, port=options["port"], threads=options["threads"])
        signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            self._start(instance)
            self._wait(instance)
        except (CannotStart, NoBroker) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopping. A training stage saves its checkpoint first.")
        finally:
            # A second Ctrl-C must not leave half of the processes behind.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            instance.stop()

    def _start(self, instance: Instance) -> None:
        _refuse_bad_ground(instance)
        self.stdout.write("Preparing the database …")
        instance.prepare()
        self.stdout.write("Preparing the demo project and its base policy (once, about a minute) …")
        invitation = instance.manage("demo").strip()
        self.stdout.write("Starting Valkey, web, worker, beat and supervisor …")
        instance.start()
        self.stdout.write(f"\nTutelage answers at {instance.url}")
        if invitation:
            self.stdout.write(f"Become its first operator, once, within 7 days:\n  {instance.url}/join/{invitation}/")
        self.stdout.write("Ctrl-C stops everything; `make up` goes on where it was.\n")

    def _wait(self, instance: Instance) -> None:
        """Start again what dies: a killed worker must cost seconds, not a person's attention."""
        while True:
            time.sleep(1)
            for name, process in list(instance.processes.items()):
                if process.poll() is not None:
                    self.stderr.write(f"{name} ended with code {process.returncode}; starting it again.")
                    instance.restart(name)


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _refuse_bad_ground(instance: Instance) -> None:
    if not port_is_free(instance.port):
        raise CannotStart(f"Port {instance.port} is in use. Stop what uses it, or choose another with --port.")
    settings.DATA.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(settings.DATA).free < NEEDED_BYTES:
        raise CannotStart(f"Less than {NEEDED_BYTES // 1024**3} GiB are free where {settings.DATA} lies.")
