"""The gates of a project: where their lines are drawn, and what the last rounds measured there."""

from ninja import Router, Schema
from pydantic import ConfigDict, Field

from accounts.models import Project, Scope
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.operating import Seen
from exchange.api.security import Asked, person
from rounds.gates import LINES, Rule
from rounds.queries.access import operated_project
from rounds.queries.gate_rules import GateLine, gate_lines, rules_of, seen_of
from rounds.services.gate_rules import set_rules

router = Router(tags=["Review"])


class RuleIn(Schema):
    """Where a gate's line is drawn; not `enforced`, it holds nothing back."""

    limit: float = Field(allow_inf_nan=False)
    enforced: bool


class GatesIn(Schema):
    """The rules to write over those that were seen; gates that are not named stay as they are."""

    seen: Seen
    gates: dict[str, RuleIn] = Field(min_length=1, max_length=len(LINES))

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"seen": "3f0c2a9b11d04e5f", "gates": {"kl": {"limit": 20.0, "enforced": True}}}]
        }
    )


class MeasuredOut(Schema):
    """What one of the last rounds measured at a gate, and the verdict of then."""

    round: int
    figure: str
    verdict: str


class RuleOut(Schema):
    """A gate's rule here, what it is unless changed, and what it may be. A share is a number from 0 to 1."""

    name: str
    title: str
    limit: float
    enforced: bool
    default: float
    least: float
    most: float
    measured: list[MeasuredOut]


class GatesOut(Schema):
    """Every gate of a project. `seen`: what the next change is made after."""

    items: list[RuleOut]
    seen: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "kl",
                            "title": "KL to SFT",
                            "limit": 40.0,
                            "enforced": True,
                            "default": 40.0,
                            "least": 0.1,
                            "most": 1000.0,
                            "measured": [{"round": 3, "figure": "4.2 nats", "verdict": "passes"}],
                        }
                    ],
                    "seen": "3f0c2a9b11d04e5f",
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/gates", answer=GatesOut)
def list_gates(request: Asked, slug: Slug) -> GatesOut:
    """Every gate with its rule and what the last rounds measured, for operators."""
    return _gates(operated_project(person(request), slug))


@changes(router, "PUT", "/projects/{slug}/gates", scope=Scope.OPERATE, answer=GatesOut)
def set_gates(request: Asked, slug: Slug, told: GatesIn) -> GatesOut:
    """Draw gates elsewhere, from the next verdict on."""
    by, project = person(request), operated_project(person(request), slug)
    wanted = {name: Rule(rule.limit, rule.enforced) for name, rule in told.gates.items()}
    set_rules(by=by, project=project, seen=told.seen, wanted=wanted)
    return _gates(project)


def _gates(project: Project) -> GatesOut:
    rules = rules_of(project)
    return GatesOut(items=[_rule(line) for line in gate_lines(project, rules)], seen=seen_of(rules))


def _rule(line: GateLine) -> RuleOut:
    bounds = LINES[line.name]
    measured = [MeasuredOut(round=each.number, figure=each.figure, verdict=str(each.word)) for each in line.measured]
    return RuleOut(
        name=line.name,
        title=str(line.words.title),
        limit=line.rule.limit,
        enforced=line.rule.enforced,
        default=line.default.limit,
        least=bounds.least,
        most=bounds.most,
        measured=measured,
    )
