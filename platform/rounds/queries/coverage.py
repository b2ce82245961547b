"""How much of what is asked has been answered by people, by tag and by split: one query, each table read once."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from accounts.models import Project
from annotations.choices import Split

TAGS_SHOWN = 12

# Prompts with the same tags and split are one row. `reached`: a slate of the prompt has its whole overlap.
# Slates that were retired with rankings hold what a policy wrote that was taken back: those teach nothing.
SQL = """
SELECT p.tags, p.split, COUNT(*), COUNT(r.prompt_id), COALESCE(SUM(r.reached), 0), COUNT(d.prompt_id)
FROM annotations_prompt p
LEFT JOIN (
    SELECT s.prompt_id, MAX(CASE WHEN a.answers >= s.overlap THEN 1 ELSE 0 END) AS reached
    FROM (
        SELECT slate_id, SUM(CASE WHEN surplus THEN 0 ELSE 1 END) AS answers
        FROM annotations_assignment
        WHERE project_id = %(project)s AND kind = 'rank' AND state = 'done'
        GROUP BY slate_id
    ) a
    JOIN annotations_slate s ON s.id = a.slate_id
    WHERE s.retired_at IS NULL
    GROUP BY s.prompt_id
) r ON r.prompt_id = p.id
LEFT JOIN (
    SELECT DISTINCT prompt_id FROM annotations_demonstration WHERE project_id = %(project)s AND is_current
) d ON d.prompt_id = p.id
WHERE p.project_id = %(project)s AND p.retired_at IS NULL
  AND (p.imported_id IS NULL OR p.imported_id NOT IN (SELECT id FROM annotations_importedset WHERE visible_at IS NULL))
GROUP BY p.tags, p.split
"""


@dataclass
class Cover:
    """Prompts that are asked, and how many of them have what from people."""

    name: str
    prompts: int = 0
    ranked: int = 0
    reached: int = 0
    demonstrated: int = 0
    # Nobody is asked to demonstrate an evaluation prompt: what the share of demonstrations is a share of.
    demonstrable: int = 0

    def add(self, split: str, figures: Iterable[int]) -> None:
        prompts, ranked, reached, demonstrated = figures
        self.prompts += prompts
        self.ranked += ranked
        self.reached += reached
        self.demonstrated += demonstrated if split == Split.TRAIN else 0
        self.demonstrable += prompts if split == Split.TRAIN else 0

    def shares(self) -> list[tuple[int, float | None]]:
        """Ranked, whole overlap, demonstrated: how many, and which share; None: of nothing."""
        of = (self.prompts, self.prompts, self.demonstrable)
        counts = (self.ranked, self.reached, self.demonstrated)
        return [(count, count / all_of if all_of else None) for count, all_of in zip(counts, of, strict=True)]


@dataclass(frozen=True)
class Coverage:
    """The whole project, its two splits, and its most used tags."""

    whole: Cover
    splits: list[Cover]
    tags: list[Cover]
    more_tags: int


def coverage(project: Project) -> Coverage:
    """Count the project's prompts and what people said to them."""
    whole, splits, tags = Cover(""), {name: Cover(name) for name in Split.values}, _Covers()
    for written, split, *figures in _groups(project):
        whole.add(split, figures)
        splits[split].add(split, figures)
        for tag in set(written):
            tags[tag].add(split, figures)
    most = sorted(tags.values(), key=lambda cover: (-cover.prompts, cover.name))
    used = [cover for cover in splits.values() if cover.prompts]
    return Coverage(whole, used, most[:TAGS_SHOWN], max(0, len(most) - TAGS_SHOWN))


class _Covers(defaultdict[str, Cover]):
    def __missing__(self, name: str) -> Cover:
        return self.setdefault(name, Cover(name))


def _groups(project: Project) -> list[tuple[list[str], str, int, int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(SQL, {"project": project.pk})
        rows = cursor.fetchall()
    # Both databases hand JSON out as text here: Django reads it itself.
    return [(json.loads(row[0]), *row[1:]) for row in rows]
