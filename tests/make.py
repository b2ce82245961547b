"""Plain builders of rows, each with a default for everything that a test does not care about."""

import itertools
import uuid
from collections.abc import Sequence

from django.db.models.functions import Now
from django.test import Client

from accounts.models import Guideline, Membership, Project, Role, User
from annotations.choices import Split
from annotations.models import Assignment, Policy, Prompt, Ranking, SamplingOrder, Slate
from annotations.services.prompts import PromptRow, add_prompts
from annotations.services.rankings import submit_ranking
from annotations.services.slates import take_in_completions
from annotations.services.work import lend_work

_number = itertools.count(1)


def make_project(slug: str = "turtles", **values: object) -> Project:
    project = Project.objects.create(slug=slug, name=slug.title(), **values)
    Guideline.objects.create(project=project, version=1, text="Prefer what is true and to the point.")
    return project


def make_person(name: str, project: Project | None = None, role: Role = Role.LABELER) -> User:
    person = User.objects.create(username=name)
    if project:
        Membership.objects.create(user=person, project=project, role=role)
    return person


def client_of(person: User, *, csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(person)
    return client


def make_prompt(project: Project, text: str = "", split: Split = Split.TRAIN, *, demonstrations: int = 0) -> Prompt:
    """A prompt of this split, with `demonstrations` slots for people to write an answer."""
    row = PromptRow(messages=[{"role": "user", "content": text or f"What is turtle {next(_number)}?"}])
    wanted, share = project.demonstrations_wanted, project.eval_share
    project.demonstrations_wanted, project.eval_share = demonstrations, 0 if split == Split.TRAIN else 1000
    add_prompts(by=None, project=project, rows=[row])
    project.demonstrations_wanted, project.eval_share = wanted, share
    return Prompt.objects.filter(project=project).latest("pk")


def make_policy(project: Project, name: str = "") -> Policy:
    name = name or f"policy-{next(_number)}"
    return Policy.objects.create(project=project, name=name, path=f"policies/{name}", digest=uuid.uuid4().hex * 2)


def make_order(
    project: Project, policy: Policy | None = None, prompts: Sequence[Prompt] = (), *, k: int = 4
) -> SamplingOrder:
    order = SamplingOrder.objects.create(
        project=project, policy=policy or make_policy(project), per_prompt=k, preset="tiny", seed=1
    )
    order.prompts.set(prompts or [make_prompt(project)])
    return order


def shard_rows(order: SamplingOrder, texts: Sequence[str] = ()) -> list[dict[str, object]]:
    """What a shard's completions.jsonl says: the same `texts` for every prompt."""
    texts = texts or [f"Answer {index} of {order.per_prompt}." for index in range(order.per_prompt)]
    return [
        {"prompt": str(prompt.public_id), "index": index, "text": text, "finished": True, "tokens": 4, "seed": 1}
        for prompt in order.prompts.order_by("pk")
        for index, text in enumerate(texts)
    ]


def make_slate(
    project: Project,
    texts: Sequence[str] = (),
    *,
    k: int = 4,
    policy: Policy | None = None,
    split: Split = Split.TRAIN,
) -> Slate:
    """A slate with `project.overlap` open slots, made as a sampling order makes it."""
    order = make_order(project, policy, [make_prompt(project, split=split)], k=len(texts) or k)
    take_in_completions(order=order, rows=shard_rows(order, texts))
    return order.slates.get()


def make_slates(project: Project, count: int, *, k: int = 4, policy: Policy | None = None) -> list[Slate]:
    """Slates of one sampling order, so of one priority."""
    order = make_order(project, policy, [make_prompt(project) for _ in range(count)], k=k)
    take_in_completions(order=order, rows=shard_rows(order))
    return list(order.slates.order_by("pk"))


def lent(to: User, project: Project, kind: str = "rank") -> Assignment:
    assignment = lend_work(to=to, project=project, kind=kind)
    assert assignment is not None, "nothing waits for this person"
    return assignment


def tiers_of(slate: Slate, tiers: Sequence[Sequence[int]] = ()) -> list[list[uuid.UUID]]:
    """Tiers of public ids from tiers of positions in the slate; the default is one position a tier, in order."""
    ids = list(slate.completions.order_by("members__position").values_list("public_id", flat=True))
    return [[ids[position] for position in tied] for tied in tiers or [[p] for p in range(len(ids))]]


def make_ranking(by: User, slate: Slate, tiers: Sequence[Sequence[int]] = (), cut: int | None = None) -> Ranking:
    """A ranking of this very slate, submitted as a person submits it."""
    assignment = slate.assignments.filter(state="open").first()
    assert assignment is not None, "every slot of this slate is taken"
    slate.assignments.filter(pk=assignment.pk).update(state="lent", labeler=by, lent_at=Now(), lease_until=Now())
    return submit_ranking(
        by=by, assignment_id=assignment.public_id, tiers=tiers_of(slate, tiers), cut=cut, key=uuid.uuid4()
    )
