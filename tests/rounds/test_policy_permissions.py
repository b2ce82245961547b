"""Who sees policies: operators and reviewers read, operators take them out; for everybody else there are none."""

import pytest
from django.test import Client

from accounts.models import Membership, Project, User
from annotations.models import Policy
from tests import make

ROLES = ("mallory", "alice", "erik", "rita", "olga")
READ = (404, 404, 404, 200, 200)
PAGES = {"": READ, "compare/": READ, "{id}/": READ, "{id}/card/": READ, "{id}/card.md": READ}
PAGES |= {"{id}/download/": (404, 404, 404, 403, 200)}


@pytest.fixture
def cast(project: Project, request: pytest.FixtureRequest) -> list[User]:
    return [request.getfixturevalue(name) for name in ROLES]


def address(page: str, policy: Policy, slug: str = "turtles") -> str:
    return f"/p/{slug}/policies/{page.format(id=policy.public_id)}"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_for_whom_it_is(base: Policy, cast: list[User], page: str) -> None:
    assert tuple(make.client_of(person).get(address(page, base)).status_code for person in cast) == PAGES[page]


def test_a_stranger_is_asked_to_sign_in(base: Policy) -> None:
    for page in PAGES:
        assert Client().get(address(page, base)).headers["Location"].startswith("/account/login/")


def test_a_reviewer_is_offered_no_download_that_would_be_refused(base: Policy, rita: User, olga: User) -> None:
    texts = [make.client_of(person).get(address("{id}/", base)).content.decode() for person in (rita, olga)]
    assert ["/download/" in text for text in texts] == [False, True]


def test_nothing_is_taken_by_a_form(base: Policy, olga: User) -> None:
    assert make.client_of(olga).post(address("{id}/download/", base)).status_code == 405


def test_a_role_that_was_taken_away_takes_the_weights_away(base: Policy, olga: User) -> None:
    client = make.client_of(olga)
    Membership.objects.filter(user=olga).update(role="reviewer")
    assert client.get(address("{id}/download/", base)).status_code == 403


def test_the_header_leads_there_for_who_may_look(base: Policy, cast: list[User]) -> None:
    links = ["/policies/" in make.client_of(person).get("/").content.decode() for person in cast]
    assert links == [False, False, False, True, True]
