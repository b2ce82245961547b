"""Take in rankings: once per submission key, whole or refused, late ones kept, revisions beside what they revise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.consents import consent_given
from accounts.models import User
from accounts.prepared import Given, Prepared, PreparedInsert
from accounts.submissions import answer_once, remember
from annotations.correction import Correction, tidied
from annotations.models import Assignment, Placement, Ranking, SlateCompletion
from annotations.queries.desk import guideline_of
from annotations.services.demonstrations import foresee_edits, keep_correction
from annotations.services.revisions import next_revision, still_given
from annotations.services.work import take_answer, yours
from annotations.texts import LONGEST, storable

_COMPLETIONS: Prepared[tuple[UUID, int]] = Prepared(
    lambda: SlateCompletion.objects.filter(slate=Given("slate")).values_list("completion__public_id", "completion")
)
_KEEP, _KEEP_PLACEMENTS = PreparedInsert(Ranking), PreparedInsert(Placement)
# One question for slates of two: from "left is far better" (-3) to "right is far better" (3).
_STRENGTHS = range(-3, 4)
_RATINGS = range(1, 8)
_LONGEST_FLAG = 40


class BadRanking(ValueError):
    """What was sent is no ranking of this slate; the text says why. Views answer 400 and keep the draft."""


class Incomplete(BadRanking):
    """A completion was left unplaced, and the project asks for whole orders."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a person said about a slate: tiers best first, by the completions' public ids."""

    tiers: Sequence[Sequence[UUID]]
    cut: int | None = None
    note: str = ""
    strength: int | None = None
    ratings: Mapping[UUID, int] = field(default_factory=dict)
    flags: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    notes: Mapping[UUID, str] = field(default_factory=dict)
    # What is wrong with the slate as a whole.
    slate_flags: Sequence[str] = ()
    unsure: bool = False

    def tier_of(self) -> dict[UUID, int]:
        return {completion: tier for tier, tied in enumerate(self.tiers, start=1) for completion in tied}

    def body(self, assignment_id: UUID) -> dict[str, Any]:
        """What a submission key stands for. How it was made is left out: a second click has other times."""
        return {
            "assignment": str(assignment_id),
            "tiers": [sorted(map(str, tied)) for tied in self.tiers],
            "cut": self.cut,
            "note": self.note,
            "strength": self.strength,
            "ratings": {str(completion): rating for completion, rating in self.ratings.items()},
            "flags": {str(completion): sorted(flags) for completion, flags in self.flags.items()},
            "notes": {str(completion): note for completion, note in self.notes.items()},
            "slate_flags": sorted(self.slate_flags),
            "unsure": self.unsure,
        }


def submit_ranking(
    *,
    by: User,
    assignment_id: UUID,
    tiers: Sequence[Sequence[UUID]],
    cut: int | None = None,
    note: str = "",
    strength: int | None = None,
    ratings: Mapping[UUID, int] | None = None,
    flags: Mapping[UUID, Sequence[str]] | None = None,
    notes: Mapping[UUID, str] | None = None,
    slate_flags: Sequence[str] = (),
    unsure: bool = False,
    hurried: bool = False,
    correction: Correction | None = None,
    making: dict[str, Any] | None = None,
    base: int | None = None,
    key: UUID,
) -> Ranking:
    """Keep a ranking: the first of its assignment, or a new revision of it.

    An answer that comes after the slot went to somebody else is kept as surplus, outside the overlap. A correction
    is kept with it or not at all. Like `making`, `hurried` is no part of what the key stands for: a second click has
    other times. `base` is the newest revision that the page knew. Raises `NotYours`, `BadRanking` (`Incomplete`),
    `BadMessages`, `KeyReused`, `Stale`.
    """
    judgement = Judgement(
        tiers=tiers,
        cut=cut,
        note=storable(note),
        strength=strength,
        ratings=ratings or {},
        flags=flags or {},
        notes={completion: storable(said) for completion, said in (notes or {}).items()},
        slate_flags=slate_flags,
        unsure=unsure,
    )
    if correction:
        foresee_edits(correction.completion, tidied(correction.text))
    with transaction.atomic():
        body = judgement.body(assignment_id) | ({"correction": correction.body()} if correction else {})
        if answered := answer_once(user=by, key=key, body=body):
            before = Ranking.objects.get(public_id=answered)
            still_given(before)
            return before
        assignment = yours(by, assignment_id)
        slate = _slate(assignment)
        completions = dict(_COMPLETIONS.all(slate=slate))
        _check(judgement, completions, partial=assignment.project.partial_order)
        revision = next_revision(assignment, base=base)
        ranking = _make(by, assignment, revision, judgement, hurried=hurried, making=making or {})
        _place(ranking, judgement, completions)
        if correction:
            keep_correction(by=by, assignment=assignment, correction=correction, making=making or {})
        take_answer(assignment, verb="rank")
        remember(user=by, key=key, body=body, result=str(ranking.public_id))
        return ranking


