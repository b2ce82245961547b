"""Revisions of one assignment's answers: counted up for ever, one current, none made over what its author never saw."""

from django.db import models

from accounts.prepared import Given, Prepared
from annotations.choices import Kind
from annotations.models import Assignment, Demonstration, Ranking

Answers = models.Manager[Ranking] | models.Manager[Demonstration]


def _revisions(answers: type[Ranking] | type[Demonstration]) -> Prepared[tuple[int]]:
    of_one = answers._default_manager.filter(assignment=Given("assignment"))
    return Prepared(lambda: of_one.order_by("-revision").values_list("revision")[:1])


_NEWEST: dict[str, Prepared[tuple[int]]] = {
    Kind.RANK: _revisions(Ranking),
    Kind.DEMONSTRATE: _revisions(Demonstration),
}


class Stale(Exception):
    """The page that sent this is older than what is kept by now. Views answer 409 with both answers."""


def answers_of(assignment: Assignment) -> Answers:
    """Every revision of the assignment's answer, withdrawn ones too."""
    return assignment.rankings if assignment.slate_id else assignment.demonstrations


def newest_revision(assignment: Assignment) -> int:
    """Return the number of the last revision, 0 before the first. A withdrawn one counts: no number is used twice."""
    [newest] = _NEWEST[assignment.kind].first(assignment=assignment.pk) or [0]
    return newest


def next_revision(assignment: Assignment, *, base: int | None) -> int:
    """Make room for one more answer of an assignment that `yours` locked, and return its revision.

    `base` is the newest revision that the sender's page knew, None where nobody looked at a page.
    Raises `Stale` if there is a newer one.
    """
    newest = newest_revision(assignment)
    if base is not None and base != newest:
        raise Stale(f"made over revision {base}, but {newest} is kept")
    if newest:
        answers_of(assignment).filter(is_current=True).update(is_current=False)
    return newest + 1


def still_given(answer: Ranking | Demonstration) -> None:
    """Raise `Stale` where a submission key comes again whose answer was withdrawn: its sender decides anew."""
    if answer.withdrawn_at:
        raise Stale("the answer of this key was withdrawn")
