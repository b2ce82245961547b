"""Run a command against a throw-away PostgreSQL: `python tests/with_postgres.py COMMAND …`.

The server listens on a unix socket in a temporary folder only, and is gone afterwards, data and all.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_AS = "postgres"  # PostgreSQL refuses to run as root


def main(command: Sequence[str]) -> int:
    with server() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


@contextmanager
def server() -> Iterator[str]:
    """A running server's address for DATABASE_URL."""
    binaries = _binaries() or _install()
    with tempfile.TemporaryDirectory(prefix="tut-pg-") as folder:
        home = Path(folder)
        if os.geteuid() == 0:
            os.chown(home, pwd.getpwnam(_AS).pw_uid, -1)
        _run(binaries / "initdb", "-D", home / "data", "-U", _AS, "-A", "trust", "-E", "UTF8", "--no-sync")
        # fsync off: this server's data is not meant to outlive it. autovacuum off: it would count a table's rows
        # between two tests that roll theirs back, and the next one's queries were planned for a table of none.
        options = f"-k {home} -c listen_addresses= -c fsync=off -c autovacuum=off -c max_connections=200"
        _run(binaries / "pg_ctl", "-D", home / "data", "-o", options, "-l", home / "log", "-w", "start")
        try:
            yield f"postgres://{_AS}@/{home}/postgres"
        finally:
            _run(binaries / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop")


def _binaries() -> Path | None:
    """The folder of the newest server on this machine."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in found), key=_version, default=None)


def _version(folder: Path) -> float:
    return float(re.sub(r"[^0-9.]", "", folder.parent.name) or 0)


def _install() -> Path:
    """Install the server from the distribution where this user may, else say what to install."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("PostgreSQL's server is missing: installing it.", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], env=quiet, check=False)
    binaries = _binaries()
    if binaries is None:
        sys.exit("These tests need PostgreSQL's server. Install it: apt-get install postgresql")
    return binaries


def _run(*words: object) -> None:
    """Run one of PostgreSQL's programs, not as root; show what it said only if it failed."""
    command = [str(word) for word in words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", _AS, "--", *command]
    # A file, not a pipe: the server would keep a pipe open for ever.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False)
        said.seek(0)
        if done.returncode:
            sys.exit(f"{command} failed:\n{said.read().decode(errors='replace')}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    # Stopped from outside, it still takes its server down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
