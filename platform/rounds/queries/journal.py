"""The journal as operators read it: newest first, narrowed by kind, person and time, and whether it is sealed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import JournalEntry, Membership, Project, User
from annotations.models import Policy, SamplingOrder
from rounds import journal_words
from rounds.models import Deployment, Round, Stage
from rounds.queries.pipeline import KIND_LABELS

ENTRIES_A_PAGE = 50
# Kind in the address → the subjects that it shows. What labelers do all day would hide what operators did.
WORK = ("assignment",)
KINDS: dict[str, tuple[str, ...]] = {
    "rounds": ("round", "stage", "schedule"),
    "policies": ("policy", "rewardmodel", "snapshot", "deployment", "samplingorder"),
    "people": ("membership", "invitation", "user", "consent", "acceptance", "qualification"),
    "project": ("project", "guideline", "prompt", "slate", "exercise", "remark"),
    "exports": ("export", "import"),
    "work": WORK,
}
ALL, MACHINE = "all", "machine"


@dataclass(frozen=True)
class Narrowed:
    """What the list shows. Without a kind: all but the labelers' work."""

    kind: str = ""
    # A person's number, or `MACHINE`.
    person: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Thing:
    """What an entry is about, in words, and its page if it has one."""

    words: str
    url: str = ""


@dataclass(frozen=True)
class Line:
    entry: JournalEntry
    who: str
    done: str
    states: str
    noted: str
    url: str
    sealed: bool


@dataclass(frozen=True)
class JournalPage:
    lines: list[Line]
    # What the next page begins before; None: this is the last.
    older: int | None


def journal_page(project: Project, narrowed: Narrowed, *, before: int | None, sealed: int) -> JournalPage:
    """Return the newest entries that match, or what comes before the entry `before`. `sealed`: the last sealed one."""
    rows = matching(project, narrowed).filter(Q() if before is None else Q(pk__lt=before))
    found = list(rows.select_related("actor").order_by("-pk")[: ENTRIES_A_PAGE + 1])
    shown = found[:ENTRIES_A_PAGE]
    return JournalPage(lines_of(project, shown, sealed=sealed), shown[-1].pk if len(found) > len(shown) else None)


def lines_of(project: Project, entries: Sequence[JournalEntry], *, sealed: int) -> list[Line]:
    """The entries in words, those up to the number `sealed` as sealed."""
    things = _things(project, entries)
    return [_line(entry, things[entry.subject].get(entry.subject_id), sealed) for entry in entries]


def people_of(project: Project) -> list[tuple[str, str]]:
    """Everybody who may have acted here: who is or was a member. (number, name), by name."""
    members = Membership.objects.filter(project=project).order_by("user__username")
    return [(str(pk), name) for pk, name in members.values_list("user", "user__username")]


def matching(project: Project, narrowed: Narrowed) -> "QuerySet[JournalEntry]":
    """The entries that the list shows."""
    rows = JournalEntry.objects.filter(project=project)
    if narrowed.kind in KINDS:
        rows = rows.filter(subject__in=KINDS[narrowed.kind])
    elif narrowed.kind != ALL:
        rows = rows.exclude(subject__in=WORK)
    if narrowed.person == MACHINE:
        rows = rows.filter(actor=None, pseudonym="")
    elif narrowed.person:
        rows = rows.filter(actor=int(narrowed.person))
    if narrowed.since:
        rows = rows.filter(at__gte=narrowed.since)
    return rows.filter(at__lt=narrowed.until) if narrowed.until else rows


def _line(entry: JournalEntry, thing: Thing | None, sealed: int) -> Line:
    thing = thing or Thing(entry.facts.get("policy") or f"{entry.subject} {entry.subject_id}")
    return Line(
        entry=entry,
        who=_who(entry),
        done=journal_words.done(entry, thing.words),
        states=journal_words.states(entry),
        noted=journal_words.noted(entry.facts),
        url=thing.url,
        sealed=entry.pk <= sealed,
    )


def _who(entry: JournalEntry) -> str:
    if entry.actor is not None:
        return entry.actor.get_username()
    if entry.pseudonym:
        return _("Somebody who was erased (%(pseudonym)s)") % {"pseudonym": entry.pseudonym}
    return _("The machine")


def _things(project: Project, entries: Iterable[JournalEntry]) -> Mapping[str, Mapping[str, Thing]]:
    """Subject → its number → what it is; one query for each kind of subject that is on the page."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        wanted[entry.subject].add(entry.subject_id)
    found: dict[str, Mapping[str, Thing]] = defaultdict(dict)
    for subject, ids in wanted.items():
        if subject in _FINDERS:
            found[subject] = _FINDERS[subject](project, sorted(ids))
    return found


def _rounds(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    numbers = Round.objects.filter(project=project, pk__in=ids).values_list("pk", "number")
    return {str(pk): _round(project, number) for pk, number in numbers}


def _stages(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    rows = Stage.objects.filter(project=project, pk__in=ids).values_list("pk", "kind", "round__number")
    return {str(pk): _stage(project, kind, number) for pk, kind, number in rows}


def _round(project: Project, number: int) -> Thing:
    return Thing(_("round %(number)d") % {"number": number}, reverse("round", args=[project.slug, number]))


def _stage(project: Project, kind: str, number: int | None) -> Thing:
    label = str(KIND_LABELS.get(kind, kind))
    if number is None:
        return Thing(label)
    words = _("%(kind)s of round %(number)d") % {"kind": label, "number": number}
    return Thing(words, reverse("round", args=[project.slug, number]))


def _deployments(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    return _named(Deployment.objects.filter(project=project, pk__in=ids).values_list("pk", "policy__name"))


def _orders(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    return _named(SamplingOrder.objects.filter(project=project, pk__in=ids).values_list("pk", "policy__name"))


def _policies(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    return _named(Policy.objects.filter(project=project, pk__in=ids).values_list("pk", "name"))


def _members(project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    return _named(Membership.objects.filter(project=project, pk__in=ids).values_list("pk", "user__username"))


def _users(_project: Project, ids: Sequence[str]) -> Mapping[str, Thing]:
    return _named(User.objects.filter(pk__in=ids).values_list("pk", "username"))


def _named(rows: Iterable[tuple[object, str]]) -> Mapping[str, Thing]:
    return {str(pk): Thing(name) for pk, name in rows}


_FINDERS: dict[str, Callable[[Project, Sequence[str]], Mapping[str, Thing]]] = {
    "round": _rounds,
    "stage": _stages,
    "deployment": _deployments,
    "samplingorder": _orders,
    "policy": _policies,
    "membership": _members,
    "user": _users,
}
