"""Coverage: which share of the prompts people have ranked, ranked by as many as wanted, and demonstrated."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from annotations.choices import Split
from annotations.correction import Correction
from annotations.models import Prompt
from annotations.services.rankings import submit_ranking
from annotations.services.slates import quarantine
from rounds.queries import board
from rounds.queries.coverage import Cover, coverage
from tests import make
from tests.rounds import loop


def figures(cover: Cover) -> tuple[int, int, int, int]:
    return (cover.prompts, cover.ranked, cover.reached, cover.demonstrated)


def test_a_project_without_prompts_is_covered_by_nothing(project: Project) -> None:
    whole = coverage(project).whole
    assert figures(whole) == (0, 0, 0, 0)
    assert [share for _, share in whole.shares()] == [None] * 3


def test_the_overlap_is_reached_by_as_many_people_as_the_slate_wants(project: Project, alice: User, bob: User) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    slate = make.make_slate(project)
    make.make_ranking(alice, slate)
    assert figures(coverage(project).whole) == (1, 1, 0, 0)
    make.make_ranking(bob, slate)
    assert figures(coverage(project).whole) == (1, 1, 1, 0)
    Project.objects.update(overlap=5)
    assert figures(coverage(project).whole) == (1, 1, 1, 0)


def test_a_late_answer_is_a_ranking_and_no_part_of_the_overlap(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    project.assignments.filter(state="done").update(surplus=True, slot=None)
    assert figures(coverage(project).whole) == (1, 1, 0, 0)


def test_splits_and_tags_are_counted_apart(project: Project, alice: User) -> None:
    ranked = make.make_slate(project).prompt
    make.make_ranking(alice, ranked.slates.get())
    other = make.make_slate(project, split=Split.EVAL).prompt
    Prompt.objects.filter(pk=ranked.pk).update(tags=["sea", "海"])
    Prompt.objects.filter(pk=other.pk).update(tags=["sea"])
    told = coverage(project)
    assert {cover.name: figures(cover) for cover in told.splits} == {"train": (1, 1, 1, 0), "eval": (1, 0, 0, 0)}
    assert {cover.name: figures(cover) for cover in told.tags} == {"sea": (2, 1, 1, 0), "海": (1, 1, 1, 0)}


def test_demonstrations_are_a_share_of_what_people_are_asked_to_write(project: Project, alice: User) -> None:
    loop.demonstrate(alice, project)
    make.make_prompt(project, split=Split.EVAL)
    assert coverage(project).whole.shares()[2] == (1, 1.0)


def test_retired_prompts_and_what_a_bad_policy_wrote_do_not_count(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    make.make_ranking(alice, slate)
    quarantine(policy=slate.order.policy)
    assert figures(coverage(project).whole) == (1, 0, 0, 0)
    Prompt.objects.update(retired_at="2026-11-22T00:00Z")
    assert figures(coverage(project).whole) == (0, 0, 0, 0)


def test_other_projects_are_not_counted(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    assert figures(coverage(make.make_project("newts")).whole) == (0, 0, 0, 0)


def test_it_is_one_query_that_reads_answers_from_an_index(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    with CaptureQueriesContext(connection) as asked:
        coverage(project)
    assert len(asked) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}".replace("%", "%%"))
            plan = "\n".join(str(step[-1]) for step in cursor.fetchall())
        assert "COVERING INDEX assignment_done" in plan


@pytest.mark.parametrize(("many", "shown", "more"), [(12, 12, 0), (15, 12, 3)])
def test_the_most_used_tags_are_shown_and_the_others_counted(
    project: Project, many: int, shown: int, more: int
) -> None:
    prompt = make.make_prompt(project)
    Prompt.objects.filter(pk=prompt.pk).update(tags=[f"tag {number}" for number in range(many)])
    told = coverage(project)
    assert (len(told.tags), told.more_tags) == (shown, more)


def test_a_correction_of_an_evaluation_prompt_is_no_part_of_what_is_demonstrated(project: Project, alice: User) -> None:
    slate = make.make_slate(project, split=Split.EVAL)
    assignment = make.lent(alice, project)
    correction = Correction(completion=slate.completions.earliest("pk").public_id, text="Better.")
    tiers = make.tiers_of(slate)
    submit_ranking(by=alice, assignment_id=assignment.public_id, tiers=tiers, correction=correction, key=uuid.uuid4())
    assert slate.prompt.demonstrations.count() == 1
    assert figures(coverage(project).whole) == (1, 1, 1, 0)
    assert board.intake(project).demonstrations == 0
