"""Two policies of a project side by side: settings, data, figures, answers; what is the same is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from annotations.models import Demonstration, Messages, Policy, Prompt, Ranking
from rounds.machine import State
from rounds.models import Round, Snapshot, Vote
from rounds.queries.evaluated import Estimate, Part, own_part, parts_of
from rounds.queries.evaluation import MOST_PROMPTS
from rounds.queries.making import Making, making_of, snapshot_of

Answers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """A setting that differs; an empty side has none of that name."""

    name: str
    a: str
    b: str


@dataclass(frozen=True)
class Apart:
    """How many rankings, or demonstrations, went into one policy only, and into both."""

    only_a: int
    only_b: int
    both: int


@dataclass(frozen=True)
class Data:
    """What people had said when each was made."""

    a: Snapshot | None
    b: Snapshot | None
    rankings: Apart
    demonstrations: Apart


@dataclass(frozen=True)
class Side:
    """One of two policies."""

    policy: Policy
    making: Making
    part: Part | None


@dataclass(frozen=True)
class Pair:
    """What both answered to one evaluation prompt; `prompt` is None where its row is gone."""

    prompt_id: str
    number: int
    prompt: Prompt | None
    answers: list[dict[str, Any]]

    @property
    def question(self) -> str:
        """The last user turn; a prompt that is gone leaves its id."""
        return self.prompt.messages[-1]["content"] if self.prompt else self.prompt_id

    @property
    def earlier(self) -> Messages:
        """The turns before the question."""
        return self.prompt.messages[:-1] if self.prompt else []


@dataclass(frozen=True)
class SideBySide:
    """The pairs that the reader may see, and how many wait until they have voted in `review`."""

    pairs: list[Pair]
    hidden: int = 0
    review: Round | None = None


@dataclass(frozen=True)
class Comparison:
    """`together` tells whether one evaluation compared both, so that their rewards are of one reward model."""

    a: Side
    b: Side
    differences: list[Difference]
    data: Data
    together: bool


def compare(a: Policy, b: Policy) -> Comparison:
    """Put two policies of one project side by side."""
    parts = parts_of(a.project, [a, b])
    shared = _shared(parts.get(a.pk, []), parts.get(b.pk, []))
    mine, theirs = shared or (own_part(a, parts.get(a.pk, [])), own_part(b, parts.get(b.pk, [])))
    first, second = Side(a, making_of(a), mine), Side(b, making_of(b), theirs)
    return Comparison(
        first, second, _differences(first.making, second.making), _data(first, second), shared is not None
    )


def _shared(mine: list[Part], theirs: list[Part]) -> tuple[Part, Part] | None:
    """The newest evaluation that both took part in."""
    by_artifact = {part.artifact.pk: part for part in reversed(theirs)}
    both = [(part, by_artifact[part.artifact.pk]) for part in mine if part.artifact.pk in by_artifact]
    return both[0] if both else None


def _differences(a: Making, b: Making) -> list[Difference]:
    first, second = _settings(a), _settings(b)
    names = [*first, *(name for name in second if name not in first)]
    sides = [Difference(name, first.get(name, ""), second.get(name, "")) for name in names]
    return [each for each in sides if each.a != each.b]


def _settings(making: Making) -> dict[str, str]:
    facts = making.facts
    named: dict[str, Any] = {name: facts[name] for name in ("stage", "seed", "exact", "seconds") if name in facts}
    if making.stage is not None:
        named["preset"] = making.stage.preset
    for group in ("config", "versions"):
        named |= {f"{group}.{name}": value for name, value in sorted(facts.get(group, {}).items())}
    return {name: str(value) for name, value in named.items()}


def _data(a: Side, b: Side) -> Data:
    mine, theirs = snapshot_of(a.making), snapshot_of(b.making)
    rankings, demonstrations = Ranking.objects.all(), Demonstration.objects.all()
    return Data(mine, theirs, _apart(rankings, mine, theirs), _apart(demonstrations, mine, theirs))


def _apart(rows: "QuerySet[Any]", a: Snapshot | None, b: Snapshot | None) -> Apart:
    """Count the rows that one of two snapshots pins and the other does not."""
    mine, theirs = (rows.filter(snapshots=each) if each else rows.none() for each in (a, b))
    both = mine.filter(pk__in=theirs.values("pk")).count()
    return Apart(mine.count() - both, theirs.count() - both, both)


def figures(comparison: Comparison) -> list[tuple[str, Estimate | None, Estimate | None]]:
    """Each figure's name with both policies' estimates, those that neither has left out."""
    rows = [
        (name, _estimate(comparison.a.part, name), _estimate(comparison.b.part, name))
        for name in ("reward", "kl", "wins", "votes", *HABITS)
    ]
    return [row for row in rows if row[1] or row[2]]


HABITS = ("tokens_mean", "finished_share", "repetition", "empty_share", "special_share", "length_correlation")


def _estimate(part: Part | None, name: str) -> Estimate | None:
    if part is None:
        return None
    if name in HABITS:
        value = part.habits.get(name)
        return None if value is None else Estimate(value)
    found: Estimate | None = getattr(part, name)
    return found


def answers_of(comparison: Comparison, *, reader: User) -> SideBySide:
    """What both answered, of at most `MOST_PROMPTS` prompts. Raises ManifestError where a directory was changed.

    While a round is reviewed, an answer with its policy's name would unblind who has not voted on it yet.
    """
    a, b = comparison.a.part, comparison.b.part
    if a is None or b is None:
        return SideBySide([])
    both = list(_both(_by_prompt(a), _by_prompt(b)))
    review = next((part.round for part in (a, b) if part.round.state == State.REVIEW), None)
    seen = _voted(review, reader) if review else {ident for ident, *_ in both}
    shown = [row for row in both if row[0] in seen]
    return SideBySide(_pairs(a.round.project_id, shown[:MOST_PROMPTS]), len(both) - len(shown), review)


def _voted(review: Round, reader: User) -> set[str]:
    return set(Vote.objects.filter(round=review, voter=reader).values_list("prompt_id", flat=True))


def _pairs(project: int, rows: list[tuple[str, Any, Any]]) -> list[Pair]:
    asked = Prompt.objects.filter(project=project, public_id__in=[ident for ident, *_ in rows])
    prompts = {str(row.public_id): row for row in asked}
    return [Pair(ident, number, prompts.get(ident), list(said)) for number, (ident, *said) in enumerate(rows, start=1)]


def _by_prompt(part: Part) -> Answers:
    return {row["prompt"]: row for row in part.answers()}


def _both(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    return ((ident, a[ident], b[ident]) for ident in a if ident in b)
