"""What is deployed, and what a next round builds on."""

from django.db.models import Q, QuerySet

from accounts.models import Project
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Deployment, Round


def current_deployment(project: Project) -> Deployment | None:
    """Which policy writes this project's completions now."""
    current = Deployment.objects.filter(project=project, canary=False, retired_at=None)
    return current.select_related("project", "policy", "round").first()


def kept_rounds(project: Project) -> "QuerySet[Round]":
    """Rounds whose result stands, newest first: done, and not rolled back since."""
    rolled_back = Q(deployments__rolled_back=True)
    done = Round.objects.filter(project=project, state=State.DONE)
    return done.exclude(pk__in=done.filter(rolled_back).values("pk")).order_by("-number")


def newest_reference(project: Project, deployed: Policy) -> Policy:
    """The last SFT policy, from which improvement may not stray far; before the first, what is deployed."""
    last = kept_rounds(project).select_related("sft_policy", "reference_policy").first()
    return deployed if last is None else last.sft_policy or last.reference_policy


def earlier_policy(project: Project) -> Policy | None:
    """What a roll-back returns to: the newest policy deployed before the current one that was never taken back."""
    current = current_deployment(project)
    history = Deployment.objects.filter(project=project, canary=False)
    bad = history.filter(rolled_back=True).values("policy")
    candidates = history.exclude(policy__in=bad).order_by("-started_at", "-pk").select_related("policy")
    if current is not None:
        candidates = candidates.exclude(policy=current.policy)
    found = candidates.first()
    return None if found is None else found.policy
