"""Sensitive prompts: never lent to who wants none, and shown to the others only after they asked for them."""

import json
import uuid
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import JournalEntry, Project, User
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Prompt, Ranking
from annotations.queries.waiting import how_many_wait, waits_for
from annotations.services.prompts import PromptFileError, PromptRow, add_prompts, read_prompt_file
from annotations.services.slates import take_in_completions
from annotations.services.work import lend_work
from tests import make
from tests.annotations.test_lend import plan_of

SECRET = "How do people hurt each other?"


def row(text: str = SECRET, **more: object) -> PromptRow:
    return PromptRow(messages=[{"role": "user", "content": text}], **more)  # type: ignore[arg-type]


def add(project: Project, *rows: PromptRow) -> Prompt:
    add_prompts(by=None, project=project, rows=rows)
    return Prompt.objects.filter(project=project).latest("pk")


def slate_of(project: Project, prompt: Prompt) -> None:
    order = make.make_order(project, None, [prompt])
    take_in_completions(order=order, rows=make.shard_rows(order))


@pytest.fixture
def upsetting(project: Project) -> Prompt:
    """A sensitive prompt with work of both kinds."""
    Project.objects.filter(pk=project.pk).update(eval_share=0)
    project.refresh_from_db()
    prompt = add(project, row(sensitive=True))
    slate_of(project, prompt)
    return prompt


@pytest.fixture
def calm(alice: User) -> User:
    """Alice, who wants nothing sensitive."""
    alice.avoids_sensitive = True
    alice.save()
    return alice


@pytest.mark.parametrize(
    ("line", "sensitive"),
    [
        ({}, False),
        ({"tags": ["helpful"]}, False),
        ({"tags": ["en", "Sensitive"]}, True),
        ({"sensitive": True}, True),
        ({"sensitive": False, "tags": ["sensitive"]}, True),
    ],
)
def test_a_prompt_is_sensitive_by_its_tag_or_by_its_row(
    project: Project, tmp_path: Path, line: dict[str, object], sensitive: bool
) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"text": SECRET} | line), encoding="utf-8")
    assert add(project, *read_prompt_file(file)).sensitive == sensitive


def test_a_row_whose_word_on_it_is_no_truth_value_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"text": "x", "sensitive": "no"}', encoding="utf-8")
    with pytest.raises(PromptFileError, match="line 1: sensitive must be true or false"):
        read_prompt_file(file)


def test_adding_it_again_as_sensitive_marks_it_and_its_work_and_never_the_other_way(
    project: Project, calm: User
) -> None:
    Project.objects.filter(pk=project.pk).update(eval_share=0)
    project.refresh_from_db()
    slate_of(project, add(project, row()))
    assert waits_for(calm, project, Kind.RANK)
    assert add(project, row(tags=["sensitive"])).sensitive
    assert set(Assignment.objects.values_list("sensitive", flat=True)) == {True}
    assert not waits_for(calm, project, Kind.RANK)
    assert add(project, row()).sensitive


@pytest.mark.parametrize("kind", Kind)
def test_who_wants_none_is_lent_none(project: Project, upsetting: Prompt, calm: User, bob: User, kind: Kind) -> None:
    assert not waits_for(calm, project, kind)
    assert how_many_wait(calm, project, kind) == 0
    assert lend_work(to=calm, project=project, kind=kind) is None
    assert make.lent(bob, project, kind).prompt == upsetting


def test_who_wants_none_is_lent_the_rest(project: Project, upsetting: Prompt, calm: User) -> None:
    harmless = make.make_slate(project)
    slate_of(project, add(project, row("And how do they heal?", sensitive=True)))
    assert make.lent(calm, project).slate == harmless


def test_nor_does_who_wants_none_take_over_what_others_let_lapse(
    project: Project, upsetting: Prompt, calm: User, bob: User
) -> None:
    make.lent(bob, project)
    Assignment.objects.filter(labeler=bob).update(lease_until="2026-01-01T00:00Z")
    assert lend_work(to=calm, project=project, kind=Kind.RANK) is None


