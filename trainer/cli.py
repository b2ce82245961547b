"""`python -m trainer STAGE …`: the one place where exceptions become exit codes (docs/seam.md lists them).

Every stage is a module of its own name with `add_arguments(parser)` and `main(arguments) -> None`; it is
imported only when it is asked for. `--out` and `--threads` are added here; a stage that has presets calls
`preset.add_arguments(parser)`, which adds --preset, --set (as `overrides`) and --seed.
"""

import argparse
import errno
import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from trainer import manifest
from trainer.errors import NoSpace, OutOfMemory, Refused, StageError
from trainer.records import RecordError

PRECISIONS = ("auto", "fp32", "bf16")
STAGES = ("pretrain", "sft", "reward", "ppo", "rloo", "dpo", "evaluate", "sample", "tiny", "convert")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What torch's allocator for the CPU, C++ and a card's driver say, each in a RuntimeError.
NO_MEMORY = re.compile(r"can't allocate memory|not enough memory|bad_alloc|out of memory", re.IGNORECASE)
LESS_MEMORY = "the memory does not suffice: set micro_batch or batch_tokens lower, or train_layers or lora_rank"


def main(argv: Sequence[str]) -> int:
    """Run one stage and return its exit code."""
    chooser = argparse.ArgumentParser(prog="python -m trainer", allow_abbrev=False)
    chooser.add_argument("stage", choices=STAGES, help="what to run; `STAGE --help` lists its options")
    stage: str = chooser.parse_args(argv[:1]).stage
    module = importlib.import_module(f"trainer.{stage}")
    arguments = _parser(stage, module).parse_args(argv[1:])
    return _run(module, arguments)


def _parser(stage: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m trainer {stage}", description=module.__doc__, allow_abbrev=False)
    module.add_arguments(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the artifact to write")
    parser.add_argument("--threads", type=int, metavar="N", help="computing threads (default: torch's)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of matrix products")
    parser.add_argument("--recompute", action="store_true", help="gradient checkpointing: less memory, more time")
    return parser


def _run(module: ModuleType, arguments: argparse.Namespace) -> int:
    try:
        _use(arguments)
        module.main(arguments)
    except manifest.InUse as error:
        return _end(os.EX_TEMPFAIL, str(error))
    except (manifest.ManifestError, RecordError) as error:
        return _fail(Refused(str(error)), arguments.out)
    except StageError as error:
        # A model that does not load for want of memory is not to blame.
        shortage = named(error.__cause__) if error.__cause__ else None
        return _fail(shortage or error, arguments.out)
    except Exception as error:
        shortage = named(error)
        if shortage:
            return _fail(shortage, arguments.out)
        traceback.print_exc()
        return 1
    return 0


def named(error: BaseException) -> StageError | None:
    """The shortage that `error` means, if it is one; safetensors tells the number in its exception's text only."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    number = error.errno if isinstance(error, OSError) else int(told[1]) if told else None
    if number in FULL:
        return NoSpace(f"no space left on the device: {error}; free some and try again")
    names = {kind.__name__ for kind in type(error).__mro__}
    if number == errno.ENOMEM or names & {"MemoryError", "OutOfMemoryError"} or NO_MEMORY.search(str(error)):
        return OutOfMemory(f"{type(error).__name__}: {error}; {LESS_MEMORY}")
    return None


def _use(arguments: argparse.Namespace) -> None:
    if arguments.threads is not None and arguments.threads < 1:
        raise Refused(f"--threads must be at least 1, not {arguments.threads}")
    import torch

    from trainer import compute

    compute.use(arguments.precision, arguments.recompute)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)


def _fail(error: StageError, out: Path) -> int:
    if error.exit_code in (2, 3, 4, 5) and os.environ.get("RANK", "0") == "0":
        _record(error, out)
    return _end(error.exit_code, str(error))


def _record(error: StageError, out: Path) -> None:
    if out.exists():
        return
    heartbeat = manifest.partial(out) / "heartbeat"
    try:
        step = json.loads(heartbeat.read_text(encoding="utf-8"))["step"]
    except (OSError, ValueError, KeyError):
        step = 0
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    failure = {"kind": kind, "message": str(error), "step": step}
    try:
        with manifest.lock(out) as folder:
            (folder / "failure.json").write_text(json.dumps(failure, ensure_ascii=False), encoding="utf-8")
    except (OSError, manifest.InUse) as obstacle:
        _end(0, f"failure.json could not be written: {obstacle}")


def _end(code: int, message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return code
