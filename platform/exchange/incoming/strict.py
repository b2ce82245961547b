"""JSON as its standard has it (RFC 8259), with limits: no NaN, no key twice, no number that no computer holds."""

import json
import math
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from annotations.texts import storable
from exchange.incoming.items import DEEPEST, BadRow, Row


def json_object(line: str) -> Row:
    """Read one JSON object. Raises BadRow."""
    try:
        value = DECODER.decode(line)
    except BadRow:
        raise
    except (ValueError, RecursionError) as error:
        raise BadRow(why(error)) from error
    return as_row(value, line)


def as_row(value: Any, written: str) -> Row:
    """A decoded value as a row. Raises BadRow."""
    if not isinstance(value, dict):
        raise BadRow(_("not a JSON object"))
    # Most rows have few brackets and no escape at all: counting signs is ten times faster than going through a row.
    if written.count("[") + written.count("{") >= DEEPEST and _deeper(value, DEEPEST):
        raise BadRow(_("nested deeper than %(most)d levels") % {"most": DEEPEST})
    if "\\u" in written and not _storable(value):
        raise BadRow(_("holds NUL or half of a surrogate pair, which no text has"))
    return value


def why(error: Exception) -> str:
    """What is wrong with a text that is no JSON, in a sentence's end."""
    if isinstance(error, RecursionError):
        return _("nested deeper than %(most)d levels") % {"most": DEEPEST}
    place = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) and error.lineno == 1 else ""
    return _("not JSON: %(reason)s") % {"reason": str(error).partition(":")[0] + place}


def _storable(value: Any) -> bool:
    """Whether no text in it holds what only an escape can write and no database keeps."""
    if isinstance(value, dict):
        return all(storable(key) == key and _storable(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_storable, value))
    return not isinstance(value, str) or storable(value) == value


def _no_constant(name: str) -> None:
    raise BadRow(_("%(name)s is no JSON") % {"name": name})


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadRow(_("%(name)s is too large a number") % {"name": digits[:40]})
    return number


def _no_twins(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadRow(_("the key %(key)s stands twice") % {"key": twin[:40]})
    return row


def _deeper(value: Any, levels: int) -> bool:
    if levels == 0:
        return True
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_deeper(each, levels - 1) for each in inner)


DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_twins)
# Reads over what the strict one refuses, to find where it ends.
LENIENT = json.JSONDecoder(parse_int=float)
