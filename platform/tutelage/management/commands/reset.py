"""`manage.py reset`: delete this instance's data folder, after asking."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tutelage import running

WORD = "delete"


class Command(BaseCommand):
    help = "Delete the database, the store, the secrets and the logs of this instance, after asking."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        data: Path = settings.DATA
        _refuse_what_is_not_ours(data)
        with _held(data):
            self.stdout.write(f"This deletes {data}: all labels, trained policies and accounts. There is no way back.")
            if _answer() != WORD:
                raise CommandError("Nothing was deleted.")
            shutil.rmtree(data)
        self.stdout.write("Deleted. `make up` begins anew.")


def _refuse_what_is_not_ours(data: Path) -> None:
    if not (data / "tutelage.sqlite3").is_file():
        raise CommandError(f"{data} holds no database of Tutelage; nothing was deleted.")
    if data not in settings.STORE.parents:
        raise CommandError(f"The store lies elsewhere, in {settings.STORE}: delete both by hand.")


def _answer() -> str:
    try:
        return input(f"Type {WORD} to go on: ").strip()
    except EOFError:
        return ""


def _held(data: Path) -> Any:
    try:
        return running.hold(data)
    except running.AlreadyRunning as error:
        raise CommandError(f"{error} Nothing was deleted.") from error
