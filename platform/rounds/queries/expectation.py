"""How long a round will still take, after how long the last one took that came through."""

from dataclasses import dataclass

from rounds.machine import State
from rounds.models import Round
from rounds.queries.pipeline import NODES, pipeline_of, usual_visits, visits_of


@dataclass(frozen=True)
class Expectation:
    """Seconds: of the state that the round is in, and of those between it and a person's look; None: not known."""

    here: float | None = None
    ahead: float | None = None


NOTHING = Expectation()


def expectation_of(found: Round) -> Expectation:
    """What the last round that came through lets one expect of this one."""
    usual = usual_visits(found.project, before=found)
    if usual is None:
        return NOTHING
    here = usual.get(found.state)
    nodes = pipeline_of(found, visits_of([found])[found.pk], usual=usual).nodes
    ahead = [node.expected for node in nodes[: NODES.index(State.REVIEW)] if node.status == "ahead"]
    known = [length.total_seconds() for length in ahead if length is not None]
    return Expectation(
        here=here.took.total_seconds() if here else None,
        ahead=sum(known) if len(known) == len(ahead) else None,
    )
