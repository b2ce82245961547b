"""Begin a project: its row, its first guidelines, its first operator and its base policy, all or nothing."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.members import MemberRefused, add_project
from accounts.models import Membership, Project, Role, User
from accounts.permissions import NotAllowed
from annotations.models import Policy
from rounds.queries.registry import choosable, operates_anything, preset_of
from rounds.services import deployments
from rounds.services.deployments import PolicyRefused


class ProjectRefused(Exception):
    """The project cannot begin; the message is a sentence, and nothing was written."""


def begin_project(*, by: User, project: Project, guideline: str, base: Policy | None) -> Project:
    """Save `project` with `by` as its operator and `base`, a policy of the registry, deployed (None: without one).

    Raises ProjectRefused, and NotAllowed for who operates nothing.
    """
    if not operates_anything(by):
        raise NotAllowed("needs to be an operator")
    try:
        if base is not None:
            _check_base(by, base)
        with transaction.atomic():
            _insert(by, project, guideline)
            if base is not None:
                deployments.adopt(by=by, project=project, policy=base, preset=preset_of(base))
    except (MemberRefused, PolicyRefused) as refusal:
        raise ProjectRefused(str(refusal)) from refusal
    except IntegrityError as error:
        raise ProjectRefused(_("A project of this address was made in the meantime.")) from error
    return project


def _check_base(by: User, base: Policy) -> None:
    if base.digest not in {policy.digest for policy in choosable(by)}:
        raise ProjectRefused(_("This policy is not in the registry any more."))
    # Outside the transaction: reading every byte of a large policy must not hold back who writes rows.
    deployments.check_whole(base)


def _insert(by: User, project: Project, guideline: str) -> None:
    add_project(by=by, project=project, guideline=guideline)
    membership = Membership.objects.create(user=by, project=project, role=Role.OPERATOR)
    journal.record(project=project, actor=by, verb="join", subject=membership, role=Role.OPERATOR)
