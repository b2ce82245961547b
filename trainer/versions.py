"""What the bytes of a result depend on beside its inputs: the machine, the packages and the code."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from trainer import compute, dist


def versions() -> dict[str, Any]:
    """The `versions` of a manifest (docs/seam.md)."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "cpu": f"{_cpu_model()}, {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "precision": compute.precision(compute.device()),
        "processes": dist.processes(),
        "code": _code_digest(),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _code_digest() -> str:
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return f"{version('tutelage')}+{total.hexdigest()[:12]}"
