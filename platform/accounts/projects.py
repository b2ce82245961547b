"""What an operator sets for a project after its beginning: its settings, and new versions of its guidelines."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Guideline, Project, Role, User
from accounts.permissions import require_role

# The slug is not among them: addresses hang on it, and the split of every prompt that will come.
EDITABLE = (
    "name",
    "time_zone",
    "content_warning",
    "k",
    "overlap",
    "partial_order",
    "asks_ratings",
    "asks_flags",
    "asks_cut",
    "asks_note",
    "demonstrations_wanted",
    "stock_target",
)
LONGEST_GUIDELINE = 64_000


class ChangedMeanwhile(Exception):
    """Somebody else changed it after the person's page was made; nothing was written."""


class GuidelineRefused(ValueError):
    """No new version; the message says why."""


def fingerprint(row: models.Model, names: Iterable[str]) -> str:
    """What a page has shown of a row, so that a change made blindly over another's is noticed."""
    values = {name: getattr(row, name) for name in names}
    return hashlib.sha256(json.dumps(values, default=str, sort_keys=True).encode()).hexdigest()[:16]


def edit_project(*, by: User, project: Project, seen: str, changes: Mapping[str, Any]) -> None:
    """Change settings that the person saw as `seen` (their `fingerprint`). Raises `ChangedMeanwhile`, `NotAllowed`."""
    assert set(changes) <= set(EDITABLE), "only settings are edited"
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        now = Project.objects.get(pk=project.pk)
        before = {name: getattr(now, name) for name in EDITABLE}
        same = Project.objects.filter(pk=project.pk, **before)
        if fingerprint(now, EDITABLE) != seen or same.update(**changes) != 1:
            raise ChangedMeanwhile
        changed = sorted(name for name, value in changes.items() if before[name] != value)
        figures = {name: changes[name] for name in changed if isinstance(changes[name], int)}
        journal.record(project=project, actor=by, verb="edit_project", subject=project, changed=changed, **figures)


def write_guideline(*, by: User, project: Project, text: str, after: int) -> Guideline:
    """Add the version that follows version `after`; earlier ones stay as they were written.

    Raises `ChangedMeanwhile` where `after` is not the newest any more, `GuidelineRefused`, `NotAllowed`.
    """
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        newest = project.guidelines.aggregate(newest=Max("version"))["newest"] or 0
        if newest != after:
            raise ChangedMeanwhile
        _refuse_idle(project, text, after)
        written = _insert(project, text, after + 1)
        journal.record(project=project, actor=by, verb="write_guideline", subject=written, version=written.version)
        return written


def _refuse_idle(project: Project, text: str, version: int) -> None:
    if not text:
        raise GuidelineRefused(_("The guidelines are empty."))
    if len(text) > LONGEST_GUIDELINE:
        raise GuidelineRefused(_("The guidelines are longer than %(most)d characters.") % {"most": LONGEST_GUIDELINE})
    if project.guidelines.filter(version=version, text=text).exists():
        raise GuidelineRefused(_("This is the text of version %(version)d already.") % {"version": version})


def _insert(project: Project, text: str, version: int) -> Guideline:
    try:
        with transaction.atomic():
            return Guideline.objects.create(project=project, version=version, text=text)
    except IntegrityError as error:
        raise ChangedMeanwhile from error
