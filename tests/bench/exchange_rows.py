"""The rows behind `make bench-exchange`: `python -m tests.bench.exchange_rows rankings N`, or `… prompts N FILE`."""

import bisect
import itertools
import json
import random
import sys
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Max, Model  # noqa: E402

from accounts.models import Guideline, Project, User  # noqa: E402
from annotations.filling import fill  # noqa: E402
from annotations.models import (  # noqa: E402
    Assignment,
    Completion,
    Placement,
    Prompt,
    Ranking,
    SamplingOrder,
    Slate,
    SlateCompletion,
)
from tests import make  # noqa: E402

K, BATCH, LABELERS = 4, 10_000, 20
# Words of a prompt and of a completion: short ones are more, as people's chats have it.
ASKED, SAID = (8, 40), (45, 150)
ORDERS = list(itertools.permutations(range(1, K + 1)))
# The project of tests.bench.web_rows: whoever labels meanwhile works among these rows.
SLUG = "bench"


class Words:
    """Texts cut out of one long one, from a word to a word: a million in seconds, each unlike the others."""

    def __init__(self, seed: int, length: int = 400_000) -> None:
        self.dice = random.Random(seed)
        known = (settings.ROOT / "docs/domain.md").read_text(encoding="utf-8").split()
        drawn = self.dice.choices([*known, *["the"] * 40, *['said "yes".\n\n'] * 8, *["naïve 你好"] * 2], k=length)
        self.whole = " ".join(drawn)
        self.starts = list(itertools.accumulate((len(word) + 1 for word in drawn[:-1]), initial=0))

    def text(self, between: tuple[int, int]) -> str:
        least, most = between
        count = least + int((most - least) * self.dice.random() ** 2)
        first = self.dice.randrange(len(self.starts) - count)
        return self.whole[self.starts[first] : self.starts[first + count] - 1]


def rankings(count: int) -> dict[str, Any]:
    """So many more rankings of slates of four, each of a prompt of its own, in the project `bench`."""
    project = Project.objects.filter(slug=SLUG).first() or make.make_project(SLUG, stock_target=0)
    kept = Kept(project)
    # What is lost with the power is made again; with the indexes in memory a million takes minutes.
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-3000000")
    for start in range(0, count, BATCH):
        with transaction.atomic():
            kept.add(min(BATCH, count - start))
    if connection.vendor == "postgresql":
        # By itself it would, a minute later. SQLite is not asked to, where Tutelage runs either.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return {"rankings": Ranking.objects.count(), "bytes": size_of_database()}


class Kept:
    """What the rows of one project have in common."""

    def __init__(self, project: Project) -> None:
        # Other texts than those of the step before.
        self.project, self.words = project, Words(last_key(Ranking))
        policy = make.make_policy(project, f"base {uuid.uuid4().hex}")
        self.order = SamplingOrder.objects.create(project=project, policy=policy, per_prompt=K, preset="tiny", seed=1)
        self.people = [User.objects.create(username=f"said-{uuid.uuid4().hex}").pk for _ in range(LABELERS)]
        self.guideline = Guideline.objects.get(project=project)

    def add(self, count: int) -> None:
        """So many rankings with all that belongs to them. Keys are counted on, so that no row is read back."""
        counted: list[type[Model]] = [Prompt, Completion, Slate, Assignment, Ranking]
        at = {model: last_key(model) + 1 for model in counted}
        rows, each = range(count), [(row, k) for row in range(count) for k in range(K)]
        words, dice = self.words, self.words.dice
        project = {"project": self.project}
        ids = iter(identities((K + 4) * count, dice))
        fill(
            Prompt(split="train", **project),
            ("id", "public_id", "messages", "digest", "split"),
            [
                (at[Prompt] + row, ident, asked(words), sha256(ident.encode()).hexdigest(), split(dice))
                for row, ident in zip(rows, ids, strict=False)
            ],
        )
        fill(
            Completion(order=self.order, policy=self.order.policy, finished=True),
            ("id", "prompt_id", "public_id", "index", "text", "tokens"),
            [
                (at[Completion] + K * row + k, at[Prompt] + row, next(ids), k, words.text(SAID), 100 + k)
                for row, k in each
            ],
        )
        fill(
            Slate(order=self.order, **project),
            ("id", "prompt_id", "public_id"),
            [(at[Slate] + row, at[Prompt] + row, next(ids)) for row in rows],
        )
        fill(
            SlateCompletion(),
            ("slate_id", "completion_id", "position"),
            [(at[Slate] + row, at[Completion] + K * row + k, k) for row, k in each],
        )
        self.say(at, rows, each, ids)

    def say(self, at: dict[type[Model], int], rows: range, each: list[tuple[int, int]], ids: Iterator[str]) -> None:
        dice = self.words.dice
        people = dice.choices(self.people, k=len(rows))
        orders = dice.choices(ORDERS, k=len(rows))
        fill(
            Assignment(project=self.project, kind="rank", slot=0, state="done"),
            ("id", "prompt_id", "slate_id", "public_id", "labeler_id", "shown"),
            [
                (at[Assignment] + row, at[Prompt] + row, at[Slate] + row, next(ids), people[row], "[2, 0, 3, 1]")
                for row in rows
            ],
        )
        fill(
            Ranking(guideline=self.guideline),
            ("id", "assignment_id", "slate_id", "public_id", "labeler_id", "cut", "making"),
            [
                (at[Ranking] + row, at[Assignment] + row, at[Slate] + row, next(ids), people[row], 2, making(dice))
                for row in rows
            ],
        )
        fill(
            Placement(),
            ("ranking_id", "completion_id", "tier"),
            [(at[Ranking] + row, at[Completion] + K * row + k, orders[row][k]) for row, k in each],
        )


def last_key(model: type[Model]) -> int:
    return model._base_manager.aggregate(last=Max("pk"))["last"] or 0


def identities(count: int, dice: random.Random) -> list[str]:
    """Random UUIDs as 32 digits, which both kinds of database take."""
    return [f"{dice.getrandbits(128):032x}" for _ in range(count)]


def split(dice: random.Random) -> str:
    return ("train", "eval")[bisect.bisect([0.9], dice.random())]


def asked(words: Words) -> str:
    return json.dumps([{"role": "user", "content": f"{words.text(ASKED)}?"}])


def making(dice: random.Random) -> str:
    seconds = {letter: round(20 * dice.random(), 1) for letter in "abcd"}
    return json.dumps({"input": "keys", "language": "en", "seconds": seconds, "device": "desk"})


def prompts(count: int, path: Path) -> dict[str, Any]:
    """A file of so many prompts of one turn, with tags, as a researcher would bring it."""
    words = Words(2)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            row = {"prompt": f"{number}: {words.text(ASKED)}?", "tags": ["bench"]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {"bytes": path.stat().st_size}


def size_of_database() -> int:
    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).stat().st_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    act, *words = sys.argv[1:]
    print(json.dumps(rankings(int(words[0])) if act == "rankings" else prompts(int(words[0]), Path(words[1]))))
