"""Keep what a person has typed and not sent: versions, so that two windows never write over each other unseen."""

import json
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from annotations.models import Assignment, Draft
from annotations.services.revisions import Stale, newest_revision
from annotations.services.work import prolong, yours
from annotations.texts import storable

LONGEST_DRAFT = 400_000
_MOST_FIELDS = 200
_LONGEST_NAME = 60

# Form field → its values, as the page would send them.
Body = dict[str, list[str]]


class BadDraft(ValueError):
    """Not a draft: field names with lists of texts. Views answer 400."""


class DraftTooLong(BadDraft):
    """More than a draft may hold. Views answer 413."""


class DraftMoved(Exception):
    """Another window saved since. `draft` is what is kept now, None if nothing is. Views answer 409."""

    def __init__(self, draft: Draft | None) -> None:
        super().__init__(f"the draft is at version {draft.version if draft else 0}")
        self.draft = draft


def save_draft(*, by: User, assignment_id: UUID, version: int, revision: int, body: Any) -> Draft:
    """Keep `body` over `version` of the draft (0: there is none yet), and return the draft with its new version.

    `revision` is the newest answer that the page knows: a draft that began before an answer is not written over it.
    Whoever types is at work, so the lease begins anew.
    Raises `NotYours`, `NotAllowed`, `BadDraft`, `DraftMoved`, `Stale`.
    """
    checked = _checked(body)
    with transaction.atomic():
        assignment = yours(by, assignment_id)
        if revision != newest_revision(assignment):
            raise Stale(f"begun over revision {revision}")
        saved = _write(assignment, version, checked)
        draft = Draft.objects.filter(assignment=assignment).first()
        # Who leaves a page saves once more what is on its way: the same text twice is no other window's.
        if draft is None or not (saved or draft.body == checked):
            raise DraftMoved(draft)
        prolong(assignment)
        draft.assignment = assignment
        return draft


def discard_draft(*, by: User, assignment_id: UUID) -> Assignment:
    """Drop the draft, since its author chose another text. Raises `NotYours`, `NotAllowed`."""
    with transaction.atomic():
        assignment = yours(by, assignment_id)
        Draft.objects.filter(assignment=assignment).delete()
        return assignment


def _write(assignment: Assignment, version: int, body: Body) -> bool:
    if version == 0:
        draft = Draft(assignment=assignment, body=body)
        # The constraint of one draft for each assignment decides who came first.
        Draft.objects.bulk_create([draft], ignore_conflicts=True)
        return Draft.objects.filter(assignment=assignment, version=1, saved_at=draft.saved_at).exists()
    at_version = Draft.objects.filter(assignment=assignment, version=version)
    return bool(at_version.update(version=version + 1, body=body, saved_at=timezone.now()))


def _checked(body: Any) -> Body:
    if not isinstance(body, dict) or len(body) > _MOST_FIELDS:
        raise BadDraft("a draft maps field names to their values")
    if any(len(name) > _LONGEST_NAME or not _are_texts(values) for name, values in body.items()):
        raise BadDraft("each field of a draft has a list of texts")
    if len(json.dumps(body, ensure_ascii=False)) > LONGEST_DRAFT:
        raise DraftTooLong(f"a draft holds {LONGEST_DRAFT} characters at the most")
    return {storable(name): [storable(value) for value in values] for name, values in body.items()}


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
