"""The ranking page as a plain form: what is sent, what is refused, what comes next."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Project, User
from annotations.choices import AssignmentState
from annotations.models import Assignment, Placement, Ranking
from tests.make import client_of, lent, make_slate, make_slates


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    make_slates(project, 2)
    return lent(alice, project)


def address(assignment: Assignment) -> str:
    return f"/rank/{assignment.public_id}/"


def tiers_by_letter(ranking: Ranking) -> dict[str, int | None]:
    assert ranking.assignment.slate
    completions = list(ranking.assignment.slate.completions.order_by("members__position"))
    letter = {completions[at].pk: "abcdefghi"[place] for place, at in enumerate(ranking.assignment.shown)}
    return {letter[placement.completion_id]: placement.tier for placement in ranking.placements.all()}


def test_a_ranking_is_kept_as_it_was_typed_and_the_next_question_comes(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "order": "c a = b | d", "note": "D is off", "rating-c": "6", "flags-d": ["false"]}
    response = client_of(alice).post(address(held), sent, follow=True)
    ranking = Ranking.objects.get()
    assert tiers_by_letter(ranking) == {"c": 1, "a": 2, "b": 2, "d": 3}
    assert (ranking.cut, ranking.note) == (2, "D is off")
    assert list(Placement.objects.exclude(rating=None).values_list("rating", flat=True)) == [6]
    assert Placement.objects.get(tier=3).flags == ["false"]
    assert response.redirect_chain[-1][0].startswith("/rank/")
    assert response.redirect_chain[-1][0] != address(held)
    assert "Ranking submitted" in response.content.decode()


def test_how_it_was_made_is_kept_and_never_stops_anybody(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(held), {"key": uuid.uuid4(), "order": "abcd", "making": "not json"})
    client.post(address(held), {"key": uuid.uuid4(), "order": "abcd", "making": '{"inputs": {"key": 4}}'})
    assert list(Ranking.objects.order_by("revision").values_list("making", flat=True)) == [{}, {"inputs": {"key": 4}}]


def test_one_key_sent_twice_is_one_ranking(held: Assignment, alice: User) -> None:
    client, sent = client_of(alice), {"key": uuid.uuid4(), "order": "a b c d"}
    answers = [client.post(address(held), sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert Ranking.objects.count() == 1


def test_one_key_with_another_body_is_a_conflict(held: Assignment, alice: User) -> None:
    client, key = client_of(alice), uuid.uuid4()
    client.post(address(held), {"key": key, "order": "a b c d"})
    answer = client.post(address(held), {"key": key, "order": "d c b a"})
    assert answer.status_code == 409
    assert tiers_by_letter(Ranking.objects.get())["a"] == 1


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ("a b", "C, D are not placed yet."),
        ("a b c", "D is not placed yet."),
        ("", "A, B, C, D are not placed yet."),
        ("a b c e", "There is no answer E here."),
        ("a a b c d", "A is placed twice."),
        ("a = b = c = d =", "= needs a letter before and after it"),
        ("a | b | c d", "There are two lines. Keep one."),
    ],
)
def test_a_mistake_is_told_and_everything_typed_is_kept(
    held: Assignment, alice: User, order: str, sentence: str
) -> None:
    key = uuid.uuid4()
    answer = client_of(alice).post(address(held), {"key": key, "order": order, "note": "my note", "rating-b": "3"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in page
    assert f'value="{order}"' in page
    assert "my note</textarea>" in page
    assert re.search(r'name="rating-b" value="3"[^>]*checked', page)
    assert str(key) in page
    assert not Ranking.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"), [("key", ""), ("key", "x"), ("rating-a", "9"), ("flags-a", "nonsense"), ("order", "a" * 300)]
)
def test_what_the_page_cannot_send_is_refused(held: Assignment, alice: User, name: str, value: str) -> None:
    sent = {"key": uuid.uuid4(), "order": "a b c d"} | {name: value}
    assert client_of(alice).post(address(held), sent).status_code == 400
    assert not Ranking.objects.exists()


def test_unplaced_answers_are_allowed_where_the_project_says_so(held: Assignment, alice: User) -> None:
    Project.objects.update(partial_order=True)
    client_of(alice).post(address(held), {"key": uuid.uuid4(), "order": "b a"})
    assert tiers_by_letter(Ranking.objects.get()) == {"b": 1, "a": 2, "c": None, "d": None}


def test_opened_again_the_page_shows_what_was_said_and_takes_a_revision(held: Assignment, alice: User) -> None:
    client = client_of(alice)
    client.post(address(held), {"key": uuid.uuid4(), "order": "c a = b | d", "rating-c": "6", "note": "so"})
    page = client.get(address(held)).content.decode()
    assert 'value="c a = b | d"' in page
    assert re.search(r'name="rating-c" value="6"[^>]*checked', page)
    client.post(address(held), {"key": uuid.uuid4(), "order": "a b c d"})
    assert tiers_by_letter(Ranking.objects.get(is_current=True)) == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert Ranking.objects.count() == 2


def test_a_late_answer_is_taken(held: Assignment, alice: User, bob: User, project: Project) -> None:
    Assignment.objects.filter(pk=held.pk).update(state=AssignmentState.LAPSED, slot=None)
    answer = client_of(alice).post(address(held), {"key": uuid.uuid4(), "order": "a b c d"})
    assert answer.status_code == 302
    held.refresh_from_db()
    assert held.surplus


@pytest.mark.parametrize("k", [3, 9])
def test_any_number_from_three_to_nine_is_ordered(project: Project, alice: User, k: int) -> None:
    make_slate(project, k=k)
    assignment = lent(alice, project)
    order = " ".join(reversed("abcdefghi"[:k]))
    client_of(alice).post(address(assignment), {"key": uuid.uuid4(), "order": order})
    assert tiers_by_letter(Ranking.objects.get())["a"] == k


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_assignment_of_somebody_else_is_not_there(
    held: Assignment, bob: User, mallory: User, olga: User, method: str
) -> None:
    for person in (bob, mallory, olga):
        assert getattr(client_of(person), method)(address(held)).status_code == 404


def test_a_post_without_the_forms_token_is_refused(held: Assignment, alice: User) -> None:
    client = client_of(alice, csrf=True)
    assert client.post(address(held), {"key": uuid.uuid4(), "order": "a b c d"}).status_code == 403
    page = client.get(address(held)).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    sent = {"key": uuid.uuid4(), "order": "a b c d", "csrfmiddlewaretoken": found[1]}
    assert client.post(address(held), sent).status_code == 302


def test_model_text_is_shown_as_text(project: Project, alice: User) -> None:
    make_slate(project, ["<script>alert(1)</script>", "{{ settings.SECRET_KEY }}", "**bold** & <b>", "日本"])
    page = client_of(alice).get(address(lent(alice, project))).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ settings.SECRET_KEY }}" in page


def test_the_page_takes_few_queries(held: Assignment, alice: User, django_assert_max_num_queries: Any) -> None:
    client = client_of(alice)
    with django_assert_max_num_queries(9):
        client.get(address(held))


def test_the_page_runs_under_a_policy_without_inline_code(held: Assignment, alice: User) -> None:
    policy = client_of(alice).get(address(held))["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_who_is_signed_out_comes_back_to_the_question(held: Assignment) -> None:
    assert Client().get(address(held))["Location"] == f"/account/login/?next={address(held)}"
