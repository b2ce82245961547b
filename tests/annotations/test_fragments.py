"""What a page keeps of another page is what it would have written itself."""

import re
from itertools import product

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.models import Membership, Project, User
from annotations.choices import Kind
from annotations.models import Draft
from annotations.services.work import lend_work
from tests import make

# What differs between two looks at the same page.
OF_ONE_LOOK = re.compile(r'name="(?:csrfmiddlewaretoken|key)" value="[^"]+"')
QUESTIONS = ("asks_cut", "asks_ratings", "asks_flags", "asks_note")


def look(client: Client, address: str) -> str:
    return OF_ONE_LOOK.sub("", client.get(address).content.decode())


def fresh(client: Client, address: str) -> str:
    caches["template_fragments"].clear()
    return look(client, address)


def pages(person: User, k: int) -> list[str]:
    """The addresses of a page of work in each kind of project; in some something is typed already."""
    found = []
    for asked in product([False, True], repeat=len(QUESTIONS)):
        slug = f"k{k}-" + "".join("ny"[answer] for answer in asked)
        project = make.make_project(slug, **dict(zip(QUESTIONS, asked, strict=True)))
        Membership.objects.create(user=person, project=project, role="labeler")
        make.make_slate(project, k=k)
        held = lend_work(to=person, project=project, kind=Kind.RANK)
        assert held is not None
        found.append(f"/rank/{held.public_id}/")
        if asked[0]:
            body = {"rating-a": ["5"], "flags-b": ["false"], "note-b": ["Wrong <b>year</b>."], "flags": ["alike"]}
            Draft.objects.create(assignment=held, body=body)
    return found


@pytest.mark.parametrize("k", [2, 3, 5])
def test_a_page_with_kept_parts_is_the_page_without(alice: User, k: int) -> None:
    client = make.client_of(alice)
    addresses, written = pages(alice, k), {}
    for language in ("en", "zh-hans"):
        alice.language = language
        alice.save()
        written |= {(language, address): fresh(client, address) for address in addresses}
    # The parts that one page keeps meet every other page.
    for language in ("zh-hans", "en"):
        alice.language = language
        alice.save()
        for address in addresses:
            assert look(client, address) == written[language, address]


def test_what_one_person_says_is_on_nobody_elses_page(project: Project, alice: User, bob: User) -> None:
    make.make_slates(project, 2)
    addresses = {}
    for person in (alice, bob):
        held = lend_work(to=person, project=project, kind=Kind.RANK)
        assert held is not None
        addresses[person.username] = f"/rank/{held.public_id}/"
        if person == alice:
            Draft.objects.create(assignment=held, body={"note-a": ["Alice alone wrote this."], "rating-a": ["2"]})
    assert "Alice alone wrote this." in look(make.client_of(alice), addresses["alice"])
    theirs = look(make.client_of(bob), addresses["bob"])
    assert "Alice alone" not in theirs
    assert "data-was" not in theirs
