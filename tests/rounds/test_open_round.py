"""Opening a round: one at a time, by operators, from what is deployed, when there is something to learn from."""

import pytest
from django.db import IntegrityError

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.choices import Split
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Round
from rounds.services import rounds
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop


def test_a_round_begins_from_what_is_deployed(ranked: Project, base: Policy, olga: User) -> None:
    round = loop.start(ranked, olga)
    assert (round.number, round.state, round.init_policy, round.reference_policy) == (1, State.EXPORTING, base, base)
    entry = JournalEntry.objects.get(subject="round", subject_id=round.pk)
    assert (entry.actor, entry.verb, entry.new) == (olga, "open", State.EXPORTING)


def test_a_second_round_is_refused_while_one_is_open(ranked: Project, olga: User) -> None:
    loop.start(ranked, olga)
    with pytest.raises(RoundRefused, match="open already"):
        loop.start(ranked, olga)
    assert ranked.rounds.count() == 1


def test_after_a_round_has_ended_the_next_number_begins(ranked: Project, olga: User) -> None:
    rounds.cancel(by=olga, round_id=loop.start(ranked, olga).pk)
    assert loop.start(ranked, olga).number == 2


def test_without_a_deployed_policy_there_is_nothing_to_improve(project: Project, olga: User) -> None:
    with pytest.raises(RoundRefused, match="No policy is deployed"):
        loop.start(project, olga)


def test_without_rankings_there_is_nothing_to_learn_from(project: Project, base: Policy, olga: User) -> None:
    with pytest.raises(RoundRefused, match="Nobody has ranked"):
        loop.start(project, olga)


def test_rankings_of_evaluation_prompts_teach_nothing(project: Project, base: Policy, alice: User, olga: User) -> None:
    make.make_ranking(alice, make.make_slate(project, policy=base, split=Split.EVAL))
    with pytest.raises(RoundRefused, match="Nobody has ranked"):
        loop.start(project, olga)


def test_imitation_is_refused_where_nobody_has_demonstrated(ranked: Project, olga: User) -> None:
    with pytest.raises(RoundRefused, match="no demonstrations"):
        loop.start(ranked, olga, sft=True)


def test_an_unknown_preset_is_refused_by_name(ranked: Project, olga: User) -> None:
    with pytest.raises(RoundRefused, match="huge"):
        loop.start(ranked, olga, preset="huge")


def test_the_number_is_the_seed_where_none_was_chosen(ranked: Project) -> None:
    assert loop.start(ranked).choices["seed"] == 1


def test_a_chosen_seed_of_zero_is_kept(ranked: Project) -> None:
    assert loop.start(ranked, seed=0).choices["seed"] == 0


@pytest.mark.parametrize("person", ["alice", "rita", "erik", "mallory"])
def test_only_operators_open_rounds(ranked: Project, person: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotAllowed):
        loop.start(ranked, request.getfixturevalue(person))
    assert not ranked.rounds.exists()


def test_the_same_period_has_one_round(ranked: Project) -> None:
    first = rounds.open_round(by=None, project=ranked, choices={"preset": "tiny"}, period="date 2026-11-22")
    rounds.cancel(by=None, round_id=first.pk)
    with pytest.raises(RoundRefused, match="started already"):
        rounds.open_round(by=None, project=ranked, choices={"preset": "tiny"}, period="date 2026-11-22")


def test_the_database_itself_refuses_a_second_open_round(ranked: Project, base: Policy) -> None:
    loop.start(ranked)
    with pytest.raises(IntegrityError):
        Round.objects.create(project=ranked, number=2, init_policy=base, reference_policy=base)


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_at_once_one_wins_and_the_others_are_told_why(ranked: Project) -> None:
    ends = loop.at_once(lambda: loop.start(ranked), times=8)
    assert sorted(type(end).__name__ for end in ends) == ["Round"] + ["RoundRefused"] * 7
    assert ranked.rounds.count() == 1