def _slate(assignment: Assignment) -> int:
    if assignment.slate_id is None:
        raise BadRanking(_("There is nothing to rank here."))
    return assignment.slate_id


def _check(judgement: Judgement, completions: Mapping[UUID, int], *, partial: bool) -> None:
    placed = [completion for tied in judgement.tiers for completion in tied]
    if not all(judgement.tiers) or not placed:
        raise Incomplete(_("Nothing is placed yet."))
    if len(placed) != len(set(placed)):
        raise BadRanking(_("An answer is placed twice."))
    if {*placed, *judgement.ratings, *judgement.flags, *judgement.notes} - set(completions):
        raise BadRanking(_("An answer is not one of these."))
    if len(placed) < len(completions) and not partial:
        raise Incomplete(_("Some answers are not placed yet."))
    _check_details(judgement, of=len(completions))


def _check_details(judgement: Judgement, *, of: int) -> None:
    if judgement.cut is not None and not 0 <= judgement.cut <= len(judgement.tiers):
        raise BadRanking(_("The line of what is acceptable lies outside the order."))
    if judgement.strength is not None:
        _check_strength(judgement.strength, judgement.tiers, of=of)
    if any(rating not in _RATINGS for rating in judgement.ratings.values()):
        raise BadRanking(_("A rating is a number from 1 to 7."))
    _check_words(judgement)


def _check_words(judgement: Judgement) -> None:
    if any(len(note) > LONGEST for note in [judgement.note, *judgement.notes.values()]):
        raise BadRanking(_("The note is longer than %(most)d characters.") % {"most": LONGEST})
    flags = [*judgement.slate_flags, *chain.from_iterable(judgement.flags.values())]
    if any(not 0 < len(flag) <= _LONGEST_FLAG for flag in flags):
        raise BadRanking(_("A flag is too long."))


def _check_strength(strength: int, tiers: Sequence[Sequence[UUID]], *, of: int) -> None:
    if of != 2 or strength not in _STRENGTHS:
        raise BadRanking(_("How much better is asked of two answers only, from -3 to 3."))
    if [len(tied) for tied in tiers] != ([1, 1] if strength else [2]):
        raise BadRanking(_("How much better is 0 where two answers are the same, and only there."))


def _make(
    by: User, assignment: Assignment, revision: int, judgement: Judgement, *, hurried: bool, making: dict[str, Any]
) -> Ranking:
    ranking = Ranking(
        assignment=assignment,
        slate_id=_slate(assignment),
        labeler=by,
        revision=revision,
        cut=judgement.cut,
        strength=judgement.strength,
        note=judgement.note,
        flags=list(judgement.slate_flags),
        unsure=judgement.unsure,
        hurried=hurried,
        guideline=guideline_of(assignment.project),
        consent=consent_given(user=by, project=assignment.project),
        making=making,
    )
    _KEEP([ranking])
    return ranking


def _place(ranking: Ranking, judgement: Judgement, completions: Mapping[UUID, int]) -> None:
    tier_of = judgement.tier_of()
    placed = [
        Placement(
            ranking=ranking,
            completion_id=pk,
            tier=tier_of.get(completion),
            rating=judgement.ratings.get(completion),
            flags=list(judgement.flags.get(completion, [])),
            note=judgement.notes.get(completion, ""),
        )
        for completion, pk in completions.items()
    ]
    _KEEP_PLACEMENTS(placed)
