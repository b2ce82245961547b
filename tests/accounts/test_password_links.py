"""A one-time link to a new password: who may make one, who may use it, and what ends with it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import password_links
from accounts.models import JournalEntry, Membership, PasswordLink, Project, Role, User
from accounts.password_links import LinkGone, make_link, use_link
from accounts.people import PersonRefused
from accounts.permissions import NotAllowed
from tests import make
from tests.race import race

NEW = "another turtle swims"


def link_for(person: User, by: User, project: Project) -> str:
    return make_link(by=by, project=project, membership_id=Membership.objects.get(user=person, project=project).pk)


def choose(token: str, password: str = NEW, client: Client | None = None) -> int:
    words = {"new_password1": password, "new_password2": password}
    return (client or Client()).post(f"/new-password/{token}/", words).status_code


def test_a_link_sets_the_password_once(project: Project, olga: User, alice: User) -> None:
    token = link_for(alice, olga, project)
    assert choose(token) == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert choose(token, "a third turtle swims") == 404
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_every_sign_in_of_before_ends_and_the_link_itself_signs_nobody_in(
    project: Project, olga: User, alice: User
) -> None:
    elsewhere, here = make.client_of(alice), Client()
    assert elsewhere.get("/").status_code == 200
    choose(link_for(alice, olga, project), client=here)
    assert elsewhere.get("/").status_code == 302
    assert here.get("/").status_code == 302


def test_a_weak_password_is_refused_and_the_link_still_works_and_is_in_no_log(
    project: Project, olga: User, alice: User, capfd: pytest.CaptureFixture[str]
) -> None:
    token = link_for(alice, olga, project)
    assert choose(token, "12345") == 200
    alice.refresh_from_db()
    assert not alice.check_password("12345")
    assert choose(token) == 302
    assert token not in "".join(capfd.readouterr())


def test_an_expired_link_opens_nothing(project: Project, olga: User, alice: User) -> None:
    token = link_for(alice, olga, project)
    PasswordLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(f"/new-password/{token}/").status_code == 404
    assert choose(token) == 404


def test_a_newer_link_takes_the_place_of_the_older(project: Project, olga: User, alice: User) -> None:
    old, new = link_for(alice, olga, project), link_for(alice, olga, project)
    assert choose(old) == 404
    assert choose(new) == 302


def test_the_database_keeps_no_token(project: Project, olga: User, alice: User) -> None:
    token = link_for(alice, olga, project)
    assert token not in str([*PasswordLink.objects.values(), *JournalEntry.objects.values()])


def test_a_link_is_made_and_used_in_the_journal(project: Project, olga: User, alice: User) -> None:
    use_link(token=link_for(alice, olga, project), password=NEW)
    entries = JournalEntry.objects.filter(subject="user", subject_id=str(alice.pk)).order_by("pk")
    assert [(entry.actor, entry.verb) for entry in entries] == [
        (olga, "make_password_link"),
        (alice, "use_password_link"),
    ]


def test_for_who_is_in_another_project_too_the_refusal_names_the_command(
    project: Project, olga: User, alice: User
) -> None:
    Membership.objects.create(user=alice, project=make.make_project("tortoises"), role=Role.OPERATOR)
    with pytest.raises(PersonRefused, match="password_link alice"):
        link_for(alice, olga, project)


def test_an_operator_of_all_the_persons_projects_may(project: Project, olga: User, alice: User) -> None:
    other = make.make_project("tortoises")
    Membership.objects.create(user=alice, project=other, role=Role.OPERATOR)
    Membership.objects.create(user=olga, project=other, role=Role.OPERATOR)
    assert choose(link_for(alice, olga, project)) == 302


def test_a_membership_that_has_ended_elsewhere_does_not_count(project: Project, olga: User, alice: User) -> None:
    other = make.make_project("tortoises")
    Membership.objects.create(user=alice, project=other, role=Role.OPERATOR, deactivated_at=timezone.now())
    assert choose(link_for(alice, olga, project)) == 302


def test_a_link_is_worthless_once_the_person_is_in_a_project_that_its_maker_does_not_operate(
    project: Project, olga: User, alice: User
) -> None:
    token = link_for(alice, olga, project)
    Membership.objects.create(user=alice, project=make.make_project("tortoises"), role=Role.LABELER)
    assert choose(token) == 404


def test_a_link_is_worthless_once_its_maker_operates_no_more(project: Project, olga: User, alice: User) -> None:
    token = link_for(alice, olga, project)
    Membership.objects.filter(user=olga).update(role=Role.REVIEWER)
    assert choose(token) == 404


def test_nobody_makes_a_link_for_themselves_or_for_who_is_deactivated(
    project: Project, olga: User, alice: User
) -> None:
    with pytest.raises(PersonRefused, match="in your settings"):
        link_for(olga, olga, project)
    Membership.objects.filter(user=alice).update(deactivated_at=timezone.now())
    with pytest.raises(PersonRefused, match="no such active person"):
        link_for(alice, olga, project)


@pytest.mark.parametrize("name", ["bob", "rita", "erik", "mallory"])
def test_only_operators_make_links(project: Project, alice: User, name: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotAllowed):
        link_for(alice, request.getfixturevalue(name), project)
    assert not PasswordLink.objects.exists()


def test_who_runs_the_machine_makes_a_link_for_anybody(mallory: User) -> None:
    said = StringIO()
    call_command("password_link", "mallory", stdout=said)
    token = said.getvalue().strip().removeprefix("/new-password/").removesuffix("/")
    assert choose(token) == 302
    mallory.refresh_from_db()
    assert mallory.check_password(NEW)
    with pytest.raises(CommandError, match="nobody"):
        call_command("password_link", "nobody")


def test_the_page_of_a_forgotten_password_says_whom_to_ask(db: None) -> None:
    assert "/account/password/reset/" in Client().get("/account/login/").content.decode()
    assert "Ask an operator of your project" in Client().get("/account/password/reset/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_many_uses_at_once_one_wins(project: Project, olga: User, alice: User) -> None:
    token = link_for(alice, olga, project)

    def attempt(number: int) -> bool:
        try:
            password_links.use_link(token=token, password=f"{NEW} {number}")
        except LinkGone:
            return False
        return True

    assert sum(race([lambda n=n: attempt(n) for n in range(6)])) == 1  # type: ignore[misc]
