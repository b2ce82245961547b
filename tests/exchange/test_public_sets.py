"""Real public sets come in as they are, from the folder that TUTELAGE_SETS names or that lies beside the project."""

import json
import os
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Project
from annotations import records
from annotations.models import Demonstration, Prompt, Slate
from tutelage.invariants import check_invariants

FOLDER = Path(os.environ.get("TUTELAGE_SETS") or Path(__file__).resolve().parents[3] / "shared/data")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the sets do not lie in {FOLDER}; TUTELAGE_SETS names another"),
]
# As docs/imports.md tells them: lines, lines refused, and what became rows here.
SETS: dict[str, tuple[int, int, dict[str, int]]] = {
    "oasst-trees/trees.jsonl": (68, 0, {"prompts": 346, "rankings": 150, "demonstrations": 176}),
    "hh-rlhf-harmless/harmless-base-test.jsonl": (1564, 6, {"prompts": 1556, "rankings": 1558}),
    "qa-feedback/preferences.jsonl": (340, 0, {"prompts": 340, "rankings": 435}),
    "gsm8k/model_solutions.jsonl": (896, 0, {"prompts": 896, "rankings": 896}),
    "gsm8k/problems.jsonl": (896, 0, {"prompts": 896, "demonstrations": 896}),
}


def brought(file: str) -> dict[str, Any]:
    out = StringIO()
    options = {"project": "turtles", "without_bad": True, "not_asked": True, "json": True, "stdout": out}
    call_command("import_data", str(FOLDER / file), **options)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def ordered_pairs(project: Project) -> int:
    """Of all rankings, the pairs that stand in different tiers."""
    rankings = records.current_rankings(project).prefetch_related("placements")
    tiers = [[placed.tier for placed in ranking.placements.all() if placed.tier] for ranking in rankings]
    return sum(one != other for told in tiers for one, other in combinations(told, 2))


@pytest.mark.parametrize("file", SETS)
def test_a_public_set_comes_in_as_it_is(project: Project, file: str) -> None:
    rows, bad, counts = SETS[file]
    found = brought(file)
    assert (found["rows"], found["bad"]) == (rows, bad)
    there = {
        "prompts": Prompt.objects.count(),
        "rankings": records.current_rankings(project).count(),
        "demonstrations": Demonstration.objects.count(),
    }
    assert {kind: count for kind, count in there.items() if count} == counts
    assert all(check_invariants().values())


# Of QA-Feedback's 2,040 comparisons 282 are ties.
PAIRS = [
    ("oasst-trees/trees.jsonl", 515),
    ("gsm8k/model_solutions.jsonl", 1654),
    ("qa-feedback/preferences.jsonl", 1758),
]


@pytest.mark.parametrize(("file", "pairs"), PAIRS)
def test_every_pair_that_people_told_apart_is_there(project: Project, file: str, pairs: int) -> None:
    brought(file)
    assert ordered_pairs(project) == pairs


def test_nineteen_rows_of_qa_feedback_make_no_order_and_are_six_linked_pairs_each(project: Project) -> None:
    brought("qa-feedback/preferences.jsonl")
    linked = Slate.objects.filter(linked_to__isnull=False)
    assert linked.values("prompt").distinct().count() == 19
    assert linked.count() == 19 * 5


def test_the_same_set_again_adds_nothing(project: Project) -> None:
    brought("qa-feedback/preferences.jsonl")
    again = brought("qa-feedback/preferences.jsonl")
    assert not any(again["added"].values())
    assert records.current_rankings(project).count() == 435
