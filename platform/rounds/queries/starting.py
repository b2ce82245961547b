"""Which policies a round may start from, and why another may not."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.choices import Split
from annotations.models import Completion, Policy, Ranking
from annotations.records import current_demonstrations
from rounds.models import Artifact, Deployment, Facts
from rounds.queries.deployed import canary_deployment, orders_of, was_taken_back


def startable(project: Project) -> "QuerySet[Policy]":
    """The policies of the project that an operator may choose from, newest first."""
    taken_back = Deployment.objects.filter(project=project, rolled_back=True, best_of=1).values("policy")
    gone = Artifact.objects.exclude(collected_at=None).values("path")
    policies = Policy.objects.filter(project=project).exclude(pk__in=taken_back).exclude(path__in=gone)
    return policies.order_by("-created_at", "-pk")


def policy_of(project: Project, public_id: str | None) -> Policy | None:
    """The project's policy of this public id; None where there is none, or the words are no id at all."""
    try:
        return Policy.objects.filter(project=project, public_id=UUID(public_id or "")).first()
    except ValueError:
        return None


def why_not_ready(project: Project, deployment: Deployment | None, choices: Facts) -> str:
    """Why the project cannot begin a round of these choices now, in a sentence; empty where it can."""
    ranked = Ranking.objects.filter(slate__project=project, slate__prompt__split=Split.TRAIN, is_current=True)
    shown = current_demonstrations(project).filter(prompt__split=Split.TRAIN)
    if deployment is None:
        return _("No policy is deployed yet, so there is nothing to improve.")
    if canary_deployment(project) is not None:
        return _("A canary is out. Promote or withdraw it first: what a round starts from hangs on that.")
    if not ranked.exists():
        return _("Nobody has ranked anything yet, so there is nothing to learn from.")
    if choices["sft"] and not shown.exists():
        return _("There are no demonstrations to imitate.")
    if choices["init"] is None:
        return ""
    start = policy_of(project, choices["init"])
    return _("This project has no such policy to start from.") if start is None else why_not_from(start)


def why_not_from(policy: Policy) -> str:
    """Why no round may start from this policy, in a sentence; empty where it may."""
    name = {"policy": policy.name}
    # Whose best of n was bad may be good without that.
    plain = Deployment(project=policy.project, policy=policy)
    if Artifact.objects.filter(path=policy.path).exclude(collected_at=None).exists():
        return _("The weights of %(policy)s were collected: nothing can start from it.") % name
    if was_taken_back(plain):
        return _("%(policy)s was rolled back: nothing is built upon it.") % name
    if Completion.objects.filter(order__in=orders_of(plain)).exclude(quarantined_at=None).exists():
        return _("What %(policy)s wrote is in quarantine: nothing is built upon it.") % name
    return ""
