"""The rows of what was said elsewhere: kept, learned from and exported like our own, and never lent.

Everything here runs in the caller's transaction, which holds the project's row: of two imports at once, the second
finds what the first brought.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Project, User
from annotations.brought import Brought, Tiers
from annotations.choices import AssignmentState, Kind
from annotations.filling import fill
from annotations.models import (
    Assignment,
    Completion,
    Demonstration,
    ImportedItem,
    ImportedSet,
    Placement,
    Policy,
    Prompt,
    Ranking,
    SamplingOrder,
    Slate,
    SlateCompletion,
    public_id,
)
from annotations.services.prompts import PromptRow, asked
from annotations.texts import storable

AT_ONCE = 500


class ImportRefused(ValueError):
    """The set cannot be brought into this project; the text says why, and nothing was changed."""


@dataclass
class Into:
    """A named set in one project: whose words its judgements are, and the order that its completions belong to."""

    imported: ImportedSet
    person: User

    @property
    def project(self) -> Project:
        return self.imported.project

    @cached_property
    def order(self) -> SamplingOrder:
        """Made when the first completion comes: a set without any leaves no policy behind."""
        return _order(self.project, self.imported.name)


def into(imported: ImportedSet) -> Into:
    """Where the rows of this set belong. Raises ImportRefused where a person has the name of its pseudonym."""
    return Into(imported, _person(imported.name))


def add(into: Into, items: Sequence[Brought], *, retired: bool) -> dict[str, int]:
    """Add the items that the project does not have yet, and count what they became.

    Where `retired` is true, prompts that are new to the project are retired at once: no policy is asked them.
    """
    fresh = _fresh(into, [item for item in items if item.texts or item.answers])
    alone = [item for item in items if not item.texts and not item.answers]
    _digests, asked_alone = _prompts(into, alone, retired=retired)
    digests, asked_with = _prompts(into, fresh, retired=retired)
    said = list(zip(_found(into, digests), fresh, strict=True))
    return {
        "items": asked_alone + len(fresh),
        "prompts": asked_alone + asked_with,
        "rankings": _rank(into, [(prompt, item) for prompt, item in said if item.texts]),
        "demonstrations": _demonstrate(into, [(prompt, item) for prompt, item in said if item.answers]),
    }


def _fresh(into: Into, items: Sequence[Brought]) -> list[Brought]:
    by_digest = {item.digest(): item for item in items}
    known = ImportedItem.objects.filter(project=into.project, digest__in=list(by_digest))
    for digest in known.values_list("digest", flat=True):
        del by_digest[bytes(digest)]
    new = ImportedItem(imported=into.imported, project=into.project)
    fill(new, ["digest"], [[digest] for digest in by_digest])
    return list(by_digest.values())


def _person(name: str) -> User:
    """Whoever judged elsewhere: a pseudonym that nobody can log in as."""
    person, new = User.objects.get_or_create(username=f"imported-{name}", defaults={"is_active": False})
    if new:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    elif person.is_active:
        raise ImportRefused(_("A person is named %(name)s already.") % {"name": person.username})
    return person


def _order(project: Project, name: str) -> SamplingOrder:
    """The one order of an imported set, already done. Its policy has no directory: others had it."""
    policy, _new = Policy.objects.get_or_create(
        project=project,
        name=f"imported {name}",
        defaults={"path": "", "digest": hashlib.sha256(f"imported {name}".encode()).hexdigest()},
    )
    made = {"per_prompt": 9, "preset": "imported", "seed": 0, "finished_at": timezone.now()}
    return SamplingOrder.objects.select_related("project").get_or_create(project=project, policy=policy, defaults=made)[
        0
    ]


def _prompts(into: Into, items: Sequence[Brought], *, retired: bool) -> tuple[list[str], int]:
    """Let the items' prompts be there: their digests, and how many are new. What was there stays as it was."""
    if not items:
        return [], 0
    rows = [asked(into.project, _row(item)) for item in items]
    now = timezone.now()
    new = Prompt(project=into.project, imported=into.imported, created_at=now, retired_at=now if retired else None)
    count = fill(new, ["public_id", *rows[0]], map(_written, rows), ignore_conflicts=True)
    return [row["digest"] for row in rows], count


def _found(into: Into, digests: Sequence[str]) -> list[Prompt]:
    """Their prompts, of which nothing but the key is needed."""
    there = Prompt.objects.filter(project=into.project, digest__in=digests)
    found = dict(there.values_list("digest", "pk"))
    return [Prompt(pk=found[digest]) for digest in digests]


def _written(row: dict[str, Any]) -> list[Any]:
    as_json = {"messages": orjson.dumps(row["messages"]).decode(), "tags": orjson.dumps(row["tags"]).decode()}
    return [public_id().hex, *(row | as_json).values()]


def _row(item: Brought) -> PromptRow:
    return PromptRow(messages=item.messages, tags=item.tags, priority=item.priority, sensitive=item.sensitive)


