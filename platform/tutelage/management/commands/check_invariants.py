"""`manage.py check_invariants`: what must hold after any fault, checked now."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tutelage import invariants


class Command(BaseCommand):
    help = "Check the invariants I1 to I12; exit 1 and name the rows that break one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print name → true or false as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = invariants.offences()
        if options["json"]:
            self.stdout.write(json.dumps({name: not rows for name, rows in found.items()}))
        else:
            self._print(found)
        broken = [name for name, rows in found.items() if rows]
        if broken:
            raise CommandError(f"broken: {', '.join(broken)}")

    def _print(self, found: dict[str, list[invariants.Row]]) -> None:
        for name, rows in found.items():
            self.stdout.write(f"{name}: {'holds' if not rows else 'BROKEN'}")
            for row in rows:
                self.stdout.write(f"  {row}")
