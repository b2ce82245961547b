"""Let an operator take a finished directory out of the store: checked first, and written down."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.models import Policy
from rounds import store
from rounds.archive import Archive, folder_name
from rounds.models import Artifact, RewardModel, Round, Snapshot
from trainer.manifest import ManifestError


class DownloadRefused(Exception):
    """There is nothing to take; the message is a sentence for the person who asked."""


def take_policy(*, by: User, policy: Policy) -> Archive:
    """Open a policy's directory. Raises NotAllowed, DownloadRefused."""
    _may(by, policy.project)
    if not policy.path:
        raise DownloadRefused(_("%(name)s stands for an imported set: it has no weights here.") % {"name": policy.name})
    return _opened(by, policy.project, policy, "policy", policy.name)


def take_reward_model(*, by: User, round: Round) -> Archive:
    """Open the directory of a round's reward model. Raises NotAllowed, DownloadRefused."""
    _may(by, round.project)
    found = RewardModel.objects.filter(round=round).first()
    if found is None:
        raise DownloadRefused(_("Round %(number)d has no reward model.") % {"number": round.number})
    return _opened(by, round.project, found, "reward_model", f"r{round.number} reward model")


def take_snapshot(*, by: User, round: Round) -> Archive:
    """Open the data set that a round was fitted to. Raises NotAllowed, DownloadRefused."""
    _may(by, round.project)
    if round.snapshot is None:
        raise DownloadRefused(_("Round %(number)d has no snapshot.") % {"number": round.number})
    return _opened(by, round.project, round.snapshot, "dataset", f"r{round.number} snapshot")


def _opened(by: User, project: Project, row: Policy | RewardModel | Snapshot, kind: str, name: str) -> Archive:
    if Artifact.objects.filter(path=row.path, collected_at__isnull=False).exists():
        raise DownloadRefused(_("The weights were collected. What they were stands on the page of the policy."))
    try:
        facts = store.read_manifest(row.path, kind=kind, digest=row.digest)
        folder, within = store.full_path(row.path), folder_name(project.slug, name)
        archive = Archive(folder, facts=facts, digest=row.digest, within=within, at=row.created_at.timestamp())
    except ManifestError as error:
        raise DownloadRefused(str(error)) from error
    with transaction.atomic():
        journal.record(project=project, actor=by, verb="download", subject=row, digest=row.digest)
    return archive


def _may(by: User, project: Project) -> None:
    require_role(user=by, project=project, roles=[Role.OPERATOR])
