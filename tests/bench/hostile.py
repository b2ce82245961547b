"""How long reading takes for each file that means no good, and how much memory: `python -m tests.bench.hostile`.

Each file is read in a process of its own that may not grow beyond `MOST_MEMORY`. Ends with 1 where one is read wrongly.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")
os.environ.setdefault("TUTELAGE_DATA", tempfile.gettempdir())

import django

django.setup()

from tests.exchange.hostile import FAMILIES  # noqa: E402
from tests.exchange.hostile_case import Case, check  # noqa: E402

# Of addresses: the libraries that are loaded anyway take half of it.
MOST_MEMORY = 2**30


@dataclass(frozen=True)
class Read:
    """What reading one file took: on the clock, of the processor, and in MiB the peak of resident memory."""

    case: Case
    right: bool
    seconds: float
    cpu: float
    peak: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--costly", action="store_true", help="only what the fast tests leave out")
    only_costly = parser.parse_args().costly
    cases = (case for family in FAMILIES for case in family() if case.costly or not only_costly)
    with tempfile.TemporaryDirectory() as folder:
        found = [_measured(case, Path(folder) / "source") for case in cases]
    _tell(found)
    return 0 if all(read.right for read in found) else 1


def _measured(case: Case, path: Path) -> Read:
    _apart(lambda: case.write(path))
    start = time.perf_counter()
    status, used = _apart(lambda: check(case, path), memory=MOST_MEMORY)
    seconds = time.perf_counter() - start
    path.unlink()
    return Read(case, status == 0, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _apart(work: Callable[[], None], memory: int | None = None) -> tuple[int, resource.struct_rusage]:
    """Do it in a process of its own; its status, and what it and those that it started used."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if memory is not None:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _pid, status, used = os.wait4(child, 0)
    return status, used


def _tell(found: list[Read]) -> None:
    print(f"{len(found)} files. Of each family the longest: seconds on the clock, of the processor, peak MiB.\n")
    print("| Family | Files | Clock, s | Processor, s | MiB | Most of the processor |\n|---|---|---|---|---|---|")
    for line in _families(found):
        print(line)
    wrong = [str(read.case) for read in found if not read.right]
    print(f"\nRead wrongly: {', '.join(wrong) or 'none'}.")


def _families(found: list[Read]) -> Iterator[str]:
    for family, group in groupby(found, key=lambda read: read.case.family):
        reads = list(group)
        clock, cpu, peak = (max(getattr(read, name) for read in reads) for name in ("seconds", "cpu", "peak"))
        which = next(read.case.name for read in reads if read.cpu == cpu)
        yield f"| {family} | {len(reads)} | {clock:.2f} | {cpu:.2f} | {peak:.0f} | {which[:60]} |"


if __name__ == "__main__":
    sys.exit(main())
