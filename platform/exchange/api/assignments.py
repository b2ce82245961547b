"""An assignment as its person sees it: what stands on the screen of the page, and nothing more."""

from typing import Any

from annotations.choices import AssignmentState, Kind
from annotations.forms.correction import correction_before
from annotations.forms.ranking import Flag, SlateFlag, said_before
from annotations.models import Assignment, Demonstration, Draft, Ranking
from annotations.order import parse_order
from annotations.queries.desk import SlatePage, guideline_of, last_demonstration, slate_page, standing
from annotations.queries.emptiness import Emptiness
from annotations.queries.writing import starts_of
from exchange.api.labeling_shapes import (
    AsksOut,
    AssignmentOut,
    EmptinessOut,
    LetteredOut,
    OfAnswerBefore,
    RankingBefore,
    StartOut,
    WorkStanding,
    WritingOut,
)
from exchange.api.prompts import Message
from exchange.api.sent_shapes import CorrectionIn, DraftOut, TakenOut


def assignment_out(assignment: Assignment, *, show: bool) -> AssignmentOut:
    """The whole assignment; of a sensitive question nothing unless `show`."""
    hidden = assignment.prompt.sensitive and not show
    said = _NOTHING if hidden else (_ranked(assignment) if assignment.kind == Kind.RANK else _written(assignment))
    guideline = guideline_of(assignment.project)
    return AssignmentOut(
        id=assignment.public_id,
        project=assignment.project.slug,
        kind=Kind(assignment.kind),
        state=AssignmentState(assignment.state),
        standing=WorkStanding(standing(assignment)),
        lease_until=assignment.lease_until,
        sensitive=assignment.prompt.sensitive,
        hidden=hidden,
        messages=[] if hidden else [Message.model_validate(message) for message in assignment.prompt.messages],
        guideline_version=guideline.version if guideline else None,
        draft=None if hidden else _draft(assignment),
        **{**_NOTHING, **said},
    )


_NOTHING: dict[str, Any] = {
    "answers": [],
    "starts": [],
    "asks": None,
    "revision": 0,
    "ranking": None,
    "turns": None,
}


def taken_out(assignment: Assignment, kept: Ranking | Demonstration) -> TakenOut:
    """What became of an answer."""
    late = Assignment.objects.filter(pk=assignment.pk, surplus=True).exists()
    hurried = isinstance(kept, Ranking) and kept.hurried
    return TakenOut(id=assignment.public_id, revision=kept.revision, late=late, hurried=hurried)


def emptiness_out(emptiness: Emptiness) -> EmptinessOut:
    """Why nothing waits."""
    writing = emptiness.writing
    told = {**vars(emptiness), "writing": WritingOut(**vars(writing)) if writing else None}
    return EmptinessOut(**told)


def _ranked(assignment: Assignment) -> dict[str, Any]:
    page = slate_page(assignment)
    return {
        "answers": [LetteredOut(letter=card.letter, text=card.text) for card in page.cards],
        "asks": _asks(page),
        "revision": page.ranking.revision if page.ranking else 0,
        "ranking": _before(page, page.ranking) if page.ranking else None,
    }


def _written(assignment: Assignment) -> dict[str, Any]:
    before = last_demonstration(assignment)
    return {
        "starts": [StartOut(letter=one.letter, text=one.text, handle=one.handle) for one in starts_of(assignment)],
        "revision": before.revision if before else 0,
        "turns": [turn["content"] for turn in before.messages] if before else None,
    }


def _asks(page: SlatePage) -> AsksOut:
    project, pair = page.assignment.project, len(page.cards) == len("ab")
    return AsksOut(
        partial_order=project.partial_order and not pair,
        cut=project.asks_cut and not pair,
        ratings=project.asks_ratings and not pair,
        note=project.asks_note,
        strength=pair,
        flags=list(Flag) if project.asks_flags else [],
        slate_flags=list(SlateFlag) if project.asks_flags else [],
    )


def _before(page: SlatePage, ranking: Ranking) -> RankingBefore:
    said, letters = said_before(page), [card.letter for card in page.cards]
    pair = len(letters) == len("ab")
    order = parse_order(said["order"], letters)
    return RankingBefore(
        tiers=[] if pair else [list(tied) for tied in order.tiers],
        cut=None if pair else order.cut,
        strength=ranking.strength,
        both_bad=pair and ranking.cut == 0,
        answers={letter: _of_answer(said, letter) for letter in letters},
        flags=said["flags"],
        note=said["note"],
        unsure=said["unsure"],
        correction=_correction(page),
        withdrawn=ranking.withdrawn_at is not None,
        hurried=ranking.hurried,
        created_at=ranking.created_at,
    )


def _of_answer(said: dict[str, Any], letter: str) -> OfAnswerBefore:
    return OfAnswerBefore(
        rating=said.get(f"rating-{letter}"), flags=said.get(f"flags-{letter}", []), note=said.get(f"note-{letter}", "")
    )


def _correction(page: SlatePage) -> CorrectionIn | None:
    said = correction_before(page)
    return CorrectionIn(text=said["correction"], letter=said["corrected"] or None) if said else None


def _draft(assignment: Assignment) -> DraftOut | None:
    draft: Draft | None = getattr(assignment, "draft", None)
    return DraftOut(version=draft.version, body=draft.body, saved_at=draft.saved_at) if draft else None
