"""Bring judgements in that were made elsewhere: kept, learned from and exported like our own, and never lent."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import AssignmentState, Kind
from annotations.models import (
    Assignment,
    Completion,
    Demonstration,
    Messages,
    Placement,
    Policy,
    Prompt,
    Ranking,
    SamplingOrder,
    Slate,
    SlateCompletion,
)
from annotations.services.prompts import PromptRow, new_prompt
from annotations.texts import storable

_BATCH = 200

# Indices of completions, best first; those of one tier tie.
Tiers = Sequence[Sequence[int]]
Progress = Callable[[int], None]


class ImportRefused(ValueError):
    """The set cannot be brought into this project; the text says why, and nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class JudgedPrompt:
    """A prompt, completions of it that others wrote, and what a person elsewhere said about them.

    One judgement of all completions is a ranking. Several, of two each, are pairwise judgements that make no order.
    """

    messages: Messages
    texts: Sequence[str]
    judgements: Sequence[Tiers]
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AnsweredPrompt:
    """A prompt and what a person elsewhere answered, as messages that end with the assistant's."""

    messages: Messages
    answer: Messages
    tags: list[str] = field(default_factory=list)


@dataclass
class _Set:
    """A named set in one project: its imported person, and the order and policy that its completions belong to."""

    project: Project
    name: str
    person: User
    order: SamplingOrder


def import_rankings(
    *,
    by: User | None,
    project: Project,
    name: str,
    rows: Sequence[JudgedPrompt],
    asked: bool = True,
    progress: Progress = lambda done: None,
) -> int:
    """Add the rankings of a set that are not there yet, all or none, and return how many.

    Where `asked` is false, prompts that are new to the project are retired at once: no policy is asked them.
    Raises ImportRefused.
    """
    with transaction.atomic():
        _begin(by, project)
        into = _Set(project, name, _person(name), _order(project, name, rows))
        added = 0
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            added += _rank(into, list(zip(_prompts(project, batch, asked=asked), batch, strict=True)))
            progress(start + len(batch))
        _note(by, project, name, rankings=added)
    return added


def import_demonstrations(
    *,
    by: User | None,
    project: Project,
    name: str,
    rows: Sequence[AnsweredPrompt],
    progress: Progress = lambda done: None,
) -> int:
    """Add the demonstrations of a set that are not there yet, all or none; return how many. Raises ImportRefused."""
    with transaction.atomic():
        _begin(by, project)
        person, added = _person(name), 0
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            added += _demonstrate(name, person, list(zip(_prompts(project, batch, asked=True), batch, strict=True)))
            progress(start + len(batch))
        _note(by, project, name, demonstrations=added)
    return added


def _begin(by: User | None, project: Project) -> None:
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    # The row is locked by writing to it: of two imports at once, the second finds what the first brought.
    Project.objects.filter(pk=project.pk).update(stock_target=F("stock_target"))


def _note(by: User | None, project: Project, name: str, **added: Any) -> None:
    if any(added.values()):
        journal.record(project=project, actor=by, verb="import", subject=project, set=name, **added)


def _person(name: str) -> User:
    """Whoever judged elsewhere: a pseudonym that nobody can log in as."""
    person, new = User.objects.get_or_create(username=f"imported-{name}", defaults={"is_active": False})
    if new:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    elif person.is_active:
        raise ImportRefused(_("A person is named %(name)s already.") % {"name": person.username})
    return person


def _order(project: Project, name: str, rows: Iterable[JudgedPrompt]) -> SamplingOrder:
    """The one order of an imported set, already done. Its policy has no directory: others had it."""
    policy, _new = Policy.objects.get_or_create(
        project=project,
        name=f"imported {name}",
        defaults={"path": "", "digest": hashlib.sha256(f"imported {name}".encode()).hexdigest()},
    )
    most = max((len(row.texts) for row in rows), default=2)
    made = {"per_prompt": most, "preset": "imported", "seed": 0, "finished_at": timezone.now()}
    return SamplingOrder.objects.get_or_create(project=project, policy=policy, defaults=made)[0]


def _prompts(project: Project, rows: Sequence[JudgedPrompt | AnsweredPrompt], *, asked: bool) -> list[Prompt]:
    """The prompt of each row; what was there stays as it was."""
    prompts = [new_prompt(project, PromptRow(messages=row.messages, tags=row.tags)) for row in rows]
    for prompt in prompts:
        prompt.retired_at = None if asked else prompt.created_at
    Prompt.objects.bulk_create(prompts, ignore_conflicts=True)
    there = Prompt.objects.filter(project=project, digest__in=[prompt.digest for prompt in prompts])
    by_digest = {prompt.digest: prompt for prompt in there}
    return [by_digest[prompt.digest] for prompt in prompts]


