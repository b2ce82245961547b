"""The trainer's presets by name; the files are its own, the web lists them and reads what it estimates from."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from trainer import manifest

DEFAULT = "small"
FOLDER = Path(manifest.__file__).parent / "presets"
# Algorithm → key → value, as a preset's file says them.
Tables = dict[str, dict[str, Any]]


def names() -> list[str]:
    """Every preset that a round may choose."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def tables(name: str) -> Tables:
    """What a preset says of each algorithm."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
