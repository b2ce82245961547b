"""What may be done to an import, each as a conditional update with a journal row."""

from collections.abc import Mapping
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.texts import storable
from exchange.incoming.recognise import BY_NAME
from exchange.models import Import, ImportState
from rounds import store

LARGEST_FILE = 2 * 2**30
SOURCE, ITEMS = "source", "items.jsonl"
# A worker has these; a person has the others.
WORK = (ImportState.READING, ImportState.WRITING)
MOST_NAME = 40


class ImportDeclined(Exception):
    """Not this, or not now; the message is a sentence for the person who asked."""


class ImportMoved(Exception):
    """The lease was lost, or somebody dropped the import."""


def bring(*, by: User | None, project: Project, name: str, file: str, content: IO[bytes], **how: Any) -> Import:
    """Keep a file and let a worker read it. Raises ImportDeclined for one that is empty or too large, StoreFull."""
    _may(by, project)
    _check_how(how)
    row = Import(
        project=project, name=slugify(name)[:MOST_NAME] or "import", file=storable(file)[-200:], ordered_by=by, **how
    )
    size = store.keep_file(f"{row.place}/{SOURCE}", content, most=LARGEST_FILE)
    if not size:
        store.remove(row.place)
        largest = LARGEST_FILE // 2**30
        raise ImportDeclined(_("The file is empty, or larger than %(most)d GiB.") % {"most": largest})
    with transaction.atomic():
        row.save()
        journal.record(project=project, actor=by, verb="bring", subject=row, new=row.state, bytes=size)
    return row


@transaction.atomic
def read_as(*, by: User | None, project: Project, import_id: UUID, **how: Any) -> None:
    """Read the file again, as another format or with columns renamed. Raises ImportDeclined."""
    _may(by, project)
    _check_how(how)
    row = Import.objects.get(project=project, public_id=import_id)
    again = {"state": ImportState.READING, "failure": "", "report": {}, **how}
    standing = Import.objects.filter(pk=row.pk, state=row.state).filter(Q(state=ImportState.READY) | _stopped_reading())
    if standing.update(**again) != 1:
        raise ImportDeclined(_("This import is being read or written."))
    journal.record(project=project, actor=by, verb="read_as", subject=row, old=row.state, new=ImportState.READING)


@transaction.atomic
def write(*, by: User | None, project: Project, import_id: UUID, without_bad: bool) -> None:
    """Let a worker write what was read. Raises ImportDeclined where lines are bad and were not given up."""
    _may(by, project)
    row = Import.objects.get(project=project, public_id=import_id)
    if row.report.get("bad") and not without_bad:
        raise ImportDeclined(_("Some lines cannot be brought in. Mend the file, or leave them out."))
    if row.state == ImportState.READY and not sum(row.report.get("counts", {}).values()):
        raise ImportDeclined(_("There is nothing in it that could be brought in."))
    ready = Import.objects.filter(pk=row.pk, state=ImportState.READY)
    if ready.update(state=ImportState.WRITING) != 1:
        raise ImportDeclined(_("This import does not wait for that."))
    journal.record(project=project, actor=by, verb="write", subject=row, old=row.state, new=ImportState.WRITING)


@transaction.atomic
def retry(*, by: User | None, project: Project, import_id: UUID) -> None:
    """Let a stopped import go on. Raises ImportDeclined if nothing stopped it."""
    _may(by, project)
    row = Import.objects.get(project=project, public_id=import_id)
    if Import.objects.filter(pk=row.pk, state__in=WORK).exclude(failure="").update(failure="") != 1:
        raise ImportDeclined(_("Nothing stopped this import."))
    journal.record(project=project, actor=by, verb="retry", subject=row)


@transaction.atomic
def drop(*, by: User | None, project: Project, import_id: UUID) -> None:
    """End an import that nobody has seen; the tick takes away what it wrote. Raises ImportDeclined."""
    _may(by, project)
    row = Import.objects.get(project=project, public_id=import_id)
    gone = {"state": ImportState.DROPPED, "ended_at": Now(), "lease_owner": "", "lease_until": None}
    there = Import.objects.filter(pk=row.pk, state=row.state)
    if there.exclude(state__in=[ImportState.DONE, ImportState.DROPPED]).update(**gone) != 1:
        raise ImportDeclined(_("What people see already stays. Retire its prompts instead."))
    journal.record(project=project, actor=by, verb="drop", subject=row, old=row.state, new=ImportState.DROPPED)


def claim(*, import_id: int, owner: str, seconds: int) -> int | None:
    """Take the import's lease and return its fence; None if it is held, stopped, or waits for a person."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    idle = Import.objects.filter(free, pk=import_id, state__in=WORK, failure="")
    fence = idle.values_list("fence", flat=True).first()
    if fence is None:
        return None
    lease = {"lease_owner": owner, "lease_until": Now() + timedelta(seconds=seconds), "fence": fence + 1}
    return fence + 1 if idle.filter(fence=fence).update(**lease) == 1 else None


def keep(*, import_id: int, fence: int, **changes: Any) -> None:
    """Change the row that this claim holds. Raises ImportMoved."""
    if _held(import_id, fence).update(**changes) != 1:
        raise ImportMoved(f"import {import_id} is not held under fence {fence} any more")


@transaction.atomic
def go_on(*, import_id: int, fence: int, new: ImportState, **changes: Any) -> None:
    """Move the import on and give its lease back. Raises ImportMoved."""
    row = Import.objects.select_related("project").get(pk=import_id)
    keep(import_id=import_id, fence=fence, state=new, lease_owner="", lease_until=None, **changes)
    journal.record(project=row.project, actor=None, verb="move", subject=row, old=row.state, new=new)


@transaction.atomic
def stop(*, import_id: int, fence: int, message: str) -> None:
    """Stop the import where it is, with a reason for a person. Raises ImportMoved."""
    row = Import.objects.select_related("project").get(pk=import_id)
    keep(import_id=import_id, fence=fence, failure=message, lease_owner="", lease_until=None)
    journal.record(project=row.project, actor=None, verb="stop", subject=row, old=row.state)


def release(*, import_id: int, fence: int) -> None:
    """Give the lease back; the next worker goes on where this one stood."""
    _held(import_id, fence).update(lease_owner="", lease_until=None)


def _held(import_id: int, fence: int) -> "QuerySet[Import]":
    return Import.objects.filter(pk=import_id, fence=fence, state__in=WORK, failure="")


def _stopped_reading() -> Q:
    return Q(state=ImportState.READING) & ~Q(failure="")


def _check_how(how: Mapping[str, Any]) -> None:
    if how.get("format") and how["format"] not in BY_NAME:
        raise ImportDeclined(_("There is no format %(name)s.") % {"name": how["format"]})
    if set(how) - {"format", "columns", "asked"}:
        raise ImportDeclined(_("These choices make no sense together."))


def _may(by: User | None, project: Project) -> None:
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
