"""What a ranking keeps, and which rankings are refused."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Guideline, JournalEntry, Membership, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Placement, Ranking, Slate
from annotations.queries.desk import NotYours
from annotations.services.rankings import BadRanking, Incomplete, submit_ranking
from tests import make


@pytest.fixture
def slate(project: Project) -> Slate:
    return make.make_slate(project, ["turtle", "tortoise", "terrapin"])


@pytest.fixture
def assignment(project: Project, slate: Slate, alice: User) -> Assignment:
    return make.lent(alice, project)


def rank(by: User, assignment: Assignment, tiers: list[list[UUID]], **details: Any) -> Ranking:
    return submit_ranking(by=by, assignment_id=assignment.public_id, tiers=tiers, key=uuid4(), **details)


def tiers_by_text(ranking: Ranking) -> dict[str, int | None]:
    return dict(ranking.placements.values_list("completion__text", "tier"))


def test_a_ranking_keeps_tiers_with_ties_and_the_cut_line(alice: User, slate: Slate, assignment: Assignment) -> None:
    ranking = rank(alice, assignment, make.tiers_of(slate, [[2], [0, 1]]), cut=1)
    assert tiers_by_text(ranking) == {"terrapin": 1, "turtle": 2, "tortoise": 2}
    assert (ranking.cut, ranking.revision, ranking.is_current, ranking.labeler) == (1, 1, True, alice)


def test_a_ranking_keeps_ratings_flags_the_note_and_how_it_was_made(
    alice: User, slate: Slate, assignment: Assignment
) -> None:
    tiers = make.tiers_of(slate)
    first = tiers[0][0]
    ranking = rank(
        alice,
        assignment,
        tiers,
        note="Two are the same animal.",
        ratings={first: 7},
        flags={first: ["factual"]},
        making={"input": "keys", "language": "zh-hans"},
    )
    placement = ranking.placements.get(completion__public_id=first)
    assert (placement.rating, placement.flags) == (7, ["factual"])
    assert (ranking.note, ranking.making["input"]) == ("Two are the same animal.", "keys")


def test_a_ranking_closes_its_slot_and_stands_in_the_journal_without_its_words(
    alice: User, slate: Slate, assignment: Assignment
) -> None:
    rank(alice, assignment, make.tiers_of(slate), note="a secret")
    assignment.refresh_from_db()
    assert (assignment.state, assignment.slot, assignment.surplus) == ("done", 0, False)
    entry = JournalEntry.objects.get(verb="rank", subject_id=str(assignment.pk))
    assert (entry.actor, entry.old, entry.new) == (alice, "lent", "done")
    assert "secret" not in str(entry.facts)


def test_a_ranking_knows_the_guidelines_it_was_made_under(
    project: Project, alice: User, slate: Slate, assignment: Assignment
) -> None:
    newest = Guideline.objects.create(project=project, version=2, text="Prefer what is short.")
    assert rank(alice, assignment, make.tiers_of(slate)).guideline == newest


@pytest.mark.parametrize("tiers", [[], [[0], [1]], [[0], [], [1], [2]]])
def test_an_order_with_something_left_out_is_incomplete(
    alice: User, slate: Slate, assignment: Assignment, tiers: list[list[int]]
) -> None:
    placed = [[make.tiers_of(slate)[position][0] for position in tied] for tied in tiers]
    with pytest.raises(Incomplete):
        rank(alice, assignment, placed)
    assignment.refresh_from_db()
    assert assignment.state == "lent"
    assert not Ranking.objects.exists()


def test_where_the_project_says_so_completions_may_stay_unplaced(
    project: Project, alice: User, slate: Slate, assignment: Assignment
) -> None:
    Project.objects.filter(pk=project.pk).update(partial_order=True)
    ranking = rank(alice, assignment, make.tiers_of(slate, [[0], [1]]))
    assert tiers_by_text(ranking) == {"turtle": 1, "tortoise": 2, "terrapin": None}


def test_what_is_no_ranking_of_this_slate_is_refused_and_leaves_nothing(
    project: Project, alice: User, slate: Slate, assignment: Assignment
) -> None:
    [a], [b], [c] = whole = make.tiers_of(slate)
    foreign = make.tiers_of(make.make_slate(project))[0][0]
    wrong: list[tuple[list[list[UUID]], dict[str, Any]]] = [
        ([[a], [b], [c], [a]], {}),
        ([[a], [b], [c], [foreign]], {}),
        (whole, {"cut": 4}),
        (whole, {"cut": -1}),
        (whole, {"ratings": {a: 8}}),
        (whole, {"ratings": {foreign: 3}}),
        (whole, {"flags": {foreign: ["factual"]}}),
        (whole, {"flags": {a: ["x" * 41]}}),
        (whole, {"strength": 1}),
        (whole, {"note": "x" * 64_001}),
    ]
    for tiers, details in wrong:
        with pytest.raises(BadRanking):
            rank(alice, assignment, tiers, **details)
    assignment.refresh_from_db()
    assert assignment.state == "lent"
    assert not Ranking.objects.exists()


def test_of_two_completions_people_say_how_much_better(project: Project, alice: User) -> None:
    pair = make.make_slate(project, k=2)
    ranking = rank(alice, make.lent(alice, project), make.tiers_of(pair), strength=-3)
    assert ranking.strength == -3


def test_two_to_nine_completions_can_be_ranked(project: Project, alice: User) -> None:
    for k in range(2, 10):
        ranking = make.make_ranking(alice, make.make_slate(project, k=k))
        assert ranking.placements.count() == k


def test_nobody_ranks_for_somebody_else(bob: User, mallory: User, slate: Slate, assignment: Assignment) -> None:
    for person in (bob, mallory):
        with pytest.raises(NotYours):
            rank(person, assignment, make.tiers_of(slate))


def test_who_left_the_project_ranks_no_more(alice: User, slate: Slate, assignment: Assignment) -> None:
    Membership.objects.filter(user=alice).delete()
    with pytest.raises(NotAllowed):
        rank(alice, assignment, make.tiers_of(slate))


def test_a_demonstration_cannot_be_ranked(project: Project, alice: User) -> None:
    make.make_prompt(project, demonstrations=1)
    with pytest.raises(BadRanking):
        rank(alice, make.lent(alice, project, "demonstrate"), [[uuid4()]])


def test_characters_that_no_database_holds_are_dropped_from_a_note(
    alice: User, slate: Slate, assignment: Assignment
) -> None:
    ranking = rank(alice, assignment, make.tiers_of(slate), note="a\0b \ud800 乌龟 🐢")
    assert Ranking.objects.get(pk=ranking.pk).note == "ab ? 乌龟 🐢"


def test_the_database_refuses_a_place_twice_and_a_tier_out_of_range(alice: User, slate: Slate) -> None:
    placement = make.make_ranking(alice, slate).placements.first()
    assert placement is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Placement.objects.create(ranking=placement.ranking, completion=placement.completion, tier=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Placement.objects.filter(pk=placement.pk).update(tier=10)
