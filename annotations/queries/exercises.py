"""Exercises as people see them, and where each person stands with the qualification set."""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from accounts.models import Project, User
from accounts.prepared import Given, Prepared
from annotations.choices import Purpose
from annotations.clauses import Clause, clauses_of
from annotations.marking import Pair, Said
from annotations.models import Exercise, ExerciseAnswer, Messages, Qualification
from annotations.order import LETTERS, Order
from annotations.queries.desk import guideline_of

# An author names an answer as {a}: each person sees it under a letter of their own.
_NAMED = re.compile(r"\{([a-i])\}")

Exercises = QuerySet[Exercise, Exercise]


@dataclass(frozen=True, kw_only=True)
class ExerciseCard:
    """One text under the letter that this person sees; `at` is its position in the exercise."""

    letter: str
    text: str
    at: int


@dataclass(frozen=True, kw_only=True)
class ExplainedPair:
    """What is known of two texts, by their letters, and what an answer said: a value of `Said`, or nothing."""

    better: str
    worse: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Explained:
    """An exercise with its known order: tiers of cards best first, and its pairs."""

    earlier: Messages
    question: str
    why: str
    tiers: list[list[ExerciseCard]]
    order: str
    pairs: list[ExplainedPair]
    alike: int
    counted: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One person and the qualification set: their attempts, newest first, and what has to come before the next."""

    attempts: list[Qualification]
    under_way: Qualification | None
    passed: Qualification | None
    asked: int
    answered: int
    practice_left: int

    @property
    def latest(self) -> Qualification | None:
        """The newest attempt that has ended."""
        return next((one for one in self.attempts if one.ended_at), None)


def exercises_of(project: Project | Given, purpose: str) -> Exercises:
    """Return the exercises of one purpose that are still asked, in the operator's order."""
    return Exercise.objects.filter(project=project, purpose=purpose, retired_at=None).order_by("position", "pk")


def exercise_of(project: Project, purpose: str, exercise_id: UUID) -> Exercise:
    """Return one exercise that is still asked. Raises `Http404`."""
    found = exercises_of(project, purpose).filter(public_id=exercise_id).first()
    if found is None:
        raise Http404(f"no exercise {exercise_id} in {project.slug}")
    return found


def cards_of(exercise: Exercise, person: User, attempt: int) -> list[ExerciseCard]:
    """Return the texts in an order of this person's own that no author chose: the same at every reload."""
    places = list(range(len(exercise.texts)))
    random.Random(f"{exercise.public_id} {person.pseudonym} {attempt}").shuffle(places)
    return [
        ExerciseCard(letter=letter, text=exercise.texts[at], at=at) for letter, at in zip(LETTERS, places, strict=False)
    ]


def as_written(exercise: Exercise) -> list[ExerciseCard]:
    """Return the texts in their author's order."""
    return [
        ExerciseCard(letter=letter, text=text, at=at)
        for at, (letter, text) in enumerate(zip(LETTERS, exercise.texts, strict=False))
    ]


def explained(exercise: Exercise, cards: Sequence[ExerciseCard], pairs: Sequence[Pair] = ()) -> Explained:
    """Return the known order under the letters of these cards, with what was said of each pair."""
    earlier, question = question_of(exercise.messages)
    card_at = {card.at: card for card in cards}
    tiers = [sorted((card_at[at] for at in tied), key=lambda card: card.letter) for tied in exercise.tiers]
    return Explained(
        earlier=earlier,
        question=question,
        why=_NAMED.sub(lambda named: _letter(named[1], cards).upper(), exercise.explanation),
        tiers=tiers,
        order=str(Order(tuple(tuple(card.letter for card in tied) for tied in tiers))),
        pairs=_by_letter([_explained(pair, card_at) for pair in pairs]),
        alike=sum(pair.said is Said.ALIKE for pair in pairs),
        counted=sum(pair.said is not Said.FREE for pair in pairs),
    )


def _letter(written: str, cards: Sequence[ExerciseCard]) -> str:
    """The letter on the screen of the text that its author knows as `written`."""
    at = LETTERS.index(written)
    return next((card.letter for card in cards if card.at == at), written)


