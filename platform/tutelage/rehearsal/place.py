"""The folder that a rehearsal lives and ends in. No Django here: it decides what Django's settings will read."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

MARK = "TUTELAGE_REHEARSAL"
# What would tie a rehearsal to an instance that people work on.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "TUTELAGE_STORE", "SECRET_KEY_FALLBACKS", "ALLOWED_HOSTS", "BEHIND_TLS")


def throw_away(keep: str | None = None) -> Path:
    """Make an empty private folder and point this process's settings at it; it goes when the process ends.

    With `keep`, make it there and leave it. Raises FileExistsError: a rehearsal never touches what is there.
    """
    os.umask(0o077)
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    else:
        folder = Path(keep).resolve()
        folder.mkdir(parents=True)
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    os.environ |= {"TUTELAGE_DATA": str(folder), MARK: str(folder), "SECRET_KEY": secrets.token_urlsafe(64)}
    return folder


def here() -> Path | None:
    """The folder of this rehearsal; None in any other process."""
    return Path(os.environ[MARK]) if MARK in os.environ else None


def kept_by(words: list[str]) -> str | None:
    """The value of --keep among the words of a command line, read before Django may parse them."""
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word == "--keep" and value:
            return value
        if word.startswith("--keep="):
            return word.removeprefix("--keep=")
    return None
