"""Says all along what a rehearsal is at: one line that changes on a terminal, plain lines anywhere else."""

import time
from dataclasses import dataclass, field
from typing import TextIO

PLAIN_EVERY_SECONDS = 10.0


@dataclass
class Progress:
    """Where a rehearsal's words go. `part` is a longer piece of work, `step` of `of` is how far it is."""

    out: TextIO
    started: float = field(default_factory=time.monotonic)
    _part: str = ""
    _said: float = 0.0

    def show(self, part: str, step: int = 0, of: int = 0) -> None:
        words = f"[{self._clock()}] {part}" + (f" {step}/{of}" if of else "")
        if self.out.isatty():
            self.out.write(f"\r\033[K{words}")
        elif part != self._part or time.monotonic() - self._said >= PLAIN_EVERY_SECONDS:
            self.out.write(f"{words}\n")
            self._said = time.monotonic()
        self._part = part
        self.out.flush()

    def say(self, sentence: str) -> None:
        """A line that stays."""
        start = "\r\033[K" if self.out.isatty() else ""
        self.out.write(f"{start}[{self._clock()}] {sentence}\n")
        self.out.flush()

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        return f"{minutes:02d}:{seconds:02d}"
