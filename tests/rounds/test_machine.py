"""The round's states as data: every state can be left or is an end, and cancelling ends a round from anywhere."""

import pytest

from rounds.algorithms import kind_in
from rounds.machine import BY_CELERY, BY_PEOPLE, BY_TRAINER, ENDED, KIND_OF, MOVES, StageKind, State


def reachable(start: State) -> set[State]:
    found: set[State] = {start}
    while True:
        more = found | {new for old in found for new in MOVES[old]}
        if more == found:
            return found
        found = more


def test_every_state_is_worked_on_by_exactly_one_kind_or_is_an_end() -> None:
    groups = [BY_PEOPLE, BY_CELERY, BY_TRAINER, ENDED]
    assert sorted(state for group in groups for state in group) == sorted(State)


def test_every_state_is_reached_from_the_first() -> None:
    assert reachable(State.EXPORTING) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_no_state_blocks_a_project(state: State) -> None:
    assert State.CANCELLED in MOVES[state]
    assert State.DONE in reachable(state)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_end_is_an_end(state: State) -> None:
    assert MOVES[state] == frozenset()


def test_only_a_deployment_makes_a_round_done() -> None:
    assert [state for state in State if State.DONE in MOVES[state]] == [State.DEPLOYING]


def test_nothing_is_deployed_that_was_not_reviewed() -> None:
    assert [state for state in State if State.DEPLOYING in MOVES[state]] == [State.REVIEW]


def test_every_state_of_the_trainer_has_a_stage() -> None:
    assert set(KIND_OF) == BY_TRAINER


@pytest.mark.parametrize("algorithm", ["ppo", "rloo", "dpo"])
def test_the_algorithm_says_what_improves_the_policy_and_nothing_else(algorithm: str) -> None:
    kinds = {state: kind_in(state, {"algorithm": algorithm}) for state in State}
    assert kinds == {state: KIND_OF.get(state) for state in State} | {State.PPO: StageKind(algorithm)}


def test_best_of_n_trains_no_policy() -> None:
    assert kind_in(State.PPO, {"algorithm": "best_of"}) is None
    assert State.EVALUATING in MOVES[State.REWARD]
