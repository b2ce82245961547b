"""The registry: every policy of a project, and those that an operator may give a new one as its base."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from accounts.models import Project, Role, User
from accounts.permissions import memberships_of
from annotations.models import Policy
from rounds import presets
from rounds.models import Artifact, Deployment


def choosable(operator: User) -> list[Policy]:
    """Policies of the projects that this person operates, each artifact once, base policies first, then the newest.

    Those that were taken back are left out, those whose weights were collected, and what imported sets stand for.
    """
    bad = Deployment.objects.filter(policy__digest=OuterRef("digest"), rolled_back=True)
    gone = Artifact.objects.filter(path=OuterRef("path"), collected_at__isnull=False)
    operated = memberships_of(operator).filter(role=Role.OPERATOR)
    mine = Policy.objects.filter(project__in=operated.values("project")).exclude(path="")
    kept = mine.filter(~Exists(bad), ~Exists(gone)).select_related("project").order_by("-created_at", "-pk")
    by_digest: dict[str, Policy] = {}
    for policy in sorted(kept, key=lambda policy: policy.parent_id is not None):
        by_digest.setdefault(policy.digest, policy)
    return list(by_digest.values())


def policies_of(project: Project) -> "QuerySet[Policy]":
    """The project's policies, newest first."""
    return Policy.objects.filter(project=project).select_related("project", "parent").order_by("-created_at", "-pk")


def policy_of(project: Project, policy_id: UUID) -> Policy:
    """One policy of the project. Raises Http404."""
    found = policies_of(project).filter(public_id=policy_id).first()
    if found is None:
        raise Http404(f"no policy {policy_id} in this project")
    return found


def preset_of(policy: Policy) -> str:
    """How this artifact sampled where it was deployed last, in whatever project."""
    last = Deployment.objects.filter(policy__digest=policy.digest).order_by("-started_at", "-pk").first()
    return last.preset if last is not None else presets.DEFAULT


def operates_anything(user: User) -> bool:
    """Whether the person is an active operator of any project."""
    return memberships_of(user).filter(role=Role.OPERATOR).exists()
