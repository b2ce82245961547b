"""`manage.py journal`: seal what waits to be sealed, and find out whether anything that was sealed has changed."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import seals
from accounts.models import JournalSeal
from accounts.seals import Fault, Verdict

WHAT = {
    seals.CHANGED: "an entry was changed",
    seals.REMOVED: "an entry was removed",
    seals.ADDED: "an entry was added",
    seals.UNCHAINED: "it does not follow the batch before it: a batch was changed or removed",
}


class Command(BaseCommand):
    help = "Seal the journal's entries in a chain of digests, or verify every batch. Exit 1 where one does not match."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["seal", "verify"])
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")
        parser.add_argument(
            "--holds",
            metavar="DIGEST",
            default="",
            help="verify: fail unless a batch still has this digest",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "seal":
            self._seal(as_json=options["json"])
        else:
            self._verify(as_json=options["json"], noted=options["holds"])

    def _seal(self, *, as_json: bool) -> None:
        made = []
        while (sealed := seals.seal(now=timezone.now())) is not None:
            made.append(sealed)
        facts = {"batches": len(made), "entries": sum(each.count for each in made)}
        if as_json:
            self.stdout.write(json.dumps(facts | {"digest": made[-1].digest if made else None}))
        elif made:
            self.stdout.write(f"{facts['entries']} entries sealed in {facts['batches']} batches: {made[-1].digest}")
        else:
            self.stdout.write("Nothing to seal: every entry is sealed or younger than ten minutes.")

    def _verify(self, *, as_json: bool, noted: str) -> None:
        found = seals.verify()
        lost = bool(noted) and not JournalSeal.objects.filter(digest=noted).exists()
        if as_json:
            self.stdout.write(json.dumps(asdict(found) | {"holds": not lost if noted else None}, default=str))
        else:
            self.stdout.write(_in_words(found))
        if found.fault is not None:
            raise CommandError(_fault_in_words(found.fault))
        if lost:
            raise CommandError(f"No batch has the digest {noted}: the chain was cut off or written anew.")


def _in_words(found: Verdict) -> str:
    matching = f"{found.entries} entries in {found.batches} batches match, up to {found.digest}"
    return f"{matching}; {found.unsealed} are not sealed yet."


def _fault_in_words(fault: Fault) -> str:
    which = "" if fault.entry is None else f" (entry {fault.entry})"
    inside = f"entries {fault.first} to {fault.last}, sealed {fault.at:%Y-%m-%d %H:%M} UTC"
    return f"Batch {fault.batch} ({inside}): {WHAT[fault.what]}{which}."
