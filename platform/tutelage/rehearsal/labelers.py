"""Simulated labelers: each signs in over HTTP, demonstrates and ranks through the pages, by the gold preference."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from trainer.gold import Labeler
from tutelage.rehearsal import desk
from tutelage.rehearsal.person import Person, Seen
from tutelage.rehearsal.plan import CannotRehearse

IDLE_SECONDS = 0.5
# Longer than any sampling order of a rehearsal takes to bring its first shard.
STARVED_SECONDS = 1200.0
TELL_SECONDS = 0.5

Write = Callable[[str], str]


@dataclass
class Tally:
    """Pieces of work that are still wanted, shared by all labelers: one reserves a piece, then finishes it."""

    wanted: int
    done: int = 0
    _reserved: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self) -> bool:
        with self._lock:
            if self._reserved >= self.wanted:
                return False
            self._reserved += 1
            return True

    def finish(self) -> None:
        with self._lock:
            self.done += 1

    def give_up(self) -> None:
        """Let nobody reserve another piece."""
        with self._lock:
            self._reserved = self.wanted


@dataclass
class SimulatedLabeler:
    """A person at the desk, and the preference that guides them."""

    person: Person
    taste: Labeler
    project: str

    def rank_one(self) -> None:
        """Rank whatever slate is lent next."""
        seen = self._lent("rank")
        slate = desk.slate_on(seen.page)
        tiers = self.taste.prefer(slate.question, list(slate.texts.values()))
        order = desk.typed_order(dict(zip(slate.texts, tiers, strict=True)))
        self._accepted(self.person.send(slate.form, order=order))

    def demonstrate_one(self, write: Write) -> None:
        """Answer whatever prompt is lent next."""
        seen = self._lent("demonstrate")
        blank = desk.blank_on(seen.page)
        self._accepted(self.person.send(blank.form, content=write(blank.question)))

    def _lent(self, kind: str) -> Seen:
        """Ask for work until there is some. Raises CannotRehearse after a long time without any."""
        limit = time.monotonic() + STARVED_SECONDS
        while time.monotonic() < limit:
            seen = self.person.get(f"/p/{self.project}/{kind}/")
            if desk.is_work(seen.path, kind):
                return seen
            time.sleep(IDLE_SECONDS)
        raise CannotRehearse(f"{self.person.name} was lent nothing to {kind} for {STARVED_SECONDS:.0f} s.")

    def _accepted(self, answer: Seen) -> None:
        if not answer.leads_on:
            raise CannotRehearse(f"{answer.path} was refused with {answer.status}: {answer.page.complaint()}")


Piece = Callable[[SimulatedLabeler], None]


def work_all(labelers: Sequence[SimulatedLabeler], tally: Tally, piece: Piece, tell: Callable[[], None]) -> None:
    """Let every labeler do pieces, side by side, until the tally is full. Raises what a labeler raised."""

    def work(labeler: SimulatedLabeler) -> None:
        while tally.reserve():
            piece(labeler)
            tally.finish()

    with ThreadPoolExecutor(max_workers=len(labelers)) as threads:
        working = {threads.submit(work, labeler) for labeler in labelers}
        try:
            while working:
                ended, working = wait(working, timeout=TELL_SECONDS)
                tell()
                for future in ended:
                    future.result()
        except BaseException:
            # The others would wait for work that may never come; without their browsers they stop at once.
            tally.give_up()
            for labeler in labelers:
                labeler.person.close()
            raise
