"""Policies in every state of being deployed, and who is lent what they wrote."""

import uuid

from accounts.models import Project, User
from annotations.models import Completion, Policy
from annotations.services.rankings import submit_ranking
from annotations.services.work import lend_work
from rounds.machine import StageKind, State
from rounds.models import Deployment, Round, Stage
from rounds.queries.deployed import canary_deployment, current_deployment
from rounds.services import rounds
from tests import make
from tests.rounds import loop


def tried(project: Project, share: int = 30) -> Round:
    """A round whose candidate is out as a canary; what it was asked at once is not written yet."""
    round = loop.work_until(loop.start(project), State.REVIEW)
    rounds.approve(by=None, round_id=round.pk, share=share)
    return loop.deploy(round)


def written(project: Project, share: int = 99) -> Round:
    """The same, and it has answered."""
    round = tried(project, share)
    loop.finish_orders(project)
    assert Completion.objects.filter(policy=round.candidate).exists()
    return round


def names(project: Project) -> tuple[str | None, str | None]:
    """What is current, and what is the canary."""
    found = (current_deployment(project), canary_deployment(project))
    return tuple(each.policy.name if each else None for each in found)  # type: ignore[return-value]


def current(project: Project) -> Deployment:
    found = current_deployment(project)
    assert found is not None
    return found


def deployed(project: Project, share: int = 100) -> Policy:
    """A round's candidate, deployed or out as a canary; what it was asked at once is not written yet."""
    candidate = tried(project, share).candidate
    assert candidate is not None
    return candidate


def order_stage(policy: Policy) -> Stage:
    """The stage of the last order that was asked of the policy."""
    return Stage.objects.filter(sampling_order__policy=policy, kind=StageKind.SAMPLE).latest("pk")


def lent_policies(person: User, project: Project) -> set[str]:
    """Take and rank all that the person is lent, and return who wrote it."""
    names = set()
    while (held := lend_work(to=person, project=project, kind="rank")) is not None:
        assert held.slate is not None
        names |= set(held.slate.completions.values_list("policy__name", flat=True))
        submit_ranking(
            by=person, assignment_id=held.public_id, tiers=make.tiers_of(held.slate), cut=None, key=uuid.uuid4()
        )
    return names


def nobody_is_lent(policy: Policy, project: Project, *people: User) -> None:
    for person in people:
        assert policy.name not in lent_policies(person, project)
    assert not Completion.objects.filter(policy=policy, quarantined_at=None).exists()


def was_taken_back(policy: Policy) -> Deployment:
    """The policy's deployment, which has ended for good."""
    last = Deployment.objects.filter(policy=policy).latest("pk")
    assert last.rolled_back
    assert last.retired_at is not None
    return last
