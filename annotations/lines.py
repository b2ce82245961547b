"""Files with one thing a line: read whole or not at all, and a mistake is named with its line."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.utils.translation import gettext as _

_LONGEST_LINE = 64_000

Row = TypeVar("Row")


class LinesError(ValueError):
    """A file cannot be read; the text names the line and the reason, and nothing of it was taken."""


def rows_of(raw: bytes, *, name: str, read: Callable[[str], Row], error: type[LinesError] = LinesError) -> list[Row]:
    """Return what `read` makes of each line that is not empty; its ValueErrors become `error`, with the line."""
    rows = []
    for number, line in _lines(raw, name, error):
        try:
            rows.append(read(line))
        except ValueError as reason:
            raise error(
                _("%(file)s, line %(line)d: %(reason)s") % {"file": name, "line": number, "reason": reason}
            ) from reason
    return rows


def json_object(line: str, *, longest: int = _LONGEST_LINE) -> dict[str, Any]:
    """Read one JSON object. Raises ValueError, with a reason in the person's language."""
    if len(line) > longest:
        raise ValueError(_("longer than %(most)d characters") % {"most": longest})
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(_("not JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(row, dict):
        raise ValueError(_("not a JSON object"))
    return row


def _lines(raw: bytes, name: str, error: type[LinesError]) -> Iterator[tuple[int, str]]:
    for number, written in enumerate(raw.splitlines(), start=1):
        try:
            line = written.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as reason:
            raise error(_("%(file)s, line %(line)d: not UTF-8 text") % {"file": name, "line": number}) from reason
        if line:
            yield number, line


def _refuse_constant(name: str) -> None:
    raise ValueError(_("%(name)s is no JSON") % {"name": name})
