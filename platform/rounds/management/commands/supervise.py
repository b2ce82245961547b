"""`manage.py supervise`: run trainer stages on this machine until stopped."""

import fcntl
import socket
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rounds.supervisor import Supervisor, threads_for_training


class Command(BaseCommand):
    help = "Run trainer stages on this machine, one at a time. One supervisor per device set."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=socket.gethostname(), help="stable over restarts (default: host name)")
        parser.add_argument("--threads", type=int, default=threads_for_training(), help="default: all cores but one")

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA.mkdir(parents=True, exist_ok=True)
        with (settings.DATA / f"supervisor-{options['name']}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(f"A supervisor named {options['name']} runs already.") from error
            Supervisor(name=options["name"], threads=options["threads"]).run()
