"""Ending a membership, a role or a consent, together with what the person holds: one transaction, one verb."""

from django.db import transaction

from accounts import consents, people
from accounts.models import Membership, Project, Role, User
from annotations.services.work import take_back


def deactivate(*, by: User, project: Project, membership_id: int) -> int:
    """End a membership, and return how many slots went back to the others. Raises `PersonRefused`, `NotAllowed`."""
    with transaction.atomic():
        membership = people.deactivate(by=by, project=project, membership_id=membership_id)
        return take_back(by=by, labeler=membership.user, project=project)


def change_role(*, by: User, project: Project, membership_id: int, role: Role) -> Membership:
    """Give a member another role; what they hold goes back. Raises `PersonRefused`, `NotAllowed`."""
    with transaction.atomic():
        membership = people.change_role(by=by, project=project, membership_id=membership_id, role=role)
        take_back(by=by, labeler=membership.user, project=project)
        return membership


def withdraw_consent(*, by: User, project: Project) -> int:
    """Take back a labeler's own consent; what they hold goes back. Return how many slots. Raises `NotAllowed`."""
    with transaction.atomic():
        consents.withdraw_consent(by=by, project=project)
        return take_back(by=by, labeler=by, project=project)
