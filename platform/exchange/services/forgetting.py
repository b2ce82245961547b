"""Forget a person: what names them goes at once, their own words on request, and what was learned from them is told.

What they judged stays without them, under a pseudonym that leads nowhere: an order of texts is no personal word, and
taking it out would change what other people's rankings are compared with.
"""

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts import journal
from accounts.models import (
    Acceptance,
    ApiToken,
    GuidelineSeen,
    JournalEntry,
    Membership,
    PasswordLink,
    Role,
    Submission,
    User,
    new_pseudonym,
)
from annotations.models import (
    Assignment,
    Demonstration,
    Draft,
    ExerciseAnswer,
    Placement,
    Qualification,
    Ranking,
    Remark,
)
from annotations.services.work import take_back
from exchange.models import Export, ExportState
from exchange.services import exports
from rounds import store
from rounds.machine import ENDED
from rounds.models import Notice, Round, Snapshot

# What stands where a person's words stood: messages must end with an assistant's, and none may be empty.
NOTHING = [{"role": "assistant", "content": "[forgotten]"}]


class ForgetRefused(Exception):
    """Nothing was changed; the text says why."""


@dataclass
class Forgotten:
    """What was done. `learned_from` names each round that read something of this person's, with its policy."""

    pseudonym: str
    rankings: int = 0
    demonstrations: int = 0
    datasets: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    learned_from: list[dict[str, Any]] = field(default_factory=list)


def forget(*, username: str, words: bool) -> Forgotten:
    """Erase what names a person; with `words`, what they wrote as well, in rows and in data sets.

    Raises ForgetRefused where a project would lose its only operator or an open round still reads their words.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(username=username)
        _keep_operators(user)
        found = Forgotten(pseudonym=user.pseudonym, learned_from=_learned_from(user))
        snapshots, taken = _with_words(user) if words else (Snapshot.objects.none(), Export.objects.none())
        _leave(user)
        found.rankings, found.demonstrations = _erase_making(user)
        if words:
            _erase_words(user)
        _erase_account(user)
        found.datasets = _tombstone(snapshots)
        found.exports = _delete(taken)
        # Their acts stay under the old pseudonym, which the seals cover and which now leads nowhere.
        JournalEntry.objects.filter(actor=user).update(actor=None)
        journal.record(project=None, actor=None, verb="forget", subject=user, words=words)
    return found


def _keep_operators(user: User) -> None:
    for membership in Membership.objects.filter(user=user, role=Role.OPERATOR, deactivated_at=None):
        others = Membership.objects.filter(project=membership.project_id, role=Role.OPERATOR, deactivated_at=None)
        if not others.exclude(user=user).filter(user__is_active=True).exists():
            raise ForgetRefused(f"{membership.project.slug} has no other operator. Make somebody else operator first.")


def _learned_from(user: User) -> list[dict[str, Any]]:
    mine = Q(snapshot__rankings__labeler=user) | Q(snapshot__demonstrations__labeler=user)
    rounds = Round.objects.filter(mine).distinct().select_related("project", "candidate", "snapshot")
    return [
        {
            "project": round.project.slug,
            "round": round.number,
            "dataset": round.snapshot.digest if round.snapshot else "",
            "policy": round.candidate.name if round.candidate else None,
            "digest": round.candidate.digest if round.candidate else None,
        }
        for round in rounds.order_by("project__slug", "number")
    ]


def _with_words(user: User) -> "tuple[QuerySet[Snapshot], QuerySet[Export]]":
    """Data sets on the disk that may hold what they wrote. An export names nobody, so every one of theirs counts."""
    snapshots = Snapshot.objects.filter(
        Q(rankings__labeler=user) | Q(demonstrations__labeler=user), erased_at=None
    ).distinct()
    at_work = Round.objects.filter(snapshot__in=snapshots).exclude(state__in=list(ENDED)).first()
    if at_work is not None:
        raise ForgetRefused(
            f"Round {at_work.number} of {at_work.project.slug} still reads their words. Wait for its end, or cancel it."
        )
    projects = user.memberships.values("project")
    return snapshots, Export.objects.filter(project__in=projects).exclude(state=ExportState.DELETED)


def _leave(user: User) -> None:
    for membership in Membership.objects.filter(user=user).select_related("project"):
        take_back(by=user, labeler=user, project=membership.project)
    Membership.objects.filter(user=user, deactivated_at=None).update(deactivated_at=Now())


def _erase_making(user: User) -> tuple[int, int]:
    """How a judgement was made (times, device, language) is about the person, not about the texts."""
    rankings, demonstrations = Ranking.objects.filter(labeler=user), Demonstration.objects.filter(labeler=user)
    return rankings.update(making={}), demonstrations.update(making={})


def _erase_words(user: User) -> None:
    """Their notes and remarks; their demonstrations end, so that nothing learns from an empty one."""
    Ranking.objects.filter(labeler=user).update(note="")
    Placement.objects.filter(ranking__in=Ranking.objects.filter(labeler=user)).update(note="")
    held = Assignment.objects.filter(labeler=user)
    Remark.objects.filter(Q(author=user) | Q(assignment__in=held)).delete()
    written = Demonstration.objects.filter(labeler=user)
    written.update(messages=NOTHING, is_current=False, withdrawn_at=Now())


def _erase_account(user: User) -> None:
    for model in (EmailAddress, Authenticator, PasswordLink, Submission, GuidelineSeen, Acceptance, Notice):
        model.objects.filter(user=user).delete()
    ApiToken.objects.filter(owner=user).delete()
    Draft.objects.filter(assignment__in=Assignment.objects.filter(labeler=user)).delete()
    ExerciseAnswer.objects.filter(labeler=user).delete()
    Qualification.objects.filter(labeler=user).delete()
    user.username = f"forgotten-{secrets.token_hex(6)}"
    user.first_name = user.last_name = user.email = ""
    user.pseudonym, user.is_active, user.last_login = new_pseudonym(), False, None
    user.language, user.time_zone, user.avoids_sensitive = "en", "UTC", False
    user.set_unusable_password()
    user.save()


def _tombstone(snapshots: "QuerySet[Snapshot]") -> list[str]:
    """Leave the manifests: they hold digests alone, so the chain from data set to policy still verifies."""
    paths = list(snapshots.values_list("path", flat=True))
    Snapshot.objects.filter(path__in=paths).update(erased_at=Now())
    for path in paths:
        transaction.on_commit(partial(store.leave_manifest_only, path))
    return paths


def _delete(taken: "QuerySet[Export]") -> list[str]:
    found = list(taken.select_related("project"))
    for export in found:
        exports.delete(by=None, project=export.project, export_id=export.public_id)
    return [f"{export.project.slug} {export.format} {export.digest[:12]}".rstrip() for export in found]
