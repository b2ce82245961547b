"""Blind votes: which questions a person votes on, in which order the two answers stand, and what people found."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import JournalEntry, User
from annotations.models import Messages
from annotations.queries.agreement import wilson
from annotations.selfnaming import without_names
from rounds.machine import State
from rounds.models import Round, Vote
from rounds.queries.evaluation import Comparison, Evaluation
from rounds.queries.standing import Win, win

LEFT, RIGHT, TIE = "left", "right", "tie"
SIDES = (LEFT, RIGHT, TIE)
REVEAL = "reveal"
Choices = Mapping[str, str]


@dataclass(frozen=True)
class Ballot:
    """One question with its two answers, nothing of which says whose they are. `chosen` is a side, or empty."""

    number: int
    question: str
    earlier: Messages
    left: str
    right: str
    chosen: str


@dataclass(frozen=True)
class Booth:
    """What one person may still vote on in a round: `questions` are those that differ, by their numbers."""

    open: bool
    revealed: bool
    questions: list[int]
    voted: list[int]

    @property
    def waiting(self) -> list[int]:
        """What waits for this person's vote."""
        return [number for number in self.questions if number not in self.voted] if self.votes_count else []

    @property
    def votes_count(self) -> bool:
        """Whether a vote that this person casts now is a blind one."""
        return self.open and not self.revealed


@dataclass(frozen=True)
class Voter:
    """One person's votes, and on how many questions they agree with the others."""

    name: str
    after: int
    before: int
    ties: int
    agreement: float | None
    common: int

    @property
    def votes(self) -> int:
        return self.after + self.before + self.ties


@dataclass(frozen=True)
class Tally:
    """What people found: the candidate's win rate over questions, and who voted."""

    win: Win
    votes: int
    voters: list[Voter]


def is_open(found: Round) -> bool:
    """Whether votes count still: nobody has decided."""
    return found.state == State.REVIEW and not found.failure


def has_seen_names(found: Round, person: User) -> bool:
    """Whether the person asked for the names before: no vote of theirs would be blind after that."""
    seen = JournalEntry.objects.filter(subject="round", subject_id=str(found.pk), verb=REVEAL, actor=person)
    return seen.exists()


def choices_of(found: Round, person: User) -> dict[str, str]:
    """Prompt → what the person found better."""
    return dict(Vote.objects.filter(round=found, voter=person).values_list("prompt_id", "choice"))


def booth_of(found: Round, person: User, evaluation: Evaluation, choices: Choices) -> Booth:
    """Where the person stands with their votes."""
    differing = [each for each in evaluation.comparisons if each.differs]
    return Booth(
        open=is_open(found),
        revealed=has_seen_names(found, person),
        questions=[each.number for each in differing],
        voted=[each.number for each in differing if each.prompt_id in choices],
    )


def ballot(found: Round, person: User, comparison: Comparison, choices: Choices) -> Ballot:
    """The question as this person sees it, each time in the same order."""
    sides = (Vote.Choice.BEFORE, Vote.Choice.AFTER)
    texts = {str(version): without_names(comparison.text_of(version)) for version in sides}
    order = order_of(found, comparison.prompt_id, person)
    chosen = choices.get(comparison.prompt_id, "")
    return Ballot(
        number=comparison.number,
        question=comparison.question,
        earlier=comparison.earlier,
        left=texts[order[0]],
        right=texts[order[1]],
        chosen=TIE if chosen == Vote.Choice.TIE else (LEFT, RIGHT)[order.index(chosen)] if chosen else "",
    )


def choice_of(found: Round, prompt_id: str, person: User, side: str) -> str:
    """What a side of this person's page stands for."""
    if side == TIE:
        return str(Vote.Choice.TIE)
    return order_of(found, prompt_id, person)[(LEFT, RIGHT).index(side)]


def order_of(found: Round, prompt_id: str, person: User) -> tuple[str, str]:
    """Whose answer stands left and whose right: drawn by a hash, so the same at every look and even over questions."""
    drawn = hashlib.sha256(f"{found.public_id} {prompt_id} {person.pk}".encode()).digest()[0] % 2
    both = (str(Vote.Choice.BEFORE), str(Vote.Choice.AFTER))
    return both if drawn else both[::-1]


def tally_of(found: Round) -> Tally | None:
    """People's votes on a round; None where nobody voted.

    The interval is Wilson's over questions, each the mean of its votes with a tie as a half: two people's votes on
    one question are not two draws.
    """
    votes = list(Vote.objects.filter(round=found).select_related("voter").order_by("voter__username", "prompt_id"))
    if not votes:
        return None
    by_question: dict[str, list[float]] = {}
    for vote in votes:
        by_question.setdefault(vote.prompt_id, []).append(_worth(vote.choice))
    shares = [sum(worth) / len(worth) for worth in by_question.values()]
    share = sum(shares) / len(shares)
    low, high = wilson(share, len(shares))
    return Tally(win(share, low, high, len(shares)), len(votes), _voters(votes))


def _voters(votes: Sequence[Vote]) -> list[Voter]:
    mine: dict[str, dict[str, str]] = {}
    for vote in votes:
        mine.setdefault(vote.voter.get_username(), {})[vote.prompt_id] = vote.choice
    return [
        _voter(name, chosen, [each for other, each in mine.items() if other != name]) for name, chosen in mine.items()
    ]


def _voter(name: str, chosen: Choices, others: Sequence[Choices]) -> Voter:
    count = Counter(chosen.values())
    pairs = [(chosen[ident], other[ident]) for other in others for ident in chosen.keys() & other.keys()]
    agreed = [1 - abs(_worth(one) - _worth(two)) for one, two in pairs]
    return Voter(
        name=name,
        after=count[Vote.Choice.AFTER],
        before=count[Vote.Choice.BEFORE],
        ties=count[Vote.Choice.TIE],
        agreement=sum(agreed) / len(agreed) if agreed else None,
        common=len(agreed),
    )


def _worth(choice: str) -> float:
    """What a vote says of the candidate: a tie is a half, as in every win rate here."""
    return {Vote.Choice.AFTER: 1.0, Vote.Choice.TIE: 0.5}.get(Vote.Choice(choice), 0.0)


def beside(questions: Sequence[int], number: int) -> tuple[int | None, int | None]:
    """The numbers before and after this one."""
    before = max((each for each in questions if each < number), default=None)
    after = min((each for each in questions if each > number), default=None)
    return before, after
