"""Rows cross the seam exactly as docs/seam.md says."""

import json
import re
from pathlib import Path
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from annotations.choices import Split
from annotations.models import Assignment
from annotations.ranked import read_rankings
from annotations.records import (
    demonstration_record,
    demonstrations_of,
    prompt_record,
    prompts_of,
    ranking_record,
    rankings_of,
)
from annotations.services.demonstrations import submit_demonstration
from annotations.services.rankings import submit_ranking
from annotations.services.slates import quarantine
from tests import make

SEAM = Path(__file__).parents[2] / "docs" / "seam.md"
Shape = object


def shape(value: object) -> Shape:
    """Keys and types of a JSON value; of a list, those of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def examples() -> list[dict[str, object]]:
    blocks = re.findall(r"```json\n(.*?)\n```", SEAM.read_text(encoding="utf-8"), re.S)
    return [json.loads(block) for block in blocks]


def test_a_ranking_has_the_shape_of_the_example(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project), cut=1)
    [ranking] = rankings_of(project)
    example = next(example for example in examples() if "completions" in example)
    assert shape(ranking_record(ranking)) == shape(example)


def test_a_ranking_crosses_whole_with_ties_and_a_pseudonym(project: Project, alice: User) -> None:
    policy = make.make_policy(project, "base")
    slate = make.make_slate(project, ["turtle", "tortoise", "terrapin"], policy=policy, split=Split.EVAL)
    ranking = make.make_ranking(alice, slate, [[2], [0, 1]], cut=1)
    row = ranking_record(next(rankings_of(project)))
    assert row["id"] == str(ranking.public_id)
    assert (row["split"], row["labeler"], row["revision"], row["weight"]) == ("eval", alice.pseudonym, 1, 1.0)
    assert row["prompt"] == {"id": str(slate.prompt.public_id), "messages": slate.prompt.messages}
    assert [(one["text"], one["tier"]) for one in row["completions"]] == [
        ("turtle", 2),
        ("tortoise", 2),
        ("terrapin", 1),
    ]
    assert {one["policy"] for one in row["completions"]} == {str(policy.public_id)}
    assert row["cut"] == 1
    assert "alice" not in json.dumps(row)


def test_how_much_better_and_how_good_cross_the_seam(project: Project, alice: User) -> None:
    slate = make.make_slate(project, ["turtle", "tortoise"])
    lent = make.lent(alice, project)
    turtle, tortoise = slate.completions.order_by("pk").values_list("public_id", flat=True)
    submit_ranking(
        by=alice,
        assignment_id=lent.public_id,
        tiers=[[tortoise], [turtle]],
        strength=3,
        ratings={tortoise: 6},
        key=uuid4(),
    )
    row = ranking_record(next(rankings_of(project)))
    assert row["strength"] == 3
    assert {one["text"]: one["rating"] for one in row["completions"]} == {"turtle": None, "tortoise": 6}


def test_a_demonstration_has_the_shape_of_the_example(project: Project, alice: User) -> None:
    prompt = make.make_prompt(project, demonstrations=1)
    said = [{"role": "assistant", "content": "On the beach."}]
    assignment = make.lent(alice, project, "demonstrate").public_id
    demonstration = submit_demonstration(by=alice, assignment_id=assignment, messages=said, key=uuid4())
    row = demonstration_record(next(demonstrations_of(project)))
    example = next(example for example in examples() if example.get("messages") and "labeler" in example)
    assert shape(row) == shape(example)
    assert (row["id"], row["messages"]) == (str(demonstration.public_id), said)
    assert row["prompt"]["id"] == str(prompt.public_id)
    assert row["labeler"] == alice.pseudonym


def test_prompts_cross_with_their_split_until_they_retire(project: Project) -> None:
    kept, retired = make.make_prompt(project, split=Split.EVAL), make.make_prompt(project)
    retired.retired_at = retired.created_at
    retired.save()
    [row] = [prompt_record(prompt) for prompt in prompts_of(project)]
    assert row == {"id": str(kept.public_id), "split": "eval", "messages": kept.messages}


def test_only_the_current_revision_crosses(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    first = make.make_ranking(alice, slate)
    assignment, tiers = first.assignment.public_id, make.tiers_of(slate)
    second = submit_ranking(by=alice, assignment_id=assignment, tiers=tiers, key=uuid4())
    assert [(row.pk, row.revision) for row in rankings_of(project)] == [(second.pk, 2)]


def test_surplus_rankings_are_answers_too(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    Assignment.objects.filter(slate=slate).update(state="lapsed", labeler=alice, slot=None)
    late = Assignment.objects.get(slate=slate)
    submit_ranking(by=alice, assignment_id=late.public_id, tiers=make.tiers_of(slate), key=uuid4())
    assert len(list(rankings_of(project))) == 1


def test_rankings_of_quarantined_completions_and_of_other_projects_stay_out(project: Project, alice: User) -> None:
    bad = make.make_policy(project, "bad")
    make.make_ranking(alice, make.make_slate(project, policy=bad))
    kept = make.make_ranking(alice, make.make_slate(project))
    other = make.make_project("tortoises")
    make.make_ranking(make.make_person("carol", other), make.make_slate(other))
    quarantine(policy=bad)
    assert [ranking.pk for ranking in rankings_of(project)] == [kept.pk]


def test_no_row_of_an_export_is_read_through_a_join(project: Project, alice: User) -> None:
    ranking = make.make_ranking(alice, make.make_slate(project))
    with CaptureQueriesContext(connection) as seen:
        assert [ranked.pk for ranked in read_rankings([ranking.pk])] == [ranking.pk]
    assert [query["sql"] for query in seen if " JOIN " in query["sql"]] == []


def test_the_queries_of_an_export_do_not_grow_with_its_rows(project: Project, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert [ranking_record(ranking) for ranking in rankings_of(project)]
        return len(seen)

    slates = make.make_slates(project, 10)
    make.make_ranking(alice, slates[0])
    few = queries()
    for slate in slates[1:]:
        make.make_ranking(alice, slate)
    assert queries() == few
