"""What a file is read into: numbered rows, or why something is none; and how much of anything is read at most."""

from typing import Any

# Of a line, a table's record, an array's entry: what is longer is passed over without being kept.
LONGEST_LINE = 1_000_000
# Nobody reads on where a line does not end within this.
ENDLESS = 64 * 2**20
DEEPEST = 60
MOST_COLUMNS = 200
# Of a sentence with words of the file in it.
LONGEST_REASON = 300

Row = dict[str, Any]


class BadRow(ValueError):
    """The row cannot be an item; the text says why, in the reader's language."""


class BadFile(ValueError):
    """Nothing of the file can be read; the text says why."""


# A line's number, and its row or why it is none.
Numbered = tuple[int, Row | BadRow]
