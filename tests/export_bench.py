"""How long an export takes: `python -m tests.export_bench make N`, then `… write FORMAT`, with TUTELAGE_DATA elsewhere.

Made and written in two processes, so that the memory of the first is not counted against the second.
"""

import itertools
import os
import random
import resource
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from accounts.models import Guideline, Project, User  # noqa: E402
from annotations.models import (  # noqa: E402
    Assignment,
    Completion,
    Placement,
    Policy,
    Prompt,
    Ranking,
    SamplingOrder,
    Slate,
    SlateCompletion,
)
from annotations.services.prompts import PromptRow, new_prompt  # noqa: E402
from exchange.models import Export  # noqa: E402
from exchange.services import exports, writing  # noqa: E402

K = 4
BATCH = 1000
WORDS = Path(__file__).parents[1] / "docs/domain.md"


def make(count: int) -> None:
    """`count` rankings of slates of 4, each with a prompt of its own; completions of 60 words."""
    call_command("migrate", verbosity=0)
    project = Project.objects.create(slug="bench", name="Bench")
    Guideline.objects.create(project=project, version=1, text="Prefer what is true.")
    policy = Policy.objects.create(project=project, name="base", path="", digest="0" * 64)
    order = SamplingOrder.objects.create(project=project, policy=policy, per_prompt=K, preset="tiny", seed=1)
    labeler = User.objects.create(username="bench")
    dice = random.Random(1)
    for start in range(0, count, BATCH):
        _make_batch(order, labeler, dice, range(start, min(start + BATCH, count)))


def _make_batch(order: SamplingOrder, labeler: User, dice: random.Random, numbers: range) -> None:
    words = WORDS.read_text(encoding="utf-8").split()
    project, ks = order.project, range(K)

    def text(length: int) -> str:
        return " ".join(dice.choices(words, k=length))

    asked = [PromptRow(messages=[{"role": "user", "content": f"{number}: {text(20)}?"}]) for number in numbers]
    prompts = Prompt.objects.bulk_create([new_prompt(project, row) for row in asked])
    fixed = {"order": order, "policy_id": order.policy_id, "finished": True, "tokens": 90}
    spoken = [[Completion(prompt=prompt, index=k, text=text(60), **fixed) for k in ks] for prompt in prompts]
    Completion.objects.bulk_create(itertools.chain.from_iterable(spoken))
    slates = Slate.objects.bulk_create([Slate(project=project, prompt=prompt, order=order) for prompt in prompts])
    SlateCompletion.objects.bulk_create(
        [
            SlateCompletion(slate=slates[at], completion=spoken[at][k], position=k)
            for at in range(len(slates))
            for k in ks
        ]
    )
    done = {"project": project, "kind": "rank", "slot": 0, "state": "done", "labeler": labeler, "shown": [2, 0, 3, 1]}
    assignments = [
        Assignment(prompt=prompt, slate=slate, **done) for prompt, slate in zip(prompts, slates, strict=True)
    ]
    Assignment.objects.bulk_create(assignments)
    making = {"input": "keys", "language": "en", "seconds": {"a": 1.2, "b": 3.4, "c": 5.6, "d": 7.8}}
    said = {"labeler": labeler, "cut": 1, "making": making}
    rankings = [
        Ranking(assignment=assignment, slate=slate, **said)
        for assignment, slate in zip(assignments, slates, strict=True)
    ]
    Ranking.objects.bulk_create(rankings)
    Placement.objects.bulk_create(
        [
            Placement(ranking=rankings[at], completion=spoken[at][k], tier=k + 1)
            for at in range(len(rankings))
            for k in ks
        ]
    )


def write(format: str) -> None:
    """One export of what was made, with its seconds and the most memory that it held."""
    project = Project.objects.get(slug="bench")
    export = exports.order(by=None, project=project, format=format)
    before, began, busy = _most_memory(), time.perf_counter(), time.process_time()
    writing.write(export_id=export.pk, owner="bench")
    took, busy = time.perf_counter() - began, time.process_time() - busy
    done = Export.objects.get(pk=export.pk)
    rows = sum(done.facts["files"][f"{split}.jsonl"]["rows"] for split in ("train", "eval"))
    size = sum(path.stat().st_size for path in (settings.STORE / done.path).iterdir())
    rankings = Ranking.objects.count()
    print(
        f"{format}: {rankings} rankings, {rows} rows, {size / 2**20:.0f} MiB, {took:.1f} s ({busy:.1f} s computing), "
        f"{took / rankings * 1e6:.0f} µs a ranking; memory {before} MiB before, {_most_memory()} MiB at most"
    )


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
    else:
        write(sys.argv[2])
