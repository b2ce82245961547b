"""Which rounds a person may see. A labeler learns nothing of training, not even that there are rounds."""

from django.http import Http404

from accounts.models import Project, Role, User
from accounts.permissions import NotAllowed, memberships_of, project_for, require_role
from rounds.models import Round

RELATED = ("init_policy", "reference_policy", "sft_policy", "candidate", "snapshot", "created_by")


def project_of(user: User, slug: str) -> Project:
    """The project, for its reviewers and operators. Raises Http404 for everybody else."""
    try:
        return project_for(user, slug, Role.REVIEWER)
    except NotAllowed as refusal:
        raise Http404 from refusal


def round_of(user: User, slug: str, number: int) -> Round:
    """The round with its policies, for reviewers and operators of its project. Raises Http404 otherwise."""
    rounds = Round.objects.filter(project=project_of(user, slug), number=number)
    found = rounds.select_related("project", *RELATED)
    first = found.first()
    if first is None:
        raise Http404
    return first


def operated_project(user: User, slug: str) -> Project:
    """The project, for who may act here. Raises Http404 for strangers, NotAllowed for its reviewers."""
    project = project_of(user, slug)
    require_role(user=user, project=project, roles=[Role.OPERATOR])
    return project


def operated_round(user: User, slug: str, number: int) -> Round:
    """The round, for who may act on it. Raises Http404 for strangers, NotAllowed for its reviewers."""
    operated_project(user, slug)
    return round_of(user, slug, number)


def operates(user: User, project: Project) -> bool:
    """Whether the person may start, retry, cancel and roll back here."""
    return memberships_of(user).filter(project=project, role=Role.OPERATOR).exists()
