"""The rows of docs/seam.md: what snapshots and exports both write of what people said."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch

from accounts.models import Project
from annotations.models import Demonstration, Placement, Prompt, Ranking, SlateCompletion

_CHUNK = 500

Record = dict[str, Any]


def rankings_of(project: Project) -> Iterator[Ranking]:
    """Yield every current ranking, surplus ones too, but none of quarantined completions; memory stays constant."""
    bad = SlateCompletion.objects.filter(slate=OuterRef("slate"), completion__quarantined_at__isnull=False)
    placements = Placement.objects.select_related("completion__policy").order_by("completion__index", "completion")
    rankings = Ranking.objects.filter(slate__project=project, is_current=True).filter(~Exists(bad))
    with_all = rankings.select_related("labeler", "slate__prompt").prefetch_related(
        Prefetch("placements", queryset=placements)
    )
    return with_all.order_by("pk").iterator(chunk_size=_CHUNK)


def demonstrations_of(project: Project) -> Iterator[Demonstration]:
    """Yield every current demonstration; memory stays constant."""
    demonstrations = Demonstration.objects.filter(project=project, is_current=True)
    return demonstrations.select_related("labeler", "prompt").order_by("pk").iterator(chunk_size=_CHUNK)


def prompts_of(project: Project) -> Iterator[Prompt]:
    """Yield every prompt that is still asked; memory stays constant."""
    return Prompt.objects.filter(project=project, retired_at=None).order_by("pk").iterator(chunk_size=_CHUNK)


def ranking_record(ranking: Ranking) -> Record:
    """Return a row of `rankings.jsonl`, for a ranking of `rankings_of`."""
    return {
        "id": str(ranking.public_id),
        "split": ranking.slate.prompt.split,
        "labeler": ranking.labeler.pseudonym,
        "revision": ranking.revision,
        "weight": 1.0,
        "prompt": _asked(ranking.slate.prompt),
        "completions": [_placed(placement) for placement in ranking.placements.all()],
        "cut": ranking.cut,
    }


def demonstration_record(demonstration: Demonstration) -> Record:
    """Return a row of `demonstrations.jsonl`, for a demonstration of `demonstrations_of`."""
    return {
        "id": str(demonstration.public_id),
        "split": demonstration.prompt.split,
        "labeler": demonstration.labeler.pseudonym,
        "revision": demonstration.revision,
        "prompt": _asked(demonstration.prompt),
        "messages": demonstration.messages,
    }


def prompt_record(prompt: Prompt) -> Record:
    """Return a row of `prompts.jsonl`."""
    return {"id": str(prompt.public_id), "split": prompt.split, "messages": prompt.messages}


def _asked(prompt: Prompt) -> Record:
    return {"id": str(prompt.public_id), "messages": prompt.messages}


def _placed(placement: Placement) -> Record:
    completion = placement.completion
    return {
        "id": str(completion.public_id),
        "text": completion.text,
        "policy": str(completion.policy.public_id),
        "finished": completion.finished,
        "tier": placement.tier,
    }
