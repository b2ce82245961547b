"""What a person sees on arriving: their own work, by role, and why there is none."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from accounts.models import Guideline, Membership, Project, Role, User
from annotations.models import Assignment
from annotations.queries.news import new_guideline
from annotations.services.demonstrations import submit_demonstration
from tests.make import client_of, lent, make_project, make_prompt, make_ranking, make_slate, make_slates


def test_a_stranger_is_sent_to_sign_in(project: Project) -> None:
    response = Client().get("/")
    assert response.status_code == 302
    assert response["Location"].startswith("/account/login/")


def test_a_labeler_sees_how_much_waits_and_a_start(project: Project, alice: User) -> None:
    make_slates(project, 3)
    make_prompt(project, demonstrations=1)
    page = client_of(alice).get("/").content.decode()
    assert "3 questions are ready to rank" in page
    assert f'href="/p/{project.slug}/rank/"' in page
    assert f'href="/p/{project.slug}/demonstrate/"' in page


def test_what_a_person_holds_counts_and_what_they_did_today_is_told(project: Project, alice: User) -> None:
    make_slates(project, 2)
    lent(alice, project)
    page = client_of(alice).get("/").content.decode()
    assert "2 questions are ready to rank" in page


def test_without_work_the_page_says_why_and_offers_no_start(project: Project, alice: User) -> None:
    page = client_of(alice).get("/").content.decode()
    assert "Nothing waits for you right now" in page
    assert "/rank/" not in page


def test_rankings_and_written_answers_of_today_are_counted_apart(project: Project, alice: User) -> None:
    for slate in make_slates(project, 2):
        make_ranking(alice, slate)
    make_prompt(project, demonstrations=1)
    said = [{"role": "assistant", "content": "On the beach."}]
    held = lent(alice, project, "demonstrate").public_id
    submit_demonstration(by=alice, assignment_id=held, messages=said, key=uuid4())
    page = " ".join(client_of(alice).get("/").content.decode().split())
    assert '<p class="display figure">2</p> <p class="sub">rankings, and 1 answer written</p>' in page
    Assignment.objects.update(done_at=timezone.now() - timedelta(days=2))
    assert '<p class="display figure">0</p>' in client_of(alice).get("/").content.decode()


def test_new_guidelines_are_told_until_the_next_answer(project: Project, alice: User) -> None:
    client, told = client_of(alice), "Guidelines are now version 2"
    first, second = make_slates(project, 2)
    make_ranking(alice, first)
    assert "Guidelines are now" not in client.get("/").content.decode()
    Guideline.objects.create(project=project, version=2, text="Be brief.")
    assert told in client.get("/").content.decode()
    changed = new_guideline(alice, project)
    assert (changed and changed.guideline.version, changed and changed.since) == (2, 1)
    make_ranking(alice, second)
    assert told not in client.get("/").content.decode()


def test_what_one_holds_is_offered_with_its_time(project: Project, alice: User, bob: User) -> None:
    make_slates(project, 1)
    held = lent(alice, project)
    page = client_of(alice).get("/").content.decode()
    assert "You have answers to rank in hand" in page
    assert re.search(r"kept for \d+ min", page)
    assert f'action="/resume/{held.public_id}/"' in page
    assert "in hand" not in client_of(bob).get("/").content.decode()


def test_the_choice_to_get_no_sensitive_questions_is_reached_from_home(project: Project, alice: User) -> None:
    client = client_of(alice)
    assert 'href="/settings/"' in client.get("/").content.decode()
    assert 'name="avoids_sensitive"' in client.get("/settings/").content.decode()


def test_an_operator_is_offered_the_rounds_and_no_work(project: Project, olga: User) -> None:
    make_slate(project)
    page = client_of(olga).get("/").content.decode()
    assert f"/p/{project.slug}/rounds/" in page
    assert "Start ranking" not in page


def test_home_leads_nobody_to_a_page_that_refuses_them(
    project: Project, alice: User, rita: User, erik: User, olga: User
) -> None:
    make_slates(project, 2)
    for person in (alice, rita, erik, olga):
        client = client_of(person)
        links = re.findall(r'class="btn[^"]*" href="([^"]+)"', client.get("/").content.decode())
        assert links, f"{person} is offered nothing"
        assert {client.get(link, follow=True).status_code for link in links} == {200}


def test_who_is_in_no_project_is_told_so(mallory: User) -> None:
    assert "You are in no project yet" in client_of(mallory).get("/").content.decode()


def test_a_content_warning_stands_before_the_start(project: Project, alice: User) -> None:
    Project.objects.update(content_warning="Some texts describe injuries.")
    assert "Some texts describe injuries." in client_of(alice).get("/").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_work(
    project: Project, alice: User, django_assert_max_num_queries: Any
) -> None:
    make_slates(project, 12)
    client = client_of(alice)
    with django_assert_max_num_queries(22):
        client.get("/")


def test_two_projects_are_two_desks(project: Project, alice: User) -> None:
    other = make_project("rivers")
    Membership.objects.create(user=alice, project=other, role=Role.LABELER)
    make_slate(other)
    page = client_of(alice).get("/").content.decode()
    assert project.name in page
    assert other.name in page
    assert f'href="/p/{other.slug}/rank/"' in page


def test_an_empty_queue_explains_itself_and_offers_the_other_work(project: Project, alice: User) -> None:
    make_prompt(project, demonstrations=1)
    page = client_of(alice).get(f"/p/{project.slug}/rank/").content.decode()
    assert "Nothing to rank right now" in page
    assert "Write an answer instead" in page


def test_nobody_but_a_labeler_is_lent_work(project: Project, olga: User, rita: User, erik: User, mallory: User) -> None:
    make_slate(project)
    answers = {
        person.username: client_of(person).get(f"/p/{project.slug}/rank/") for person in (olga, rita, erik, mallory)
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "olga": 403,
        "rita": 403,
        "erik": 403,
        "mallory": 404,
    }
