"""The rows of docs/seam.md: what snapshots and exports both write of what people said."""

from array import array
from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Project
from annotations.models import Completion, Demonstration, Prompt, Ranking, SlateCompletion
from annotations.ranked import Placed, Ranked, read_rankings
from annotations.visible import visible

_CHUNK = 1000

Record = dict[str, Any]


def current_rankings(project: Project) -> "QuerySet[Ranking]":
    """The rankings that leave: current ones, surplus ones too, but none of quarantined completions."""
    ours = visible(Ranking.objects.filter(slate__project=project, is_current=True), "slate__imported")
    return unquarantined(ours)


def unquarantined(rankings: "QuerySet[Ranking]") -> "QuerySet[Ranking]":
    """Those of slates without a quarantined completion."""
    bad = Completion.objects.filter(quarantined_at__isnull=False)
    return rankings.exclude(slate__in=SlateCompletion.objects.filter(completion__in=bad).values("slate"))


def rankings_of(project: Project, chosen: "QuerySet[Ranking] | None" = None) -> Iterator[Ranked]:
    """Yield the chosen rankings of a project (None: `current_rankings`), in the order of their making.

    A choice that has an order of its own keeps it. Memory stays constant.
    """
    chosen = current_rankings(project).order_by("pk") if chosen is None else chosen
    # Eight bytes a ranking, and then every chunk is read by its keys, however the database would plan the whole.
    ids = array("q", chosen.values_list("pk", flat=True).iterator())
    for start in range(0, len(ids), _CHUNK):
        yield from read_rankings(ids[start : start + _CHUNK])


def current_demonstrations(project: Project) -> "QuerySet[Demonstration]":
    """The demonstrations that leave: current ones, but none that corrects a quarantined completion."""
    good = Q(origin=None) | Q(origin__quarantined_at=None)
    return visible(Demonstration.objects.filter(good, project=project, is_current=True))


def demonstrations_of(project: Project, chosen: "QuerySet[Demonstration] | None" = None) -> Iterator[Demonstration]:
    """Yield the chosen demonstrations (None: `current_demonstrations`); memory stays constant."""
    chosen = current_demonstrations(project).order_by("pk") if chosen is None else chosen
    beside = ("labeler", "prompt", "origin__policy", "guideline", "assignment__slate")
    return chosen.select_related(*beside).iterator(chunk_size=_CHUNK)


def asked_prompts(project: Project) -> "QuerySet[Prompt]":
    """The prompts that are asked: not retired, and not of an import that is not whole yet."""
    return visible(Prompt.objects.filter(project=project, retired_at=None))


def prompts_of(project: Project) -> Iterator[Prompt]:
    """Yield every prompt that is still asked; memory stays constant."""
    return asked_prompts(project).order_by("pk").iterator(chunk_size=_CHUNK)


def ranking_record(ranking: Ranked) -> Record:
    """Return a row of `rankings.jsonl`."""
    return {
        "id": ranking.id,
        "split": ranking.split,
        "labeler": ranking.labeler,
        "revision": ranking.revision,
        "weight": 1.0,
        "prompt": {"id": ranking.prompt, "messages": ranking.messages},
        "completions": [_placed(placed) for placed in ranking.placements],
        "cut": ranking.cut,
        "strength": ranking.strength,
    }


def demonstration_record(demonstration: Demonstration) -> Record:
    """Return a row of `demonstrations.jsonl`, for a demonstration of `demonstrations_of`."""
    return {
        "id": str(demonstration.public_id),
        "split": demonstration.prompt.split,
        "labeler": demonstration.labeler.pseudonym,
        "revision": demonstration.revision,
        "prompt": {"id": str(demonstration.prompt.public_id), "messages": demonstration.prompt.messages},
        "messages": demonstration.messages,
    }


def prompt_record(prompt: Prompt) -> Record:
    """Return a row of `prompts.jsonl`."""
    return {"id": str(prompt.public_id), "split": prompt.split, "messages": prompt.messages}


def _placed(placed: Placed) -> Record:
    return {
        "id": placed.completion,
        "text": placed.text,
        "policy": placed.policy.id,
        "finished": placed.finished,
        "tier": placed.tier,
        "rating": placed.rating,
    }