def _explained(pair: Pair, card_at: Mapping[int, ExerciseCard]) -> ExplainedPair:
    letters = [card_at[pair.better].letter, card_at[pair.worse].letter]
    better, worse = sorted(letters) if pair.said is Said.FREE else letters
    return ExplainedPair(better=better, worse=worse, said=pair.said.value)


def _by_letter(pairs: list[ExplainedPair]) -> list[ExplainedPair]:
    return sorted(pairs, key=lambda pair: (pair.said == Said.FREE.value, pair.better, pair.worse))


def tiers_from(order: Order, cards: Sequence[ExerciseCard]) -> list[list[int]]:
    """Return an order of letters as tiers of positions."""
    at = {card.letter: card.at for card in cards}
    return [sorted(at[letter] for letter in tied) for tied in order.tiers]


def clause_of(exercise: Exercise) -> Clause | None:
    """Return the clause that an exercise is about, if the newest guidelines still have it."""
    newest = guideline_of(exercise.project) if exercise.clause else None
    return next((one for one in clauses_of(newest.text) if one.id == exercise.clause), None) if newest else None


def question_of(messages: Messages) -> tuple[Messages, str]:
    """Return the earlier turns and the last one's text."""
    *earlier, last = messages
    return earlier, last["content"]


def practised(person: User, project: Project) -> set[int]:
    """Return which practice exercises this person has answered at least once, by primary key."""
    answers = ExerciseAnswer.objects.filter(labeler=person, exercise__project=project, qualification=None)
    return set(answers.values_list("exercise", flat=True))


def next_attempt(person: User, exercise: Exercise) -> int:
    """Return the number of the person's next repetition of a practice exercise."""
    last = exercise.answers.filter(labeler=person).order_by("-attempt").first()
    return last.attempt + 1 if last else 1


def qualification_owed(person: User, project: Project) -> bool:
    """Say whether the project has a qualification set that this person has not passed: one look at two indexes."""
    return _OWED.first(person=person.pk, project=project.pk) is not None


def _not_passed() -> QuerySet[Exercise, Any]:
    passed = Qualification.objects.filter(project=OuterRef("project"), labeler=Given("person"), passed_at__isnull=False)
    asked = exercises_of(Given("project"), Purpose.QUALIFICATION)
    return asked.filter(~Exists(passed)).order_by().values_list("pk")[:1]


_OWED = Prepared(_not_passed)


def under_way(person: User, project: Project) -> Qualification | None:
    """Return the attempt that this person has begun and not ended."""
    return Qualification.objects.filter(project=project, labeler=person, ended_at=None).first()


def still_asked(attempt: Qualification) -> list[Exercise]:
    """Return what this attempt has not answered yet, in an order that differs from attempt to attempt."""
    answered = attempt.answers.values("exercise")
    left = exercises_of(attempt.project, Purpose.QUALIFICATION).exclude(pk__in=answered)
    return sorted(left, key=lambda one: hashlib.sha256(f"{attempt.pk} {one.public_id}".encode()).digest())


def practice_left(person: User, project: Project, failed: Qualification | None) -> int:
    """Count the practice exercises that have to be answered again after a failed attempt."""
    if failed is None or failed.passed_at or failed.ended_at is None:
        return 0
    since = ExerciseAnswer.objects.filter(labeler=person, exercise=OuterRef("pk"), at__gt=failed.ended_at)
    return exercises_of(project, Purpose.PRACTICE).filter(~Exists(since)).count()


def standing(person: User, project: Project) -> Standing:
    """Return where this person stands with the qualification set."""
    attempts = list(project.qualifications.filter(labeler=person).order_by("-attempt"))
    running = next((one for one in attempts if one.ended_at is None), None)
    latest = next((one for one in attempts if one.ended_at), None)
    return Standing(
        attempts=attempts,
        under_way=running,
        passed=next((one for one in attempts if one.passed_at), None),
        asked=exercises_of(project, Purpose.QUALIFICATION).count(),
        answered=running.answers.count() if running else 0,
        practice_left=practice_left(person, project, latest),
    )
