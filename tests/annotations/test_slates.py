"""From a shard's rows to slates on the table, and off it again."""

from functools import partial

import pytest

from accounts.models import Project, User
from annotations.choices import Kind
from annotations.models import Assignment, Completion, Slate
from annotations.queries.waiting import stock
from annotations.services.slates import (
    NotOrdered,
    quarantine,
    retire_untouched,
    slot_priority,
    take_in_completions,
)
from annotations.services.work import lend_work, skip
from tests import make
from tests.race import race


def test_a_shard_becomes_one_slate_a_prompt_with_overlap_open_slots(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    order = make.make_order(project, prompts=[make.make_prompt(project), make.make_prompt(project)], k=3)
    assert take_in_completions(order=order, rows=make.shard_rows(order)) == 2
    for slate in order.slates.all():
        assert slate.completions.count() == 3
        assert sorted(slate.assignments.values_list("slot", "state")) == [(0, "open"), (1, "open")]
        assert set(slate.assignments.values_list("priority", flat=True)) == {slot_priority(order.pk, 0)}
    assert stock(project) == 4


def test_taking_the_same_shard_in_again_adds_nothing(project: Project) -> None:
    order = make.make_order(project)
    rows = make.shard_rows(order)
    assert [take_in_completions(order=order, rows=rows) for _ in range(2)] == [1, 0]
    assert (Completion.objects.count(), Slate.objects.count(), stock(project)) == (4, 1, 1)


def test_a_slate_waits_until_all_its_completions_are_there(project: Project) -> None:
    order = make.make_order(project)
    rows = make.shard_rows(order)
    assert take_in_completions(order=order, rows=rows[:3]) == 0
    assert take_in_completions(order=order, rows=rows[3:]) == 1
    assert order.slates.get().completions.count() == 4


def test_empty_completions_are_kept_and_not_ranked(project: Project) -> None:
    order = make.make_order(project)
    take_in_completions(order=order, rows=make.shard_rows(order, ["one", "", " \n", "two"]))
    slate = order.slates.get()
    assert list(slate.completions.order_by("members__position").values_list("text", flat=True)) == ["one", "two"]
    assert sorted(slate.assignments.get().shown) == [0, 1]
    assert order.completions.count() == 4


@pytest.mark.parametrize("texts", [["one", "", "", ""], ["", "", "", ""]])
def test_fewer_than_two_completions_make_no_slate(project: Project, texts: list[str]) -> None:
    order = make.make_order(project)
    assert take_in_completions(order=order, rows=make.shard_rows(order, texts)) == 0
    assert not Assignment.objects.filter(kind=Kind.RANK).exists()


@pytest.mark.parametrize("wrong", [{"index": 4}, {"index": -1}, {"prompt": "no id"}, {"prompt": "foreign"}])
def test_a_shard_with_a_completion_that_nobody_ordered_is_refused_whole(
    project: Project, wrong: dict[str, object]
) -> None:
    order, foreign = make.make_order(project), make.make_prompt(project)
    rows = make.shard_rows(order)
    rows[2] |= {"prompt": str(foreign.public_id)} if wrong.get("prompt") == "foreign" else wrong
    with pytest.raises(NotOrdered):
        take_in_completions(order=order, rows=rows)
    assert not Completion.objects.exists()


def test_what_a_hostile_policy_writes_can_be_stored(project: Project) -> None:
    order = make.make_order(project, k=2)
    take_in_completions(order=order, rows=make.shard_rows(order, ["a\0\ud800", "<script>alert(1)</script>"]))
    assert sorted(order.completions.values_list("text", flat=True)) == ["<script>alert(1)</script>", "a?"]


def test_slates_that_nobody_touched_retire_when_a_newer_order_comes(project: Project, alice: User) -> None:
    touched, untouched = make.make_slates(project, 2)
    make.make_ranking(alice, touched)
    newer = make.make_slate(project)
    assert retire_untouched(project=project, before=newer.order) == 1
    untouched.refresh_from_db()
    touched.refresh_from_db()
    newer.refresh_from_db()
    assert untouched.retired_at is not None
    assert touched.retired_at is newer.retired_at is None
    assert untouched.assignments.get().state == "closed"
    assert stock(project) == 1
    assert retire_untouched(project=project, before=newer.order) == 0


def test_a_slate_that_was_skipped_is_touched_and_stays(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    skip(by=alice, assignment_id=make.lent(alice, project).public_id, reason="unclear")
    assert retire_untouched(project=project, before=make.make_order(project)) == 0
    slate.refresh_from_db()
    assert slate.retired_at is None


def test_another_projects_slates_do_not_retire(project: Project) -> None:
    other = make.make_slate(make.make_project("tortoises"))
    assert retire_untouched(project=project, before=make.make_order(project)) == 0
    other.refresh_from_db()
    assert other.retired_at is None


def test_a_quarantined_policys_completions_are_never_lent_again(project: Project, alice: User, bob: User) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    project.refresh_from_db()
    bad = make.make_policy(project, "bad")
    half_ranked, held, free = make.make_slates(project, 3, policy=bad)
    make.make_ranking(alice, half_ranked)
    assert make.lent(alice, project).slate == held
    assert quarantine(policy=bad) == 12
    assert stock(project) == 0
    for person in (alice, bob):
        assert lend_work(to=person, project=project, kind=Kind.RANK) is None
    for slate in (half_ranked, held, free):
        slate.refresh_from_db()
        assert slate.retired_at is not None


def test_a_skip_does_not_bring_a_quarantined_slate_back(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    assignment = make.lent(alice, project)
    quarantine(policy=slate.order.policy)
    skip(by=alice, assignment_id=assignment.public_id, reason="broken")
    assert stock(project) == 0


def test_quarantine_leaves_other_policies_alone_and_is_harmless_twice(project: Project, alice: User) -> None:
    bad, good = make.make_policy(project, "bad"), make.make_policy(project, "good")
    make.make_slate(project, policy=bad)
    kept = make.make_slate(project, policy=good)
    assert [quarantine(policy=bad) for _ in range(2)] == [4, 0]
    assert make.lent(alice, project).slate == kept


@pytest.mark.django_db(transaction=True)
def test_one_shard_taken_in_by_eight_workers_at_once_is_taken_in_once(project: Project) -> None:
    order = make.make_order(project, prompts=[make.make_prompt(project) for _ in range(5)])
    rows = make.shard_rows(order)
    made = race([partial(take_in_completions, order=order, rows=rows) for _ in range(8)])
    assert sum(made) == 5
    assert (Completion.objects.count(), Slate.objects.count(), stock(project)) == (20, 5, 5)