def test_the_prompts_own_word_counts_where_the_rows_copy_is_old(
    project: Project, upsetting: Prompt, calm: User
) -> None:
    Assignment.objects.update(sensitive=False)
    assert lend_work(to=calm, project=project, kind=Kind.RANK) is None


def test_who_decides_while_holding_one_lays_it_down_with_the_next_step(
    project: Project, upsetting: Prompt, alice: User, bob: User
) -> None:
    held = make.lent(alice, project)
    make.client_of(alice).post("/settings/", {"language": "en", "time_zone": "UTC", "avoids_sensitive": "on"})
    alice.refresh_from_db()
    assert lend_work(to=alice, project=project, kind=Kind.RANK) is None
    held.refresh_from_db()
    assert held.state == AssignmentState.LAPSED
    assert make.lent(bob, project).slate == held.slate


def test_a_slot_that_opens_again_stays_sensitive(project: Project, upsetting: Prompt, bob: User) -> None:
    make.client_of(bob).post(f"/skip/{make.lent(bob, project).public_id}/", {"reason": "harmful"})
    assert Assignment.objects.get(kind=Kind.RANK, state=AssignmentState.OPEN).sensitive


@pytest.mark.parametrize("kind", Kind)
def test_nothing_of_the_text_is_sent_before_the_person_asks_to_see_it(
    project: Project, upsetting: Prompt, bob: User, kind: Kind
) -> None:
    client, page = make.client_of(bob), f"/{kind}/{make.lent(bob, project, kind).public_id}/"
    warned = client.get(page).content.decode()
    assert "The next question is sensitive" in warned
    assert SECRET not in warned
    assert "Answer 0" not in warned
    assert "?show" in warned
    assert 'value="harmful"' in warned
    assert SECRET in client.get(page + "?show").content.decode()


def test_the_projects_own_warning_is_shown(project: Project, upsetting: Prompt, bob: User) -> None:
    Project.objects.filter(pk=project.pk).update(content_warning="These are about injuries.")
    page = f"/rank/{make.lent(bob, project).public_id}/"
    assert "These are about injuries." in make.client_of(bob).get(page).content.decode()


def test_the_page_of_skipping_does_not_repeat_the_text(project: Project, upsetting: Prompt, bob: User) -> None:
    assignment, client = make.lent(bob, project), make.client_of(bob)
    assert SECRET not in client.get(f"/skip/{assignment.public_id}/").content.decode()
    assert client.post(f"/skip/{assignment.public_id}/", {"reason": "harmful"}).status_code == 302


def test_an_answer_is_taken_without_another_question(project: Project, upsetting: Prompt, bob: User) -> None:
    words = {"order": "a b c d", "key": str(uuid.uuid4()), "making": "{}"}
    assert make.client_of(bob).post(f"/rank/{make.lent(bob, project).public_id}/", words).status_code == 302
    assert Ranking.objects.count() == 1


def test_an_ordinary_question_is_shown_at_once(project: Project, bob: User) -> None:
    make.make_slate(project, ["First.", "Second."])
    page = f"/rank/{make.lent(bob, project).public_id}/"
    assert "First." in make.client_of(bob).get(page).content.decode()


def test_the_choice_is_nobody_elses_business(project: Project, calm: User, olga: User) -> None:
    assert "sensitive" not in make.client_of(olga).get("/p/turtles/people/").content.decode()
    assert not JournalEntry.objects.filter(actor=calm).exists()


def test_however_much_is_sensitive_the_first_calm_slot_is_read_from_an_index(project: Project, calm: User) -> None:
    make.make_slates(project, 5)
    prompts = [add(project, row(f"{SECRET} {number}", sensitive=True)) for number in range(40)]
    order = make.make_order(project, None, prompts)
    take_in_completions(order=order, rows=make.shard_rows(order))
    with CaptureQueriesContext(connection) as queries:
        make.lent(calm, project)
    [search] = [query["sql"] for query in queries if '"priority" DESC' in query["sql"]]
    plan = plan_of(search)
    assert "assignment_open_calm" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
