"""Which policy writes completions now: bring a base policy in, deploy a round's candidate, take a bad one back."""

from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.models import Policy
from annotations.services import slates
from rounds import presets, store
from rounds.machine import State
from rounds.models import Artifact, Deployment, Round
from rounds.queries.deployed import current_deployment, earlier_policy
from rounds.services import rounds, sampling
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.services.sampling import Draft
from rounds.store import StoreFull
from trainer import manifest
from trainer.manifest import ManifestError

LEASE_SECONDS = 60
BASE_NAME = "base"


class PolicyRefused(Exception):
    """The directory cannot become a policy; the message is a sentence that names it."""


def install_policy(
    *, by: User | None = None, project: Project, path: Path, name: str, preset: str = presets.DEFAULT
) -> Policy:
    """Make a finished policy directory a Policy; the project's first one is deployed and asked for completions.

    A directory outside STORE is copied into it. The same directory again is the same policy.
    Raises PolicyRefused naming what is wrong.
    """
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    if preset not in presets.names():
        raise PolicyRefused(_("There is no preset %(name)s.") % {"name": preset})
    try:
        digest = _verified(path)
        relative = _inside_store(path, name)
    except ManifestError as error:
        raise PolicyRefused(str(error)) from error
    policy = _policy_row(project, name, relative, digest)
    if current_deployment(project) is None:
        _deploy_first(by, project, policy, preset)
    return policy


def check_whole(policy: Policy) -> None:
    """Raise PolicyRefused unless the policy's directory is what its row says; reads every byte of it."""
    try:
        same = _verified(store.full_path(policy.path)) == policy.digest
    except ManifestError as error:
        raise PolicyRefused(str(error)) from error
    if not same:
        raise PolicyRefused(_("%(path)s holds another policy than its row says.") % {"path": policy.path})


def adopt(*, by: User, project: Project, policy: Policy, preset: str) -> Policy:
    """Give a project without a policy the artifact of another project's, and deploy it, in the caller's transaction.

    Raises PolicyRefused where its weights have just been collected.
    """
    # Whoever collects holds this row while it looks for deployments: so it sees ours, or we see that it was first.
    artifacts = list(Artifact.objects.select_for_update().filter(path=policy.path))
    if any(artifact.collected_at for artifact in artifacts):
        raise PolicyRefused(_("The weights of %(name)s have been collected.") % {"name": policy.name})
    # A name of its own: r3-ppo will be the name of what this project's third round makes.
    own = _policy_row(project, BASE_NAME, policy.path, policy.digest)
    _flip(by, Deployment(project=project, policy=own, preset=preset), reason="")
    return own


def _verified(path: Path) -> str:
    manifest.read(path, kind="policy")
    return manifest.digest(path)


def _inside_store(path: Path, name: str) -> str:
    path, root = path.resolve(), Path(settings.STORE)
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    relative = store.policy_path(slugify(name))
    goal = store.full_path(relative)
    if not goal.exists():
        store.copy_in(path, relative)
    if _verified(goal) != manifest.digest(path):
        raise PolicyRefused(_("%(path)s holds another policy. Choose another name.") % {"path": goal})
    return relative


def _policy_row(project: Project, name: str, relative: str, digest: str) -> Policy:
    try:
        with transaction.atomic():
            row = {"name": name, "path": relative}
            return Policy.objects.get_or_create(project=project, digest=digest, defaults=row)[0]
    except IntegrityError as error:
        raise PolicyRefused(_("Another policy of this project is named %(name)s.") % {"name": name}) from error


def _deploy_first(by: User | None, project: Project, policy: Policy, preset: str) -> None:
    draft = sampling.draft_for(project, policy, preset=preset, seed=0, slates=project.stock_target)
    with transaction.atomic():
        _flip(by, Deployment(project=project, policy=policy, preset=preset), reason="")
        if draft is not None:
            sampling.place_order(draft)


def deploy(*, round_id: int, owner: str) -> None:
    """Make the approved candidate the one that writes. Does nothing where another worker has it or it has moved."""
    fence = rounds.claim(round_id=round_id, state=State.DEPLOYING, owner=owner, seconds=LEASE_SECONDS)
    if fence is None:
        return
    round = Round.objects.select_related("project", "candidate").get(pk=round_id)
    with suppress(RoundMoved):
        try:
            _deploy_candidate(round, fence)
        except ManifestError as error:
            rounds.stop(round_id=round_id, state=State.DEPLOYING, kind="artifact", message=str(error), fence=fence)
        except StoreFull:
            rounds.stop_full(round_id=round_id, state=State.DEPLOYING, fence=fence)


def _deploy_candidate(round: Round, fence: int) -> None:
    project, policy, preset = round.project, round.candidate, round.choices["preset"]
    assert policy is not None, "a review has looked at a candidate"
    if _verified(store.full_path(policy.path)) != policy.digest:
        raise ManifestError(f"{policy.path} is not the policy that was reviewed: its manifest has changed")
    draft = sampling.draft_for(project, policy, preset=preset, seed=round.choices["seed"], slates=project.stock_target)
    try:
        _flip_round(round, fence, Deployment(project=project, policy=policy, preset=preset, round=round), draft)
    except RoundMoved:
        if draft is not None:
            sampling.discard(draft)
        raise


@transaction.atomic
def _flip_round(round: Round, fence: int, deployment: Deployment, draft: Draft | None) -> None:
    rounds.move(round_id=round.pk, old=State.DEPLOYING, new=State.DONE, fence=fence)
    _flip(None, deployment, reason="replaced")
    # What older policies still owe would be retired as soon as it came. Their slates stay until new ones are there.
    sampling.cancel_orders_of(Policy.objects.filter(project=round.project).exclude(pk=deployment.policy_id))
    if draft is not None:
        sampling.place_order(draft)


def _flip(by: User | None, new: Deployment, *, reason: str) -> None:
    """Retire what is current and insert `new`, in the caller's transaction."""
    _current(new.project).update(retired_at=Now(), retired_reason=reason)
    new.save()
    journal.record(project=new.project, actor=by, verb="deploy", subject=new, policy=new.policy.name)


def _current(project: Project) -> "QuerySet[Deployment]":
    return Deployment.objects.filter(project=project, canary=False, retired_at=None)


def roll_back(*, by: User | None, project: Project, reason: str) -> Deployment:
    """Take the current policy back: the one before it writes again, and nobody is lent the bad one's completions.

    Raises RoundRefused if nothing came before it or somebody was faster, StoreFull once it is taken back.
    """
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    current, policy = current_deployment(project), earlier_policy(project)
    if current is None or policy is None:
        raise RoundRefused(_("No earlier policy is left to go back to."))
    earlier = Deployment.objects.filter(project=project, policy=policy).latest("started_at", "pk")
    new = Deployment(project=project, policy=policy, preset=earlier.preset, round=earlier.round)
    with transaction.atomic():
        bad = _current(project).filter(pk=current.pk)
        if bad.update(retired_at=Now(), retired_reason=reason[:200], rolled_back=True) != 1:
            raise RoundRefused(_("Somebody deployed another policy in the meantime."))
        _flip(by, new, reason="")
        sampling.cancel_orders_of(Policy.objects.filter(pk=current.policy_id))
        slates.quarantine(policy=current.policy)
        journal.record(project=project, actor=by, verb="roll_back", subject=current, policy=current.policy.name)
    sampling.order_if_nothing_waits(project)
    return new
