"""The header: the links of one project, by role, and the way to the person's other projects."""

import re
from typing import Any

import pytest

from accounts.models import Membership, Project, Role, User
from tests import make


def nav(person: User, path: str) -> list[str]:
    page = make.client_of(person).get(path).content.decode()
    [inside] = re.findall(r'<nav aria-label="Main">(.*?)</nav>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', inside)


def switch(person: User, path: str) -> list[str]:
    page = make.client_of(person).get(path).content.decode()
    lists = re.findall(r'<ul class="switch-list">(.*?)</ul>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', lists[0]) if lists else []


@pytest.fixture
def both(project: Project, olga: User) -> Project:
    """Olga operates one project and reviews the other."""
    other = make.make_project("tortoises")
    Membership.objects.create(user=olga, project=other, role=Role.REVIEWER)
    return other


def test_operators_are_led_to_what_they_operate(project: Project, olga: User) -> None:
    assert {"/", "/p/turtles/rounds/", "/p/turtles/people/"} <= set(nav(olga, "/"))


def test_other_roles_are_led_to_no_page_that_would_refuse_them(
    project: Project, alice: User, rita: User, erik: User, mallory: User
) -> None:
    for person in (alice, rita, erik, mallory):
        client = make.client_of(person)
        assert {client.get(path).status_code for path in nav(person, "/")} == {200}
    assert "/p/turtles/rounds/" in nav(rita, "/")
    assert nav(alice, "/") == ["/", "/p/turtles/my-work/", "/p/turtles/guidelines/"]
    assert nav(mallory, "/") == ["/"]


def test_only_the_links_of_the_project_on_the_screen_are_shown(both: Project, olga: User) -> None:
    assert nav(olga, "/") == ["/"]
    assert all(path == "/" or path.startswith("/p/turtles/") for path in nav(olga, "/p/turtles/people/"))
    assert all(path == "/" or path.startswith("/p/tortoises/") for path in nav(olga, "/p/tortoises/rounds/"))


def test_with_one_project_there_is_nothing_to_switch(project: Project, olga: User) -> None:
    assert switch(olga, "/p/turtles/people/") == []


def test_the_switch_leads_to_the_same_kind_of_page_where_the_role_allows_it(both: Project, olga: User) -> None:
    assert switch(olga, "/p/turtles/rounds/") == ["/p/tortoises/rounds/", "/p/turtles/rounds/"]
    assert switch(olga, "/p/turtles/people/consent/") == ["/p/tortoises/rounds/", "/p/turtles/people/"]
    Membership.objects.filter(user=olga, project=both).update(role=Role.OPERATOR)
    assert switch(olga, "/p/turtles/people/consent/") == ["/p/tortoises/people/", "/p/turtles/people/"]


def test_a_labelers_way_leads_to_the_same_work_or_home(both: Project, alice: User, olga: User) -> None:
    Membership.objects.create(user=alice, project=both, role=Role.LABELER)
    assert switch(alice, "/p/turtles/rank/") == ["/p/tortoises/rank/", "/p/turtles/rank/"]
    Membership.objects.filter(user=olga, project=both).update(role=Role.LABELER)
    assert switch(olga, "/p/turtles/people/")[0] == "/"


def test_a_project_that_the_person_was_put_out_of_is_not_in_the_header(both: Project, olga: User) -> None:
    Membership.objects.filter(user=olga, project=both).update(deactivated_at="2026-01-01T00:00Z")
    assert switch(olga, "/") == []
    assert "/p/turtles/people/" in nav(olga, "/")


def test_the_header_asks_the_database_once(both: Project, olga: User, django_assert_max_num_queries: Any) -> None:
    client = make.client_of(olga)
    # The session, the person, what they accepted, the memberships, and, of who is told anything, what is new.
    with django_assert_max_num_queries(5):
        client.get("/settings/")
