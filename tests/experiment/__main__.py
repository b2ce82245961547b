"""`python -m tests.experiment --json FILE --html FILE`: run the gold-reward experiment, a process a seed."""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.experiment import expected, page, study
from tests.experiment.scale import SMALL, WHOLE

BEGAN = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.experiment", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--small", action="store_true", help="a few updates, to see that everything works")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/experiment"), help="artifacts; those that stand are used"
    )
    parser.add_argument("--json", type=Path, default=Path("build/experiment.json"))
    parser.add_argument("--html", type=Path, default=Path("build/experiment.html"))
    given = parser.parse_args()
    scale = SMALL if given.small else WHOLE
    # A tiny model gains nothing from a second thread, so the seeds share the cores.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(len(given.seeds), os.cpu_count() or 1), mp_context=spawning) as pool:
        seeds = list(pool.map(partial(study.run, given.folder, scale), given.seeds))
    for each in seeds:
        each["verdicts"] = expected.verdicts(each, asdict(scale))
    result = {"scale": asdict(scale), "seconds": round(time.monotonic() - BEGAN), "seeds": seeds}
    given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    given.html.write_text(page.page(result), encoding="utf-8")
    for each in seeds:
        for verdict in each["verdicts"]:
            print(
                f"seed {each['seed']}: {'yes' if verdict['holds'] else 'NO '} {verdict['expected']}: {verdict['found']}"
            )
    print(f"{given.html} shows what came out; the figures are in {given.json}")


if __name__ == "__main__":
    main()
