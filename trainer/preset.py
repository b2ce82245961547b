"""Presets: one TOML file a preset, one table an algorithm, checked against that algorithm's frozen Config."""

import argparse
import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from trainer.errors import Refused

FOLDER = Path(__file__).parent / "presets"
C = TypeVar("C")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every stage that has a preset: --preset, --set and --seed."""
    parser.add_argument("--preset", required=True, metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--seed", required=True, type=int, metavar="N")


def load_preset(shape: type[C], table: str, name: str, overrides: Sequence[str] = ()) -> C:
    """Return table `table` of preset `name` as a `shape` (a frozen dataclass), `KEY=VALUE` overrides applied.

    Raises Refused naming an unknown preset, an unknown or missing key, or a value of the wrong type.
    """
    values = {**_read(name).get(table, {}), **dict(_parse(text) for text in overrides)}
    fields = {field.name: field for field in dataclasses.fields(shape)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise Refused(f"unknown key {key!r} of {table}; the keys are {', '.join(sorted(fields))}")
    for key, field in fields.items():
        if key not in values and field.default is dataclasses.MISSING:
            raise Refused(f"preset {name!r} has no {key!r} in its table [{table}]")
    try:
        return shape(**{key: _typed(key, value, fields[key].type) for key, value in values.items()})
    except ValueError as error:
        raise Refused(f"preset {name!r}, table [{table}]: {error}") from error


def _read(name: str) -> Mapping[str, Any]:
    known = sorted(path.stem for path in FOLDER.glob("*.toml"))
    if name not in known:
        raise Refused(f"unknown preset {name!r}; the presets are {', '.join(known)}")
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _parse(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Refused(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _typed(key: str, value: Any, expected: Any) -> Any:
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected:
        raise ValueError(f"{key} must be a {expected.__name__}, not {value!r}")
    if expected in (int, float) and not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{key} must be a number of at least 0, not {value!r}")
    return value
