"""What people gave, newest first, for who reviews it: pseudonyms, orders with letters and texts, no policy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Project
from annotations.models import Assignment, Demonstration, Messages, Placement, Ranking, Remark, SlateCompletion
from annotations.order import LETTERS
from annotations.visible import visible

ANSWERS_A_PAGE = 20
# What a list can be narrowed to → the rankings that it leaves.
MARKS = {
    "flagged": ~Q(flags=[]) | Exists(Placement.objects.filter(~Q(flags=[]), ranking=OuterRef("pk"))),
    "hurried": Q(hurried=True),
    "unsure": Q(unsure=True),
    "noted": ~Q(note=""),
    "late": Q(assignment__surplus=True),
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """One completion as the labeler saw and placed it."""

    letter: str
    text: str
    tier: int | None
    rating: int | None
    flags: list[str]
    note: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One current ranking or demonstration."""

    assignment: Assignment
    given: Any
    question: str
    earlier: Messages
    remarks: list[Remark]
    order: str = ""
    said: list[Said] = field(default_factory=list)
    # What a remark on it is sent with, so that a second click says it once.
    key: UUID = field(default_factory=uuid4)

    @property
    def flags(self) -> list[str]:
        """Every flag once, in the order of the letters."""
        own = getattr(self.given, "flags", [])
        return list(dict.fromkeys([*own, *(flag for each in self.said for flag in each.flags)]))


@dataclass(frozen=True)
class AnswerPage:
    answers: list[Answer]
    # The key that the next page starts after; None: this is the last.
    older: int | None


def rankings_page(project: Project, *, labeler: str = "", mark: str = "", before: int | None = None) -> AnswerPage:
    """Return the newest current rankings of the project that match, or those older than key `before`."""
    found, older = _page(rankings_of(project, labeler=labeler, mark=mark), before)
    return AnswerPage(shown_rankings(found), older)


def demonstrations_page(
    project: Project, *, labeler: str = "", mark: str = "", before: int | None = None
) -> AnswerPage:
    """Return the newest current demonstrations, likewise; of the marks only "late" and "remarked" can be asked."""
    found, older = _page(demonstrations_of(project, labeler=labeler, mark=mark), before)
    return AnswerPage(shown_demonstrations(found), older)


def rankings_of(project: Project, *, labeler: str = "", mark: str = "") -> "QuerySet[Ranking]":
    """The current rankings that match, in no order."""
    rows = visible(Ranking.objects.filter(assignment__project=project, is_current=True), "slate__imported")
    if mark == "remarked":
        rows = rows.filter(Exists(Remark.objects.filter(assignment=OuterRef("assignment"))))
    elif mark:
        rows = rows.filter(MARKS[mark])
    return _by(labeler, rows)


def demonstrations_of(project: Project, *, labeler: str = "", mark: str = "") -> "QuerySet[Demonstration]":
    """The current demonstrations that match, in no order."""
    rows = visible(Demonstration.objects.filter(project=project, is_current=True))
    if mark == "remarked":
        rows = rows.filter(Exists(Remark.objects.filter(assignment=OuterRef("assignment"))))
    elif mark:
        rows = rows.filter(assignment__surplus=True) if mark == "late" else rows.none()
    return _by(labeler, rows)


def shown_rankings(found: Sequence[Ranking]) -> list[Answer]:
    """Rankings as reviewers see them, in the same order."""
    placed, positions = _placed(found), _positions(found)
    remarks = _remarks(found)
    return [_ranking(row, placed[row.pk], positions[row.slate_id], remarks) for row in found]


def shown_demonstrations(found: Sequence[Demonstration]) -> list[Answer]:
    """Demonstrations as reviewers see them, in the same order."""
    remarks = _remarks(found)
    return [_answer(row, remarks) for row in found]


def _by(labeler: str, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    rows = rows.select_related("labeler", "assignment__prompt")
    return rows.filter(labeler__pseudonym=labeler) if labeler else rows


def _page(rows: "QuerySet[Any]", before: int | None) -> tuple[list[Any], int | None]:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: ANSWERS_A_PAGE + 1])
    shown = found[:ANSWERS_A_PAGE]
    return shown, shown[-1].pk if len(found) > len(shown) else None


def _remarks(given: Sequence[Any]) -> Mapping[int, list[Remark]]:
    remarks: dict[int, list[Remark]] = defaultdict(list)
    about = [each.assignment_id for each in given]
    for remark in Remark.objects.filter(assignment__in=about).select_related("author").order_by("pk"):
        remarks[remark.assignment_id].append(remark)
    return remarks


def _placed(rankings: Sequence[Ranking]) -> Mapping[int, list[Placement]]:
    placed: dict[int, list[Placement]] = defaultdict(list)
    for placement in Placement.objects.filter(ranking__in=rankings).select_related("completion"):
        placed[placement.ranking_id].append(placement)
    return placed


def _positions(rankings: Sequence[Ranking]) -> Mapping[int, dict[int, int]]:
    """Slate → completion → position."""
    positions: dict[int, dict[int, int]] = defaultdict(dict)
    members = SlateCompletion.objects.filter(slate__in=[row.slate_id for row in rankings])
    for slate, completion, position in members.values_list("slate", "completion", "position"):
        positions[slate][completion] = position
    return positions


def _ranking(
    ranking: Ranking, placed: Sequence[Placement], positions: Mapping[int, int], remarks: Mapping[int, list[Remark]]
) -> Answer:
    letters = dict(zip(ranking.assignment.shown, LETTERS.upper(), strict=False))
    said = [_said(placement, letters[positions[placement.completion_id]]) for placement in placed]
    said.sort(key=lambda each: each.letter)
    return _answer(ranking, remarks, order=order_in_words(said, ranking.cut), said=said)


def _said(placement: Placement, letter: str) -> Said:
    return Said(
        letter=letter,
        text=placement.completion.text,
        tier=placement.tier,
        rating=placement.rating,
        flags=placement.flags,
        note=placement.note,
    )


def order_in_words(said: Sequence[Said], cut: int | None) -> str:
    """The order as a person types it, best first: `C A = B | D`."""
    tiers: dict[int, list[str]] = defaultdict(list)
    for each in said:
        if each.tier is not None:
            tiers[each.tier].append(each.letter)
    words = [" = ".join(tiers[tier]) for tier in sorted(tiers)]
    if cut is not None:
        words.insert(cut, "|")
    return "  ".join(words)


def _answer(given: Any, remarks: Mapping[int, list[Remark]], **more: Any) -> Answer:
    *earlier, last = given.assignment.prompt.messages
    return Answer(
        assignment=given.assignment,
        given=given,
        question=last["content"],
        earlier=earlier,
        remarks=remarks.get(given.assignment_id, []),
        **more,
    )
