"""`manage.py move_database`: everything from an SQLite file into the empty database that DATABASE_URL names."""

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, connections, models, transaction

from accounts.models import User

SOURCE = "source"
BATCH = 1000


class Command(BaseCommand):
    help = "Copy an SQLite database into the one of DATABASE_URL, in one transaction. Stop every process first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="source", required=True, type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["source"]
        if not source.is_file():
            raise CommandError(f"There is no file {source}.")
        _open(source)
        if not _same_migrations():
            raise CommandError(f"Bring {source} to this version first: DATABASE_URL=sqlite:///{source} … migrate")
        if User.objects.exists():
            raise CommandError("The database of DATABASE_URL is not empty: nothing was changed.")
        with transaction.atomic():
            # All before any is copied: migrations have made content types, and who goes takes permissions along.
            for model in _models():
                model._base_manager.all().delete()
            copied = sum(_copy(model) for model in _models())
            _set_sequences()
        self.stdout.write(f"{copied} rows were copied. Start with this DATABASE_URL from now on.")


def _open(source: Path) -> None:
    """A second connection that only reads."""
    settings = connections.settings["default"]
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"file:{source.resolve()}?mode=ro"}
    connections.settings[SOURCE] = {**settings, **file, "OPTIONS": {"uri": True}, "CONN_HEALTH_CHECKS": False}


def _same_migrations() -> bool:
    """Bring the goal to this version, and look whether the source is there already."""
    call_command("migrate", verbosity=0)
    applied = "SELECT app, name FROM django_migrations"
    found = []
    for database in (connection, connections[SOURCE]):
        with database.cursor() as cursor:
            cursor.execute(applied)
            found.append(set(cursor.fetchall()))
    return found[0] == found[1]


def _models() -> Iterable[type[models.Model]]:
    """Every table of ours and of what we use, those between two tables among them."""
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]


def _copy(model: type[models.Model]) -> int:
    """Copy one table with its keys. The goal checks references at the commit, so the order of tables is free."""
    rows = model._base_manager.using(SOURCE).order_by("pk").iterator(chunk_size=BATCH)
    copied = 0
    while batch := _fresh(islice(rows, BATCH)):
        model._base_manager.bulk_create(batch)
        copied += len(batch)
    return copied


def _fresh(rows: Iterator[models.Model]) -> list[models.Model]:
    """Rows as if they were made here: where they came from would send them back there."""
    batch = list(rows)
    for row in batch:
        row._state.db, row._state.adding = None, True
    return batch


def _set_sequences() -> None:
    """Let the next row of each table get a key that none has."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(_models())):
            cursor.execute(statement)
