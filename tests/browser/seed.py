"""Fill the browser test's own database: a project with work for Alice, and whom she may meet."""

import django

django.setup()

from accounts.models import Guideline, Membership, Project, Role, User  # noqa: E402
from annotations.services.slates import take_in_completions  # noqa: E402
from tests import make  # noqa: E402

PASSWORD = "a turtle swims far"
QUESTION = "Where do green sea turtles lay their eggs?"
ANSWERS = [
    "The green sea turtle, also known as the green turtle, black (sea) turtle or Pacific green turtle, is a large sea "
    "turtle of the family Cheloniidae. Its range extends throughout tropical and subtropical seas around the world, "
    "with two distinct populations in the Atlantic and Pacific Oceans.",
    "On sandy beaches in the tropics and subtropics. Major nesting sites lie on islands in the Caribbean, along the "
    "eastern shore of the continental United States, on the east coast of South America and most notably on isolated "
    "North Atlantic islands.\n\nThe female comes ashore at night, digs a pit above the tide line and covers it again.",
    "Green sea turtles nest on beaches.",
    "They migrate **long distances** between feeding grounds and the beaches where they hatched, and lay there.",
    "On the moon.",
    "绿海龟在热带和亚热带的沙滩上产卵，通常是它们自己出生的那片沙滩。",
]


def seed() -> None:
    project = _project("turtles", "Everyday questions", [4] * 9)
    for name, role in [("alice", Role.LABELER), ("olga", Role.OPERATOR), ("erik", Role.EXPORTER)]:
        _with_password(make.make_person(name, project, role))
    bob = make.make_person("bob", _project("six", "Six at a time", [6, 6]))
    for other in [_project("pairs", "Two at a time", [2, 2]), project]:
        Membership.objects.create(user=bob, project=other, role=Role.LABELER)
    _with_password(bob)


def _project(slug: str, name: str, sizes: list[int]) -> Project:
    project = make.make_project(slug)
    Project.objects.filter(pk=project.pk).update(name=name, stock_target=0)
    Guideline.objects.create(project=project, version=2, text="1. Say the thing asked for first.\n2. Then be brief.")
    policy = make.make_policy(project, "hidden-policy")
    for number, k in enumerate(sizes):
        prompt = make.make_prompt(project, QUESTION + " " * number, demonstrations=1)
        order = make.make_order(project, policy, [prompt], k=k)
        take_in_completions(order=order, rows=make.shard_rows(order, ANSWERS[:k]))
    return project


def _with_password(person: User) -> None:
    person.set_password(PASSWORD)
    person.save()


if __name__ == "__main__":
    seed()
