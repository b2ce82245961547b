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
from annotations.models import Policy, SamplingOrder
from annotations.services import slates
from rounds import presets, store
from rounds.algorithms import best_of
from rounds.machine import State
from rounds.models import Artifact, Deployment, Round
from rounds.queries.deployed import (
    canary_deployment,
    current_deployment,
    descends_from,
    earlier_deployments,
    name_of,
    orders_of,
    was_taken_back,
)
from rounds.services import notices, rounds, sampling
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.services.sampling import Draft
from rounds.store import StoreFull
from trainer import manifest
from trainer.manifest import ManifestError

LEASE_SECONDS = 60
BASE_NAME = "base"
# Of a hundred prompts: a share below it is a canary's.
WHOLE = 100
# How operators are told that a deployment was taken back.
OF_VERBS = {"roll_back": "rolled_back", "withdraw": "withdrawn"}


class PolicyRefused(Exception):
    """The directory cannot become a policy; the message is a sentence that names it."""


def install_policy(
    *, by: User | None = None, project: Project, path: Path, name: str, preset: str = presets.DEFAULT
) -> Policy:
    """Make a finished policy directory a Policy; the project's first one is deployed and asked for completions.

    A directory outside STORE is copied into it. The same directory again is the same policy.
    Raises PolicyRefused naming what is wrong.
    """
    may_operate(by, project)
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


def is_whole(policy: Policy) -> bool:
    """Whether the policy's directory is what its row says; reads every byte of it."""
    try:
        check_whole(policy)
    except PolicyRefused:
        return False
    return True


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
    first = Deployment(project=project, policy=policy, preset=preset)
    draft = sampling.draft_for(first, slates=project.stock_target)
    with transaction.atomic():
        _flip(by, first, reason="")
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
        except PolicyRefused as error:
            rounds.stop(round_id=round_id, state=State.DEPLOYING, kind="artifact", message=str(error), fence=fence)
        except StoreFull:
            rounds.stop_full(round_id=round_id, state=State.DEPLOYING, fence=fence)


def _deploy_candidate(round: Round, fence: int) -> None:
    new = _of_round(round)
    if was_taken_back(new):
        message = _("%(policy)s was taken back before and is never deployed again.") % {"policy": name_of(new)}
        rounds.stop(round_id=round.pk, state=State.DEPLOYING, kind="taken_back", message=message, fence=fence)
        return
    check_whole(new.policy)
    draft = sampling.draft_for(new, slates=new.project.stock_target)
    try:
        _flip_round(round, fence, new, draft)
    except RoundMoved:
        if draft is not None:
            sampling.discard(draft)
        raise


def _of_round(round: Round) -> Deployment:
    """The candidate as it was approved: as the whole, or as a canary."""
    assert round.candidate is not None, "a review has looked at a candidate"
    share, chooses_among = round.choices.get("share", WHOLE), best_of(round.choices)
    return Deployment(
        project=round.project,
        policy=round.candidate,
        preset=round.choices["preset"],
        round=round,
        share=share,
        canary=share < WHOLE,
        best_of=chooses_among,
        reward_model=round.reward_model if chooses_among > 1 else None,
    )


@transaction.atomic
def _flip_round(round: Round, fence: int, new: Deployment, draft: Draft | None) -> None:
    rounds.move(round_id=round.pk, old=State.DEPLOYING, new=State.DONE, fence=fence)
    if new.canary:
        # What is current goes on with what it owes, and its slates stay.
        new.save()
        journal.record(
            project=new.project, actor=None, verb="try", subject=new, policy=new.policy.name, share=new.share
        )
    else:
        replace_current(None, new)
    if draft is not None:
        sampling.place_order(draft)


def replace_current(by: User | None, new: Deployment) -> None:
    """Make `new` current, in the caller's transaction."""
    _flip(by, new, reason="replaced")
    # What others still owe would be retired as soon as it came. Their slates stay until new ones are there.
    others = SamplingOrder.objects.filter(project=new.project)
    sampling.cancel_orders_of(others.exclude(pk__in=orders_of(new).values("pk")))


