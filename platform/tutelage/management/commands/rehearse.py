"""`manage.py rehearse`: the whole loop without people, on an instance that is thrown away afterwards."""

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tutelage.broker import NoBroker
from tutelage.instance import CannotStart
from tutelage.rehearsal import place, report
from tutelage.rehearsal.pages import UnexpectedPage
from tutelage.rehearsal.plan import CannotRehearse, Plan
from tutelage.rehearsal.progress import Progress
from tutelage.rehearsal.run import Outcome, rehearse


class Command(BaseCommand):
    help = (
        "Let simulated labelers demonstrate and rank through the site while rounds train and deploy. "
        "Exit 0 if every round improved the gold preference and every invariant holds."
    )
    # The database may not exist yet: nothing is checked before it is made.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", choices=["tiny", "small"], required=True)
        parser.add_argument("--rounds", type=int, required=True, metavar="N")
        parser.add_argument("--labelers", type=int, required=True, metavar="M")
        parser.add_argument("--rankings", type=int, required=True, metavar="R", help="rankings in each round")
        parser.add_argument("--noise", type=float, required=True, metavar="P", help="noise of a labeler, in gold units")
        parser.add_argument("--seed", type=int, required=True, metavar="S")
        parser.add_argument("--prompts", type=Path, metavar="FILE", help="JSONL or text; default: prompts of its own")
        parser.add_argument("--control", choices=["shuffled"], help="permute every ranking: the gate must hold")
        parser.add_argument("--json", type=Path, required=True, metavar="FILE", dest="json_file")
        parser.add_argument("--html", type=Path, required=True, metavar="FILE", dest="html_file")
        parser.add_argument("--keep", metavar="DIR", help="run in this new folder and leave it afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = place.here()
        if folder is None:
            raise CommandError("A rehearsal runs in a process of its own: `manage.py rehearse …`.")
        names = ("model", "rounds", "labelers", "rankings", "noise", "seed", "prompts", "control")
        signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            outcome = rehearse(Plan(**{name: options[name] for name in names}), folder, Progress(sys.stderr))
        except (CannotRehearse, CannotStart, NoBroker, UnexpectedPage) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped; every process of the rehearsal has ended.") from stop
        self._write(outcome, options["json_file"], options["html_file"])
        if not outcome.passed:
            raise CommandError("The rehearsal did not come out as it must; the report says where.")

    def _write(self, outcome: Outcome, json_file: Path, html_file: Path) -> None:
        for path in (json_file, html_file):
            path.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(outcome.figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        html_file.write_text(report.page(outcome.figures, outcome.curves, outcome.passed), encoding="utf-8")
        self.stdout.write(f"{json_file}\n{html_file}")


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
