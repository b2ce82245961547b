"""Why nothing waits for a labeler, and when that will not be so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Min, QuerySet
from django.db.models.functions import Now

from accounts.consents import consent_owed
from accounts.models import Project, User
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Completion, SamplingOrder, Slate
from annotations.queries.waiting import bearable, live_rows, new_to
from annotations.records import asked_prompts

# More than this is said as "more than": counting on would read them all.
MOST_COUNTED = 100


class Reason(StrEnum):
    """The first that holds is told; what else is known stands below it."""

    CONSENT = "consent"  # a text must be accepted before any work is lent
    NO_PROMPTS = "no_prompts"  # nothing is asked in this project
    NOT_WANTED = "not_wanted"  # answers are not to be written by people here
    WRITING = "writing"  # an order to write completions is not finished
    SENSITIVE = "sensitive"  # what is open is sensitive, and this person asked for none of it
    HELD = "held"  # other people have it
    REVIEW = "review"  # what is left was skipped too often
    UNWRITTEN = "unwritten"  # no completion was ever written, and none is ordered
    ALL_DONE = "all_done"  # this person, or enough others, did all there is


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How many prompts of the unfinished orders have their completions."""

    written: int
    asked: int


@dataclass(frozen=True, kw_only=True)
class Emptiness:
    """Why this person has nothing of one kind. Says nothing of what anybody thought."""

    reason: Reason
    writing: Writing | None = None
    held: int = 0
    first_back: datetime | None = None
    in_review: int = 0
    # Whether this person ever had work of this kind here.
    took_part: bool = False


def why_empty(person: User, project: Project, kind: str) -> Emptiness:
    """Say why `lend_work` gives this person nothing of this kind."""
    fresh = new_to(person, live_rows(project, kind), kind)
    held = bearable(person, fresh).filter(state=AssignmentState.LENT).exclude(lease_until__lt=Now())
    count, first_back = _figures(held)
    writing = _writing(project) if kind == Kind.RANK else None
    in_review = _in_review(project) if kind == Kind.RANK else 0
    return Emptiness(
        reason=_reason(person, project, kind, fresh, writing=writing, held=count, in_review=in_review),
        writing=writing,
        held=count,
        first_back=first_back,
        in_review=in_review,
        took_part=Assignment.objects.filter(project=project, labeler=person, kind=kind).exists(),
    )


def _reason(
    person: User,
    project: Project,
    kind: str,
    fresh: "QuerySet[Assignment]",
    *,
    writing: Writing | None,
    held: int,
    in_review: int,
) -> Reason:
    holds: dict[Reason, Callable[[], bool]] = {
        Reason.CONSENT: lambda: consent_owed(user=person, project=project) is not None,
        Reason.NO_PROMPTS: lambda: not asked_prompts(project).exists(),
        Reason.NOT_WANTED: lambda: kind == Kind.DEMONSTRATE and not project.demonstrations_wanted,
        Reason.WRITING: lambda: writing is not None,
        Reason.SENSITIVE: lambda: person.avoids_sensitive and fresh.filter(state=AssignmentState.OPEN).exists(),
        Reason.HELD: lambda: held > 0,
        Reason.REVIEW: lambda: in_review > 0,
        Reason.UNWRITTEN: lambda: kind == Kind.RANK and not Slate.objects.filter(project=project).exists(),
    }
    return next((reason for reason, is_so in holds.items() if is_so()), Reason.ALL_DONE)


def _figures(held: "QuerySet[Assignment]") -> tuple[int, datetime | None]:
    some = held.order_by("lease_until")[:MOST_COUNTED]
    found = some.aggregate(count=Count("pk"), first=Min("lease_until"))
    return found["count"], found["first"]


def _writing(project: Project) -> Writing | None:
    orders = SamplingOrder.objects.filter(project=project, finished_at=None)
    asked = orders.aggregate(count=Count("prompts"))["count"]
    if not asked:
        return None
    written = Completion.objects.filter(order__in=orders).aggregate(count=Count("prompt", distinct=True))
    return Writing(written=min(written["count"], asked), asked=asked)


def _in_review(project: Project) -> int:
    waiting = Slate.objects.filter(project=project, in_review_at__isnull=False, retired_at=None)
    return waiting.filter(prompt__retired_at=None)[:MOST_COUNTED].count()