def _rank(into: _Set, rows: Sequence[tuple[Prompt, JudgedPrompt]]) -> int:
    """Add the rankings of the prompts that this set has not judged here yet, and return how many."""
    before = Slate.objects.filter(order=into.order, prompt__in=[prompt for prompt, _row in rows])
    judged = set(before.values_list("prompt", flat=True))
    fresh = {prompt: row for prompt, row in rows if prompt.pk not in judged}
    into.order.prompts.add(*fresh)
    completions = _completions(into.order, fresh)
    slates = _slates(into, fresh)
    rankings = _rankings(into, [slate for slate, _tiers in slates])
    members, placements = [], []
    for ranking, (slate, tiers) in zip(rankings, slates, strict=True):
        texts = completions[slate.prompt_id]
        tier_of = {index: tier for tier, tied in enumerate(tiers, start=1) for index in tied}
        for position, index in enumerate(sorted(tier_of)):
            members.append(SlateCompletion(slate=slate, completion=texts[index], position=position))
            placements.append(Placement(ranking=ranking, completion=texts[index], tier=tier_of[index]))
    SlateCompletion.objects.bulk_create(members, batch_size=500)
    Placement.objects.bulk_create(placements, batch_size=500)
    return len(rankings)


def _completions(order: SamplingOrder, rows: Mapping[Prompt, JudgedPrompt]) -> dict[int, list[Completion]]:
    """Prompt → its completions by index."""
    made = {
        prompt.pk: [
            Completion(
                order=order,
                prompt=prompt,
                policy_id=order.policy_id,
                index=index,
                text=storable(text),
                finished=True,
                tokens=0,
            )
            for index, text in enumerate(row.texts)
        ]
        for prompt, row in rows.items()
    }
    Completion.objects.bulk_create([one for texts in made.values() for one in texts], batch_size=500)
    return made


def _slates(into: _Set, rows: Mapping[Prompt, JudgedPrompt]) -> list[tuple[Slate, Tiers]]:
    """One slate a judgement; all but the first of a prompt are linked to the first."""
    heads, linked = [], []
    for prompt, row in rows.items():
        head = Slate(project=into.project, prompt=prompt, order=into.order)
        heads.append((head, row.judgements[0]))
        for tiers in islice(row.judgements, 1, None):
            linked.append((Slate(project=into.project, prompt=prompt, order=into.order, linked_to=head), tiers))
    Slate.objects.bulk_create([slate for slate, _tiers in heads], batch_size=500)
    Slate.objects.bulk_create([slate for slate, _tiers in linked], batch_size=500)
    return [*heads, *linked]


def _rankings(into: _Set, slates: Sequence[Slate]) -> list[Ranking]:
    """One slot a slate, judged on its first day: there is nothing to lend."""
    now = timezone.now()
    assignments = [
        Assignment(
            project=into.project,
            kind=Kind.RANK,
            prompt_id=slate.prompt_id,
            slate=slate,
            slot=0,
            state=AssignmentState.DONE,
            labeler=into.person,
            done_at=now,
        )
        for slate in slates
    ]
    Assignment.objects.bulk_create(assignments, batch_size=500)
    rankings = [
        Ranking(assignment=assignment, slate=slate, labeler=into.person, created_at=now, making={"imported": into.name})
        for assignment, slate in zip(assignments, slates, strict=True)
    ]
    return Ranking.objects.bulk_create(rankings, batch_size=500)


def _demonstrate(name: str, person: User, rows: Sequence[tuple[Prompt, AnsweredPrompt]]) -> int:
    """Add a demonstration to each prompt that this person has not demonstrated yet, and return how many."""
    prompts = [prompt for prompt, _row in rows]
    answered = Assignment.objects.filter(prompt__in=prompts, kind=Kind.DEMONSTRATE, labeler=person)
    done = set(answered.values_list("prompt", flat=True))
    wanted = Assignment.objects.filter(prompt__in=prompts, kind=Kind.DEMONSTRATE, slot=0)
    taken = set(wanted.values_list("prompt", flat=True))
    fresh = {prompt: row for prompt, row in rows if prompt.pk not in done}
    assignments = [
        Assignment(
            project_id=prompt.project_id,
            kind=Kind.DEMONSTRATE,
            prompt=prompt,
            # Where people here are asked for this prompt already, it is outside of their slots.
            slot=None if prompt.pk in taken else 0,
            surplus=prompt.pk in taken,
            state=AssignmentState.DONE,
            labeler=person,
            done_at=timezone.now(),
        )
        for prompt in fresh
    ]
    Assignment.objects.bulk_create(assignments, batch_size=500)
    Demonstration.objects.bulk_create(
        Demonstration(
            project_id=assignment.project_id,
            assignment=assignment,
            prompt_id=assignment.prompt_id,
            labeler=person,
            messages=fresh[assignment.prompt].answer,
            making={"imported": name},
        )
        for assignment in assignments
    )
    return len(assignments)
