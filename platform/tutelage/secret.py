"""The key that signs what people's browsers keep: made at the first start, readable by its owner alone."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SHORTEST = 50


def secret_key(given: str, path: Path) -> str:
    """The key from the environment, else from `path`, which is made if need be. Raises ImproperlyConfigured."""
    key = given or (_kept(path) if path.is_file() else _made(path))
    if len(key) < SHORTEST:
        raise ImproperlyConfigured(
            f"SECRET_KEY is weak: it needs at least {SHORTEST} random characters. Without it, one is kept in {path}."
        )
    return key


def _kept(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _made(path: Path) -> str:
    """Of two first starts at once, the one that links first gives the key to both."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(fresh, path)
    except FileExistsError:
        return _kept(path)
    finally:
        fresh.unlink()
    return _kept(path)