def _rank(into: Into, said: Sequence[tuple[Prompt, Brought]]) -> int:
    """Add slates of the items' texts, and a ranking for each judgement; return how many rankings."""
    if not said:
        return 0
    into.order.prompts.add(*{prompt.pk for prompt, _item in said})
    completions = _completions(into, said)
    slates = _slates(into, said)
    rankings = _rankings(into, [slate for slate, _at, tiers in slates if tiers])
    ranking_of = {ranking.slate_id: ranking for ranking in rankings}
    members, placements = [], []
    for slate, at, tiers in slates:
        texts = completions[at]
        tier_of = {index: tier for tier, tied in enumerate(tiers or [range(len(texts))], start=1) for index in tied}
        for position, index in enumerate(sorted(tier_of)):
            members.append(SlateCompletion(slate=slate, completion=texts[index], position=position))
            if slate.pk in ranking_of:
                placements.append(Placement(ranking=ranking_of[slate.pk], completion=texts[index], tier=tier_of[index]))
    SlateCompletion.objects.bulk_create(members, batch_size=AT_ONCE)
    Placement.objects.bulk_create(placements, batch_size=AT_ONCE)
    return len(rankings)


def _completions(into: Into, said: Sequence[tuple[Prompt, Brought]]) -> list[list[Completion]]:
    """The completions of each item, numbered on from those that its prompt has of this set."""
    known = Completion.objects.filter(order=into.order, prompt__in={prompt for prompt, _item in said})
    last = dict(known.values_list("prompt").annotate(last=Max("index")))
    following: dict[int, int] = defaultdict(int, {prompt: index + 1 for prompt, index in last.items()})
    made = []
    for prompt, item in said:
        first = following[prompt.pk]
        following[prompt.pk] += len(item.texts)
        fixed = {"order": into.order, "prompt": prompt, "policy_id": into.order.policy_id, "finished": True}
        made.append(
            [
                Completion(index=index, text=storable(text), tokens=0, **fixed)
                for index, text in enumerate(item.texts, start=first)
            ]
        )
    Completion.objects.bulk_create([one for texts in made for one in texts], batch_size=AT_ONCE)
    return made


def _slates(into: Into, said: Sequence[tuple[Prompt, Brought]]) -> list[tuple[Slate, int, Tiers | None]]:
    """One slate a judgement, and one for texts that nobody judged; all but a prompt's first are linked to it."""
    known = Slate.objects.filter(order=into.order, prompt__in={prompt for prompt, _item in said}, linked_to=None)
    heads = {slate.prompt_id: slate for slate in known}
    first, linked = [], []
    for at, (prompt, item) in enumerate(said):
        judged: Sequence[Tiers | None] = item.judgements or [None]
        for tiers in judged:
            slate = Slate(project=into.project, prompt=prompt, order=into.order, imported=into.imported)
            # What was judged elsewhere is not asked again.
            slate.overlap = 1 if tiers else into.project.overlap
            if prompt.pk in heads:
                slate.linked_to = heads[prompt.pk]
                linked.append((slate, at, tiers))
            else:
                heads[prompt.pk] = slate
                first.append((slate, at, tiers))
    Slate.objects.bulk_create([slate for slate, _at, _tiers in first], batch_size=AT_ONCE)
    Slate.objects.bulk_create([slate for slate, _at, _tiers in linked], batch_size=AT_ONCE)
    return [*first, *linked]


def _rankings(into: Into, slates: Sequence[Slate]) -> list[Ranking]:
    """One slot a slate, judged on its first day: there is nothing to lend."""
    assignments = Assignment.objects.bulk_create(
        [_done(into, Kind.RANK, slate.prompt_id, slate=slate, slot=0) for slate in slates], batch_size=AT_ONCE
    )
    said: Mapping[str, Any] = {"labeler": into.person, "making": {"imported": into.imported.name}}
    return Ranking.objects.bulk_create(
        [
            Ranking(assignment=assignment, slate=slate, **said)
            for assignment, slate in zip(assignments, slates, strict=True)
        ],
        batch_size=AT_ONCE,
    )


def _demonstrate(into: Into, said: Sequence[tuple[Prompt, Brought]]) -> int:
    """Add the first answer to each prompt that this set has not demonstrated yet, and return how many."""
    prompts = [prompt for prompt, _item in said]
    taken, done = _demonstrated(into, prompts)
    fresh = {prompt: item.answers[0] for prompt, item in said if prompt.pk not in done}
    assignments = Assignment.objects.bulk_create(
        [
            # Where people here are asked for this prompt already, it is outside of their slots.
            _done(into, Kind.DEMONSTRATE, prompt.pk, slot=None if prompt.pk in taken else 0, surplus=prompt.pk in taken)
            for prompt in fresh
        ],
        batch_size=AT_ONCE,
    )
    fixed: Mapping[str, Any] = {"labeler": into.person, "imported": into.imported, "project": into.project}
    Demonstration.objects.bulk_create(
        [
            Demonstration(
                assignment=assignment,
                prompt=prompt,
                messages=[{"role": "assistant", "content": storable(answer)}],
                making={"imported": into.imported.name},
                **fixed,
            )
            for assignment, (prompt, answer) in zip(assignments, fresh.items(), strict=True)
        ],
        batch_size=AT_ONCE,
    )
    return len(fresh)


def _demonstrated(into: Into, prompts: Iterable[Prompt]) -> tuple[set[int], set[int]]:
    """Prompts whose first slot is taken, and those that this set has demonstrated."""
    slots = Assignment.objects.filter(prompt__in=prompts, kind=Kind.DEMONSTRATE)
    taken = set(slots.filter(slot=0).values_list("prompt", flat=True))
    return taken, set(slots.filter(labeler=into.person).values_list("prompt", flat=True))


def _done(into: Into, kind: Kind, prompt: int, **more: Any) -> Assignment:
    return Assignment(
        project=into.project,
        kind=kind,
        prompt_id=prompt,
        state=AssignmentState.DONE,
        labeler=into.person,
        done_at=timezone.now(),
        **more,
    )
