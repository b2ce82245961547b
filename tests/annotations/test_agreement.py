"""Agreement with others: pairs of common slates, ties by halves, an interval, and nothing before there is enough."""

import pytest

from accounts.models import Project, User
from annotations.queries.agreement import LEAST, agreement_between, agreement_of, pair_agreement, wilson
from tests import make

ORDER, TURNED, TIED = [[0], [1], [2]], [[2], [1], [0]], [[0, 1, 2]]


@pytest.fixture
def twice(project: Project) -> Project:
    """Two people rank each slate."""
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    return project


def both_rank(alice: User, bob: User, project: Project, count: int, hers: object = ORDER, his: object = ORDER) -> None:
    for slate in make.make_slates(project, count, k=3):
        make.make_ranking(alice, slate, hers)  # type: ignore[arg-type]
        make.make_ranking(bob, slate, his)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mine", "theirs", "agreed"),
    [
        ({1: 1, 2: 2}, {1: 1, 2: 2}, (1, 1)),
        ({1: 1, 2: 2}, {1: 2, 2: 1}, (0, 1)),
        ({1: 1, 2: 1}, {1: 4, 2: 4}, (1, 1)),
        ({1: 1, 2: 1}, {1: 1, 2: 2}, (0.5, 1)),
        ({1: 1, 2: 1, 3: 2}, {1: 1, 2: 2, 3: 3}, (2.5, 3)),
        ({1: 1, 2: 2, 3: 3}, {2: 1, 3: 2}, (1, 1)),
        ({1: 1}, {1: 1}, (0, 0)),
        ({}, {1: 1, 2: 2}, (0, 0)),
    ],
)
def test_a_pair_agrees_wholly_by_half_or_not_at_all(
    mine: dict[int, int], theirs: dict[int, int], agreed: tuple[float, int]
) -> None:
    assert pair_agreement(mine, theirs) == pair_agreement(theirs, mine) == agreed


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I: 81 of 263 and 0 of 20.
    assert [round(bound, 4) for bound in wilson(81 / 263, 263)] == [0.2553, 0.3662]
    assert [round(bound, 4) for bound in wilson(0, 20)] == [0.0, 0.1611]


def test_before_there_are_enough_common_slates_nothing_is_said(twice: Project, alice: User, bob: User) -> None:
    both_rank(alice, bob, twice, LEAST - 1)
    make.make_ranking(alice, make.make_slate(twice, k=3), ORDER)
    found = agreement_of(alice, twice)
    assert (found.slates, found.share) == (LEAST - 1, None)
    page = make.client_of(alice).get("/").content.decode()
    assert f"Not enough yet: {LEAST - 1} of your questions were ranked by somebody else too" in page


@pytest.mark.parametrize(("his", "share"), [(ORDER, 1.0), (TURNED, 0.0), (TIED, 0.5)])
def test_the_share_is_that_of_all_pairs_and_lies_inside_its_band(
    twice: Project, alice: User, bob: User, his: object, share: float
) -> None:
    both_rank(alice, bob, twice, LEAST, his=his)
    found = agreement_of(alice, twice)
    assert (found.slates, found.share) == (LEAST, share)
    assert 0 <= found.low <= share <= found.high <= 1
    assert found.high - found.low > 0.1


def test_the_band_narrows_with_more_slates_and_both_see_the_same(twice: Project, alice: User, bob: User) -> None:
    both_rank(alice, bob, twice, 5, his=TURNED)
    both_rank(alice, bob, twice, 5)
    few = agreement_of(alice, twice)
    both_rank(alice, bob, twice, 5, his=TURNED)
    both_rank(alice, bob, twice, 5)
    many = agreement_of(alice, twice)
    assert few.share == many.share == agreement_of(bob, twice).share == 0.5
    assert many.high - many.low < few.high - few.low


def test_one_more_answer_does_not_tell_what_the_other_said(twice: Project, alice: User, bob: User) -> None:
    both_rank(alice, bob, twice, LEAST)
    before = agreement_of(alice, twice)
    both_rank(alice, bob, twice, LEAST - 1, his=TURNED)
    assert agreement_of(alice, twice) == before
    both_rank(alice, bob, twice, 1, his=TURNED)
    assert agreement_of(alice, twice).share == 0.5


def test_where_one_person_ranks_each_slate_no_agreement_is_spoken_of(project: Project, alice: User) -> None:
    assert "Agreement with others" not in make.client_of(alice).get("/").content.decode()


def test_a_projects_agreement_is_that_of_everybody_with_everybody(twice: Project, alice: User, bob: User) -> None:
    both_rank(alice, bob, twice, LEAST - 1)
    make.make_ranking(alice, make.make_slate(twice, k=3), ORDER)
    assert agreement_between(twice).share is None
    both_rank(alice, bob, twice, LEAST + 1, his=TURNED)
    found = agreement_between(twice)
    assert (found.slates, found.share) == (2 * LEAST, (LEAST - 1) / (2 * LEAST))
    assert found.low < found.share < found.high


def test_of_a_projects_common_slates_the_newest_count(
    twice: Project, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_rank(alice, bob, twice, LEAST, his=TURNED)
    both_rank(alice, bob, twice, LEAST)
    monkeypatch.setattr("annotations.queries.agreement.NEWEST", LEAST)
    assert agreement_between(twice).share == 1.0
