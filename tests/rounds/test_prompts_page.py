"""The prompts page: whole batches or none, a list that is narrowed and paged, and what happens to the ticked ones."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from annotations.models import Policy, Prompt
from annotations.queries.waiting import stock
from annotations.services.prompts import PromptRow, add_prompts
from rounds.models import Deployment
from rounds.queries.prompts import PROMPTS_A_PAGE, Filters, page_of
from rounds.services import sampling
from tests import make
from tests.rounds import loop

PAGE = "/p/turtles/prompts/"
EMPTY = {"pasted": "", "written_as": "text", "tags": "", "priority": ""}


def add(person: User, **given: object) -> HttpResponse:
    answer: HttpResponse = make.client_of(person).post(f"{PAGE}add/", {**EMPTY, **given}, follow=True)
    return answer


def said(prompt: Prompt) -> str:
    return prompt.messages[-1]["content"]


def a_file(text: str | bytes, name: str = "prompts.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def row(text: str, **values: object) -> PromptRow:
    return PromptRow(messages=[{"role": "user", "content": text}], **values)  # type: ignore[arg-type]


def test_pasted_lines_become_prompts_with_the_batchs_tags_and_priority(project: Project, olga: User) -> None:
    answer = add(olga, pasted="Why?\n\n  How?  \nWhy?", tags="swim, 海, swim", priority="7")
    assert "2 prompts added. 1 was there already." in answer.content.decode()
    assert sorted((said(prompt), prompt.tags, prompt.priority) for prompt in project.prompts.all()) == [
        ("How?", ["swim", "海"], 7),
        ("Why?", ["swim", "海"], 7),
    ]


def test_pasted_json_lines_keep_what_each_row_says(project: Project, olga: User) -> None:
    lines = [{"text": "Why?", "tags": ["a"], "priority": 3}, {"text": "How?"}]
    add(olga, pasted="\n".join(map(json.dumps, lines)), written_as="jsonl", tags="b")
    assert sorted((said(prompt), prompt.tags, prompt.priority) for prompt in project.prompts.all()) == [
        ("How?", ["b"], 0),
        ("Why?", ["a", "b"], 3),
    ]


@pytest.mark.parametrize(("name", "text"), [("p.txt", "Why?\nHow?"), ("p.jsonl", '{"text": "Why?"}\n{"text": "How?"}')])
def test_a_files_ending_says_how_it_is_read(project: Project, olga: User, name: str, text: str) -> None:
    add(olga, file=a_file(text, name))
    assert sorted(map(said, project.prompts.all())) == ["How?", "Why?"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Paste prompts, or choose a file"),
        ({"pasted": "Why?", "file": a_file('{"text": "How?"}')}, "one of the two"),
        ({"file": a_file('{"text": "Why?"}\nno json')}, "prompts.jsonl, line 2: not JSON"),
        ({"file": a_file(b'{"text": "Why?"}\n{"text": "\xff"}')}, "prompts.jsonl, line 2: not UTF-8"),
        ({"file": a_file("Why?", "prompts.csv")}, "must end in .txt or .jsonl"),
        ({"file": a_file("")}, "empty"),
        ({"pasted": '{"text": "Why?"}\n{}', "written_as": "jsonl"}, "What you pasted, line 2: needs exactly one of"),
        ({"pasted": "x" * 200_001}, "Put it into a file"),
        ({"pasted": "Why?", "tags": "x" * 41}, "tags of at most 40 characters"),
        ({"pasted": "Why?", "priority": "1000001"}, "1000000"),
        ({"pasted": "Why?", "priority": "soon"}, "whole number"),
    ],
)
def test_a_batch_that_cannot_be_read_adds_nothing_and_says_where(
    project: Project, olga: User, given: dict[str, object], told: str
) -> None:
    answer = add(olga, **given)
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert not Prompt.objects.exists()


def test_a_batch_too_large_is_refused(project: Project, olga: User) -> None:
    answer = add(olga, file=a_file("\n".join(f"Turtle {number}?" for number in range(20_001)), "many.txt"))
    assert "These are 20001 prompts" in answer.content.decode()
    assert not Prompt.objects.exists()


def test_what_was_pasted_is_still_there_after_a_mistake(project: Project, olga: User) -> None:
    assert "Why on earth?" in add(olga, pasted="Why on earth?", priority="soon").content.decode()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["About 海龟 and sand", "Say user"]),
        (Filters(state="retired"), ["Old"]),
        (Filters(state="all"), ["About 海龟 and sand", "Old", "Say user"]),
        (Filters(tag="sea"), ["About 海龟 and sand"]),
        (Filters(tag="se"), []),
        (Filters(tag="海"), ["Say user"]),
        (Filters(text="海龟"), ["About 海龟 and sand"]),
        (Filters(text="AND SAND"), ["About 海龟 and sand"]),
        (Filters(text="user"), ["Say user"]),
        (Filters(text="content"), []),
        (Filters(text="100%"), []),
        (Filters(tag="sea", text="user"), []),
    ],
)
def test_the_list_is_narrowed_by_tag_state_and_text(project: Project, filters: Filters, found: list[str]) -> None:
    rows = [row("About 海龟 and sand", tags=["sea", "b"]), row("Say user", tags=["海"]), row("Old", tags=["sea"])]
    add_prompts(by=None, project=project, rows=rows)
    Prompt.objects.filter(messages__0__content="Old").update(retired_at="2026-11-22T00:00Z")
    assert sorted(each.start for each in page_of(project, filters, before=None).rows) == found


def test_pages_follow_each_other_without_a_gap_and_cost_the_same(project: Project) -> None:
    add_prompts(by=None, project=project, rows=[row(f"Turtle {number}?") for number in range(120)])
    seen: list[str] = []
    before, queries = None, set()
    while True:
        with CaptureQueriesContext(connection) as asked:
            page = page_of(project, Filters(), before=before)
        queries.add(len(asked))
        seen += [each.start for each in page.rows]
        if page.older is None:
            break
        before = page.older
    assert seen == [f"Turtle {number}?" for number in reversed(range(120))]
    assert (len(seen) > 2 * PROMPTS_A_PAGE, queries) == (True, {3})


def test_the_list_counts_rankings_and_demonstrations_once_each(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    make.make_ranking(alice, slate)
    loop.demonstrate(alice, project)
    figures = {(each.rankings, each.demonstrations) for each in page_of(project, Filters(), before=None).rows}
    assert figures == {(1, 0), (0, 1)}


def test_a_text_of_a_prompt_is_shown_as_text(project: Project, olga: User) -> None:
    add(olga, pasted="<script>alert(1)</script>", tags="<b>")
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page
    assert "?tag=%3Cb%3E" in page


def test_the_ticked_prompts_are_retired_brought_back_and_given_a_priority(project: Project, olga: User) -> None:
    first, second = make.make_prompt(project), make.make_prompt(project)
    client, ticked = make.client_of(olga), {"prompt": [first.public_id], "query": "state=all"}
    for do, told in (("retire", "1 prompt retired."), ("bring_back", "1 prompt is asked again.")):
        answer = client.post(f"{PAGE}change/", {**ticked, "do": do}, follow=True)
        assert told in answer.content.decode()
        assert answer.redirect_chain == [(f"{PAGE}?state=all", 302)]
    client.post(f"{PAGE}change/", {**ticked, "do": "priority", "priority": "4"})
    assert list(project.prompts.order_by("pk").values_list("priority", flat=True)) == [4, second.priority]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"do": "retire"}, "Tick the prompts first."),
        ({"do": "retire", "prompt": ["no id"]}, "no id"),
        ({"do": "priority", "prompt": ["x"]}, "x"),
        ({"do": "burn"}, "burn"),
    ],
)
def test_a_change_of_nothing_changes_nothing_and_says_why(
    project: Project, olga: User, sent: dict[str, object], told: str
) -> None:
    prompt = make.make_prompt(project)
    answer = make.client_of(olga).post(f"{PAGE}change/", {"query": "https://evil.example", **sent}, follow=True)
    assert told in answer.content.decode()
    assert answer.redirect_chain[0][0].startswith(PAGE)
    prompt.refresh_from_db()
    assert prompt.retired_at is None


def test_a_priority_must_be_given(project: Project, olga: User) -> None:
    ids = [make.make_prompt(project).public_id]
    answer = make.client_of(olga).post(f"{PAGE}change/", {"do": "priority", "prompt": ids}, follow=True)
    assert "Give a priority" in answer.content.decode()


def test_added_prompts_are_asked_of_the_policy_by_the_next_tick(project: Project, base: Policy, olga: User) -> None:
    add(olga, pasted="Why?\nHow?")
    order = sampling.keep_stock(project)
    assert order is not None
    assert order.prompts.count() == 2


def test_prompts_added_to_a_project_without_a_stock_are_asked_too(project: Project, base: Policy, olga: User) -> None:
    Project.objects.update(stock_target=0)
    project.refresh_from_db()
    add(olga, pasted="Why?")
    sampling.keep_stock(project)
    loop.finish_orders(project)
    assert (stock(project), sampling.keep_stock(project)) == (1, None)
    add(olga, pasted="How?")
    order = sampling.keep_stock(project)
    assert order is not None
    assert [said(prompt) for prompt in order.prompts.all()] == ["How?"]


def test_a_retired_prompt_is_not_asked_of_the_policy(project: Project, base: Policy, olga: User) -> None:
    add(olga, pasted="Why?\nHow?")
    Prompt.objects.filter(messages__0__content="Why?").update(retired_at="2026-11-22T00:00Z")
    order = sampling.keep_stock(project)
    assert order is not None
    assert [said(prompt) for prompt in order.prompts.all()] == ["How?"]


@pytest.mark.parametrize(
    ("target", "told"), [(3, "As soon as fewer than 3 places wait"), (0, "asked about each new prompt by itself")]
)
def test_the_page_says_what_follows(project: Project, base: Policy, olga: User, target: int, told: str) -> None:
    assert told not in make.client_of(olga).get(PAGE).content.decode()
    Project.objects.update(stock_target=target)
    assert told in make.client_of(olga).get(PAGE).content.decode()


def test_the_page_says_that_no_policy_or_nobody_is_there(project: Project, base: Policy, olga: User) -> None:
    assert "No supervisor is running" in make.client_of(olga).get(PAGE).content.decode()
    Deployment.objects.all().delete()
    assert "No policy writes here yet" in make.client_of(olga).get(PAGE).content.decode()
