"""What may be done to an export, each as a conditional update with a journal row."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from exchange.models import Export, ExportState, Facts, Format
from exchange.wanted import Wanted
from rounds import store

MOST_ATTEMPTS = 3


class ExportRefused(Exception):
    """Not now; the message is a sentence for the person who asked."""


class ExportMoved(Exception):
    """The lease was lost, or somebody deleted the export: what was written is nobody's."""


def order(*, by: User | None, project: Project, format: str, options: Mapping[str, Any] | None = None) -> Export:
    """Ask for an export. Raises ExportRefused for options of no sense, and where the same is on its way already."""
    _may(by, project)
    if format not in Format.values:
        raise ExportRefused(_("There is no format %(name)s.") % {"name": format})
    kept = check(project, options or {})
    try:
        with transaction.atomic():
            export = Export.objects.create(project=project, format=format, options=kept, ordered_by=by)
            told: Facts = {"format": format, "options": kept}
            journal.record(project=project, actor=by, verb="order", subject=export, new=ExportState.WAITING, **told)
    except IntegrityError as error:
        raise ExportRefused(_("An export of this format is on its way. Wait for it, or cancel it.")) from error
    return export


def check(project: Project, options: Mapping[str, Any]) -> Facts:
    """The options as they are kept. Raises ExportRefused for those that make no sense here."""
    try:
        wanted = Wanted.of(options)
    except (TypeError, ValueError) as error:
        raise ExportRefused(_("These options make no sense: %(reason)s.") % {"reason": error}) from error
    if wanted.round is not None and not project.rounds.filter(number=wanted.round, snapshot__isnull=False).exists():
        raise ExportRefused(_("Round %(number)s has frozen nothing.") % {"number": wanted.round})
    if wanted.guideline is not None and not project.guidelines.filter(version=wanted.guideline).exists():
        raise ExportRefused(_("There are no guidelines of version %(number)s.") % {"number": wanted.guideline})
    return wanted.kept()


def claim(*, export_id: int, owner: str, seconds: int) -> int | None:
    """Take the export's lease and return its fence; None if it is held, written, stopped or deleted."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    idle = Export.objects.filter(free, pk=export_id, state=ExportState.WAITING, failure="")
    fence = idle.values_list("fence", flat=True).first()
    if fence is None:
        return None
    lease = {"lease_owner": owner, "lease_until": Now() + timedelta(seconds=seconds), "fence": fence + 1}
    claimed = idle.filter(fence=fence).update(**lease, attempts=F("attempts") + 1)
    return fence + 1 if claimed == 1 else None


@transaction.atomic
def finish(*, export_id: int, fence: int, path: str, digest: str, facts: Facts) -> None:
    """Name the directory that was written. Raises ExportMoved."""
    held = Export.objects.filter(pk=export_id, state=ExportState.WAITING, fence=fence, failure="")
    ready = {"state": ExportState.READY, "path": path, "digest": digest, "facts": facts, "ready_at": Now()}
    if held.update(**ready, lease_owner="", lease_until=None) != 1:
        raise ExportMoved(f"export {export_id} is not written under fence {fence} any more")
    export = Export.objects.select_related("project").get(pk=export_id)
    old, new = ExportState.WAITING, ExportState.READY
    journal.record(project=export.project, actor=None, verb="export", subject=export, old=old, new=new, digest=digest)


@transaction.atomic
def stop(*, export_id: int, owner: str, kind: str, message: str) -> None:
    """Stop the export that `owner` holds; the page says `kind` in words. Raises ExportMoved."""
    held = Export.objects.filter(pk=export_id, state=ExportState.WAITING, lease_owner=owner, failure="")
    if held.update(failure=message, failure_kind=kind, lease_owner="", lease_until=None) != 1:
        raise ExportMoved(f"export {export_id} is not held by {owner} any more")
    export = Export.objects.select_related("project").get(pk=export_id)
    journal.record(project=export.project, actor=None, verb="stop", subject=export, kind=kind)


@transaction.atomic
def retry(*, by: User | None, project: Project, export_id: UUID) -> Export:
    """Let a stopped export be written again. Raises ExportRefused if nothing stopped it."""
    _may(by, project)
    export = Export.objects.get(project=project, public_id=export_id)
    stopped = Export.objects.filter(pk=export.pk, state=ExportState.WAITING).exclude(failure="")
    if stopped.update(failure="", failure_kind="", attempts=0) != 1:
        raise ExportRefused(_("Nothing stopped this export."))
    journal.record(project=project, actor=by, verb="retry", subject=export)
    return export


@transaction.atomic
def delete(*, by: User | None, project: Project, export_id: UUID) -> None:
    """Delete the files of an export, or end one that is on its way; the row stays. Raises ExportRefused."""
    _may(by, project)
    export = Export.objects.select_for_update().get(project=project, public_id=export_id)
    there = Export.objects.filter(pk=export.pk, state=export.state).exclude(state=ExportState.DELETED)
    gone = {"state": ExportState.DELETED, "deleted_at": Now(), "lease_owner": "", "lease_until": None}
    if there.update(**gone) != 1:
        raise ExportRefused(_("This export is deleted already."))
    journal.record(project=project, actor=by, verb="delete", subject=export, old=export.state, new=ExportState.DELETED)
    transaction.on_commit(lambda: clear(export, through=export.fence))


@transaction.atomic
def note_download(*, by: User | None, export: Export, file: str) -> None:
    """Write into the journal who takes which file. Raises ExportRefused where it was deleted meanwhile."""
    _may(by, export.project)
    if not Export.objects.filter(pk=export.pk, state=ExportState.READY).exists():
        raise ExportRefused(_("This export is deleted already."))
    journal.record(project=export.project, actor=by, verb="download", subject=export, file=file, digest=export.digest)


def clear(export: Export, *, through: int) -> None:
    """Delete what the claims up to `through` wrote; harmless where nothing lies."""
    for fence in range(1, through + 1):
        store.remove(export.place(fence))


def _may(by: User | None, project: Project) -> None:
    """The machine and its console (None) may; a person needs the role, which operators have too."""
    if by is not None:
        require_role(user=by, project=project, roles=[Role.EXPORTER])
