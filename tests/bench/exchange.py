"""What exports and imports cost: `make bench-exchange`, or `python -m tests.bench.exchange --help`.

An instance of its own is filled step by step. At each size it is exported by a process like a worker; at the last, once
more while labelers rank without a pause. Then a file of as many prompts is brought in.
"""

import argparse
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.web import Facts, Place, serving

SIZES = [10_000, 100_000, 1_000_000]
CLOCK, ROWS = "tests.bench.exchange_clock", "tests.bench.exchange_rows"
# An export beside labelers takes longer than one alone, so for so much of that time it surely still runs.
SURELY = 0.9
HEAD = "| | seconds | rankings/s | µs a ranking | of it CPU | most memory, MB |\n|---|--:|--:|--:|--:|--:|"


def main() -> None:
    asked = _asked()
    for name, postgres in {"SQLite": False, **({"PostgreSQL": True} if asked.postgres else {})}.items():
        print(f"\n{name}\n\n{HEAD}", flush=True)
        with tempfile.TemporaryDirectory(prefix="tut-", dir=asked.scratch) as folder:
            given = {"postgres": postgres, "labelers": asked.labelers, "training": False, "slates": asked.slates}
            with serving(Path(folder), **given) as place:
                measure(place, asked)


def measure(place: Place, asked: argparse.Namespace) -> None:
    """Fill the instance to each size and export it, then export beside labelers, then import."""
    there = 0
    for size in asked.sizes:
        place.tell(ROWS, "rankings", str(size - there))
        there = size
        told = [place.tell(CLOCK, "export", asked.format) for _time in range(asked.times)]
        print(_line(f"{size:,} rankings", size, told), flush=True)
    _beside_labelers(place, asked, there, statistics.median(each["seconds"] for each in told))
    _bring(place, asked.prompts)


def _beside_labelers(place: Place, asked: argparse.Namespace, size: int, alone: float) -> None:
    """Export once more while everybody ranks, and tell how much less of it they got done."""
    place.load(asked.labelers, 2)  # So that every thread has its connection and every template is read.
    idle = place.load(asked.labelers, asked.seconds)
    with ThreadPoolExecutor(1) as beside:
        ranking = beside.submit(place.load, asked.labelers, max(SURELY * alone, 1))
        told = place.tell(CLOCK, "export", asked.format)
        busy = ranking.result()
    print(_line(f"{size:,} rankings, {asked.labelers} labelers beside", size, [told]))
    print(f"\nLabelers: {idle['rate']:.1f} answers/s idle, {busy['rate']:.1f} while exporting", end="")
    print(f" ({busy['rate'] / idle['rate']:.0%}); {len(idle['errors'] + busy['errors'])} errors.", end=" ")
    print(f"Submit p95 {idle['submit_p95']:.0f} and {busy['submit_p95']:.0f} ms.", flush=True)


def _bring(place: Place, count: int) -> None:
    """Bring a file of prompts in, and tell its steps one by one: read, written and seen, slots opened."""
    file = place.instance.data / "prompts.jsonl"
    size = place.tell(ROWS, "prompts", str(count), str(file))["bytes"]
    told = place.tell(CLOCK, "import", str(file))
    steps = ", ".join(f"{step} {told[f'{step}_seconds']:.1f}" for step in ("read", "write", "open"))
    whole = sum(told[f"{step}_seconds"] for step in ("read", "write", "open"))
    print(f"\nImport of {count:,} prompts ({size / 1e6:.0f} MB): {whole:.1f} s ({steps}),", end=" ")
    print(f"{told['open_peak_mb']:.0f} MB, ended as {told['state']}: {told['counts']}.", flush=True)


def _line(name: str, size: int, told: list[Facts]) -> str:
    """One line of the table: medians, and between which seconds."""
    seconds = [each["seconds"] for each in told]
    middle, busy = statistics.median(seconds), statistics.median(each["busy"] for each in told)
    spread = f" ({min(seconds):.1f}–{max(seconds):.1f})" if len(seconds) > 1 else ""
    peak = max(each["peak_mb"] for each in told)
    costs = f"{1e6 * middle / size:.0f} | {1e6 * busy / size:.0f}"
    return f"| {name} | {middle:.1f}{spread} | {size / middle:,.0f} | {costs} | {peak:.0f} |"


def _asked() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rankings, from few to many")
    parser.add_argument("--prompts", type=int, default=SIZES[-1], help="prompts of the file that is brought in")
    parser.add_argument("--format", default="rankings")
    parser.add_argument("--times", type=int, default=3, help="exports at each size, of which the median counts")
    parser.add_argument("--labelers", type=int, default=8)
    parser.add_argument("--slates", type=int, default=6000, help="slates that wait for labelers, for two of them each")
    parser.add_argument("--seconds", type=float, default=30, help="how long labelers are watched without an export")
    parser.add_argument("--scratch", type=Path, help="where the instance lies: some 8 GB are needed")
    parser.add_argument("--postgres", action="store_true", help="measure on PostgreSQL too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
