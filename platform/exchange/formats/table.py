"""Rankings for spreadsheets: one completion of one ranking a row, and no cell that a spreadsheet would compute."""

from collections.abc import Iterator

from annotations.ranked import Ranked
from annotations.records import Record
from exchange.formats.columns import NUMBER, TEXT, TRUTH, WHOLE, Columns

TABLE: Columns = {
    "ranking": TEXT,
    "slate": TEXT,
    "split": TEXT,
    "labeler": TEXT,
    "revision": WHOLE,
    "created_at": TEXT,
    "guideline": WHOLE,
    "prompt_id": TEXT,
    "prompt": TEXT,
    "completion_id": TEXT,
    "completion": TEXT,
    "policy": TEXT,
    "tier": WHOLE,
    "cut": WHOLE,
    "strength": NUMBER,
    "rating": NUMBER,
    "flags": TEXT,
    "note": TEXT,
    "surplus": TRUTH,
}
# What makes a spreadsheet compute a cell, its full-width twins among them (CWE-1236; OWASP, "CSV Injection").
_FORMULA = frozenset("=+-@\t\r\n|%＝＋－＠")


def cells(ranking: Ranked) -> Iterator[Record]:
    """Yield a row for each completion of a ranking, in the order of the slate."""
    turns = [f"{turn['role']}: {turn['content']}" for turn in ranking.messages[:-1]]
    said = {
        "ranking": ranking.id,
        "slate": ranking.slate,
        "split": ranking.split,
        "labeler": ranking.labeler,
        "revision": ranking.revision,
        "created_at": ranking.created_at,
        "guideline": ranking.guideline,
        "prompt_id": ranking.prompt,
        "prompt": "\n\n".join([*turns, ranking.messages[-1]["content"]]),
    }
    for placed in ranking.placements:
        yield said | {
            "completion_id": placed.completion,
            "completion": placed.text,
            "policy": placed.policy.name,
            "tier": placed.tier,
            "cut": ranking.cut,
            "strength": ranking.strength,
            "rating": placed.rating,
            "flags": " ".join(placed.flags),
            "note": placed.note,
            "surplus": ranking.surplus,
        }


def harmless(value: object) -> object:
    """The cell with an apostrophe before what a spreadsheet would compute; numbers stay numbers."""
    if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULA:
        return f"'{value}"
    return value
