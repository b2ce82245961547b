"""The trainer's presets by name; the files are its own, the web only lists them."""

from pathlib import Path

from trainer import manifest

DEFAULT = "small"


def names() -> list[str]:
    """Every preset that a round may choose."""
    return sorted(path.stem for path in (Path(manifest.__file__).parent / "presets").glob("*.toml"))