def _flip(by: User | None, new: Deployment, *, reason: str) -> None:
    """Retire what is current and insert `new`, in the caller's transaction."""
    current = Deployment.objects.filter(project=new.project, canary=False, retired_at=None)
    current.update(retired_at=Now(), retired_reason=reason)
    new.save()
    journal.record(project=new.project, actor=by, verb="deploy", subject=new, policy=new.policy.name)


def roll_back(*, by: User | None, project: Project, reason: str = "") -> Deployment:
    """Take the current policy back: the one before it writes again, and nobody is lent the bad one's completions.

    Raises RoundRefused if nothing came before it or somebody was faster, StoreFull once it is taken back.
    """
    may_operate(by, project)
    current, earlier = current_deployment(project), way_back(project)
    if current is None or earlier is None:
        raise RoundRefused(_("No earlier policy is left to go back to."))
    with transaction.atomic():
        lock_deployed(project)
        new = go_back(by, current, earlier, reason=reason)
    sampling.order_if_nothing_waits(project)
    return new


def go_back(by: User | None, bad: Deployment, earlier: Deployment, *, reason: str, why: str = "person") -> Deployment:
    """Take the current policy back for `earlier`, in the caller's transaction, and what was made from it with it.

    Raises RoundRefused if somebody was faster.
    """
    take_back(by, bad, reason=reason, verb="roll_back", why=why)
    canary = canary_deployment(bad.project)
    # Where only the choice among a policy's answers was bad, what was made from the policy is not.
    if canary is not None and bad.best_of == 1 and descends_from(canary.policy, bad.policy):
        of = _("It was made from %(policy)s, which was taken back.") % {"policy": name_of(bad)}
        take_back(by, canary, reason=of, verb="withdraw", why="ancestor")
    new = again(earlier)
    _flip(by, new, reason="")
    return new


def take_back(by: User | None, bad: Deployment, *, reason: str, verb: str, why: str = "person") -> None:
    """End a deployment for good, in the caller's transaction: its orders end, its completions are quarantined.

    Raises RoundRefused if it has ended.
    """
    still = Deployment.objects.filter(pk=bad.pk, retired_at=None)
    if still.update(retired_at=Now(), retired_reason=reason[:200], rolled_back=True) != 1:
        raise RoundRefused(_("Somebody deployed another policy in the meantime."))
    sampling.cancel_orders_of(orders_of(bad))
    slates.quarantine(policy=bad.policy, orders=orders_of(bad))
    journal.record(project=bad.project, actor=by, verb=verb, subject=bad, policy=bad.policy.name, why=why)
    # A person's words stay on the page; the machine's own go into the message.
    told = {} if why == "person" else {"message": reason}
    notices.tell(project=bad.project, round=bad.round, kind=OF_VERBS[verb], by=by, policy=bad.policy.name, **told)


def way_back(project: Project) -> Deployment | None:
    """The newest earlier deployment whose files are whole; every byte of them is read."""
    return next((each for each in earlier_deployments(project) if is_whole(each.policy)), None)


def again(past: Deployment) -> Deployment:
    """The same writer once more, as the current one, unsaved."""
    return Deployment(
        project=past.project,
        policy=past.policy,
        preset=past.preset,
        round=past.round,
        best_of=past.best_of,
        reward_model=past.reward_model,
    )


def lock_deployed(project: Project) -> "QuerySet[Deployment]":
    """Hold what is deployed until the transaction ends, in one order everywhere, so that no two wait for each other."""
    deployed = Deployment.objects.filter(project=project, retired_at=None)
    list(deployed.select_for_update().order_by("pk"))
    return deployed


def may_operate(by: User | None, project: Project) -> None:
    """The machine and its console (None) may; a person operates the project."""
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
