"""What people gave back, and why: what waits for a decision, and the newest skips."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, QuerySet

from accounts.models import Membership, Project
from annotations.choices import AssignmentState, Kind, SkipReason
from annotations.models import Assignment, Messages, Prompt, Slate
from annotations.order import LETTERS
from annotations.records import asked_prompts

UNDECIDED_SHOWN = 20
SKIPS_A_PAGE = 50

Reasons = list[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """A slate, or a prompt to answer, that was skipped until nobody was asked any more."""

    kind: str
    id: str
    prompt: Prompt
    reasons: Reasons
    # Letter → text, in the slate's own order; nothing where the prompt itself was skipped.
    texts: list[tuple[str, str]]

    @property
    def question(self) -> str:
        return str(self.prompt.messages[-1]["content"])

    @property
    def earlier(self) -> Messages:
        return self.prompt.messages[:-1]


@dataclass(frozen=True)
class SkipPage:
    skips: list[Assignment]
    older: int | None


def undecided(project: Project) -> list[Undecided]:
    """Return what waits for a reviewer: slates, longest waiting first, then prompts that nobody wanted to answer."""
    slates = list(_slates(project).order_by("in_review_at").prefetch_related("members__completion")[:UNDECIDED_SHOWN])
    prompts = list(_unanswered(project).order_by("pk")[:UNDECIDED_SHOWN])
    by_slate = _reasons("slate", Assignment.objects.filter(slate__in=slates))
    by_prompt = _reasons("prompt", Assignment.objects.filter(prompt__in=prompts, kind=Kind.DEMONSTRATE))
    return [_slate(slate, by_slate[slate.pk]) for slate in slates] + [
        Undecided(kind=Kind.DEMONSTRATE, id=str(row.public_id), prompt=row, reasons=by_prompt[row.pk], texts=[])
        for row in prompts
    ]


def skips_page(project: Project, *, before: int | None = None) -> SkipPage:
    """Return what was given back last, or before the key."""
    rows = skips_of(project)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: SKIPS_A_PAGE + 1])
    shown = found[:SKIPS_A_PAGE]
    return SkipPage(shown, shown[-1].pk if len(found) > len(shown) else None)


def skips_of(project: Project) -> "QuerySet[Assignment]":
    """What was given back in the project, in no order."""
    # By the people of the project: that is a range of an index, where the state alone would read every assignment.
    people = Membership.objects.filter(project=project).values("user")
    rows = Assignment.objects.filter(labeler__in=people, project=project, state=AssignmentState.SKIPPED)
    return rows.select_related("labeler", "prompt", "slate")


def _slates(project: Project) -> "QuerySet[Slate]":
    waiting = Slate.objects.filter(project=project, in_review_at__isnull=False, retired_at=None)
    return waiting.filter(prompt__retired_at=None).select_related("prompt")


def _unanswered(project: Project) -> "QuerySet[Prompt]":
    """Prompts whose slots to write were skipped until none was left."""
    written = Assignment.objects.filter(prompt=OuterRef("pk"), kind=Kind.DEMONSTRATE)
    asked = asked_prompts(project)
    people = Membership.objects.filter(project=project).values("user")
    skipped = Assignment.objects.filter(
        labeler__in=people, project=project, state=AssignmentState.SKIPPED, kind=Kind.DEMONSTRATE
    )
    enough = skipped.values("prompt").annotate(count=Count("pk")).filter(count__gte=project.max_skips)
    some = asked.filter(pk__in=enough.values("prompt"))
    return some.filter(~Exists(written.exclude(slot=None)))


def _reasons(by: str, rows: "QuerySet[Assignment]") -> Mapping[int, Reasons]:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    skipped = rows.filter(state=AssignmentState.SKIPPED)
    for key, reason, count in skipped.values_list(F(by), "skip_reason").annotate(count=Count("pk")):
        counts[key][reason] = count
    return defaultdict(list, {key: _in_words(found) for key, found in counts.items()})


def _in_words(counts: Counter[str]) -> Reasons:
    return [(str(SkipReason(reason).label), count) for reason, count in counts.most_common()]


def _slate(slate: Slate, reasons: Reasons) -> Undecided:
    members: Iterable[tuple[int, str]] = ((one.position, one.completion.text) for one in slate.members.all())
    texts = [text for _, text in sorted(members)]
    return Undecided(
        kind=Kind.RANK,
        id=str(slate.public_id),
        prompt=slate.prompt,
        reasons=reasons,
        texts=list(zip(LETTERS.upper(), texts, strict=False)),
    )
