"""What the machine has that trains: memory and free disk, as its supervisor tells them with its sign of life."""

import shutil
import subprocess
from functools import cache
from importlib import metadata

from rounds import load, store

ASK_GPU = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")
PATIENCE_SECONDS = 10
MIB = 2**20


def facts() -> dict[str, int | str]:
    """`memory` in bytes, of the GPU where the trainer will compute on one (`device` says), and `free` on the disk."""
    on_gpu = gpu_memory()
    return {"memory": on_gpu or load.memory()[0], "device": "gpu" if on_gpu else "cpu", "free": store.free()}


@cache
def gpu_memory() -> int:
    """Bytes of the first GPU; 0 without one, or where torch was built without them. The trainer takes the first."""
    program = shutil.which("nvidia-smi")
    if program is None or _torch_is_for_cpus():
        return 0
    try:
        asked = subprocess.run(  # noqa: S603 (an argument list of our own)
            [program, *ASK_GPU], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return first_size(asked.stdout)


def first_size(said: str) -> int:
    """Bytes of the first line of what nvidia-smi says, in MiB; 0 where it says no number."""
    first = said.strip().partition("\n")[0].strip()
    return int(first) * MIB if first.isdigit() else 0


def _torch_is_for_cpus() -> bool:
    try:
        return metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return True
