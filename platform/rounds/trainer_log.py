"""The end of what a stage's trainer printed, made safe to show: whole lines, and nothing that steers a screen."""

import os
import re
import unicodedata

from rounds.child import out_of
from rounds.models import Stage

LINES = 50
LONGEST_LINE = 300
MOST_BYTES = 16_000
# Colours and movements of the cursor, as terminals understand them, and titles of their windows.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")


def end_of_log(stage: Stage) -> list[str]:
    """At most the last `LINES` lines; none before the trainer said anything."""
    try:
        with out_of(stage).with_suffix(".log").open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - MOST_BYTES)
            file.seek(start)
            told = file.read().split(b"\n")[1 if start else 0 :]
    except FileNotFoundError:
        return []
    lines = [shown(line.decode("utf-8", errors="replace")) for line in told]
    return [line for line in lines if line.strip()][-LINES:]


def shown(line: str) -> str:
    """One line as it would stand at last: a progress bar that was drawn over itself shows its last state."""
    over = ESCAPES.sub("", line).replace("\t", "    ").rstrip("\r").rpartition("\r")[2]
    # "C" are control and formatting characters, among them those that turn the direction of a text.
    plain = "".join(char for char in over if unicodedata.category(char)[0] != "C").rstrip()
    return plain if len(plain) <= LONGEST_LINE else plain[:LONGEST_LINE] + "…"
