"""`manage.py reset`: delete this instance's data folder, after asking."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tutelage import running
from tutelage.instance import end_trainers

WORD = "delete"
OURS = (
    "tutelage.sqlite3*",
    "store",
    "static",
    "logs",
    "secret_key",
    "valkey.sock*",
    "appendonlydir",
    "beat-schedule*",
    "supervisor-*.lock",
    "running.*",
    "up.lock",
)


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
            end_trainers(data)
            left = _delete_ours(data)
        kept = f" What else lies there was left: {left}." if left else ""
        self.stdout.write(f"Deleted. `make up` begins anew.{kept}")


def _delete_ours(data: Path) -> str:
    """Delete what an instance makes, and the folder if nothing else lies in it; return the names of what does."""
    for path in [path for pattern in OURS for path in data.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    strangers = sorted(path.name for path in data.iterdir())
    if not strangers:
        data.rmdir()
    return ", ".join(strangers)


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
