"""A policy that is tried on a share of the prompts: make it the one that writes, or take it back."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import Project, User
from rounds.models import Deployment
from rounds.queries.deployed import canary_deployment
from rounds.services import sampling
from rounds.services.deployments import (
    again,
    is_whole,
    lock_deployed,
    may_operate,
    replace_current,
    take_back,
)
from rounds.services.rounds import RoundRefused


def promote(*, by: User | None, project: Project) -> Deployment:
    """Make the canary the current policy; the old one retires. Raises RoundRefused, StoreFull."""
    may_operate(by, project)
    canary = canary_deployment(project)
    if canary is None:
        raise RoundRefused(_("No canary is out."))
    if not is_whole(canary.policy):
        raise RoundRefused(_("The files of %(policy)s are not what was reviewed.") % {"policy": canary.policy.name})
    new = again(canary)
    draft = sampling.draft_for(new, slates=project.stock_target)
    with transaction.atomic():
        out = lock_deployed(project).filter(pk=canary.pk)
        if out.update(retired_at=Now(), retired_reason="promoted") == 1:
            replace_current(by, new)
            if draft is not None:
                sampling.place_order(draft)
            return new
    if draft is not None:
        sampling.discard(draft)
    raise RoundRefused(_("The canary was promoted or withdrawn in the meantime."))


def withdraw(*, by: User | None, project: Project, reason: str = "") -> Deployment:
    """Take the canary back: what is current goes on alone, and nobody is lent the canary's completions.

    Raises RoundRefused if none is out, StoreFull once it is withdrawn.
    """
    may_operate(by, project)
    canary = canary_deployment(project)
    if canary is None:
        raise RoundRefused(_("No canary is out."))
    with transaction.atomic():
        lock_deployed(project)
        take_back(by, canary, reason=reason, verb="withdraw")
    sampling.order_if_nothing_waits(project)
    return canary
