"""How a labeler's program takes work and sends a ranking."""

from typing import Any

from annotations.models import Assignment, Ranking
from tests.exchange.api.calls import Caller, said

WORK = "/projects/turtles/assignments"


def lent(caller: Caller, kind: str = "rank") -> dict[str, Any]:
    told = said(caller.post(WORK, {"kind": kind}))["assignment"]
    assert told is not None, "nothing waits for this person"
    return dict(told)


def send(caller: Caller, assignment: dict[str, Any], body: dict[str, Any], key: str = "") -> Any:
    return caller.post(f"/assignments/{assignment['id']}/ranking", body, key=key)


def tiers(text: str) -> list[list[str]]:
    return [list(tied) for tied in text.split()]


def letters_of(ranking: Ranking) -> dict[str, int | None]:
    """Letter → tier."""
    told = {answer["text"]: answer["letter"] for answer in _cards(ranking.assignment)}
    return {told[row.completion.text]: row.tier for row in ranking.placements.select_related("completion")}


def _cards(assignment: Assignment) -> list[dict[str, str]]:
    assert assignment.labeler
    answers = said(Caller(assignment.labeler).get(f"/assignments/{assignment.public_id}"))["answers"]
    return list(answers)
