"""The monitors: habits of texts, and alarms that ring where the reward rises for the wrong reasons."""

import pytest
import torch

from trainer.drawing import Sample
from trainer.monitors import (
    Judged,
    alarms,
    correlation,
    distinct,
    fisher_difference,
    holds_special,
    mean_and_error,
    repetition,
)
from trainer.ragged import Batch

NOISE = torch.randn(100, generator=torch.Generator().manual_seed(1))
# Lengths of 100 completions that know nothing of NOISE.
ANY = [5 + (7 * place) % 31 for place in range(100)]


def judged(rewards: torch.Tensor, lengths: list[int] = ANY, spread: torch.Tensor | None = None) -> Judged:
    samples = [Sample([7] * length, [0.0] * length) for length in lengths]
    return Judged(Batch.of([([1], [2])]), samples, [], rewards, spread)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("one two three", 0.0),
        ("the turtle lays her eggs", 0.0),
        ("a b c d a b c d", 0.2),
        ("no no no no no no", 2 / 3),
        ("No, no! NO no", 0.0),
        ("海龟在哪里海龟在哪里", 2 / 7),
    ],
)
def test_repetition_is_the_share_of_four_word_runs_that_were_said_before(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


def test_a_control_token_counts_unless_it_is_the_one_that_ended_the_text() -> None:
    special = {0, 4}
    assert not holds_special(Sample([7, 8, 4], [0.0] * 3, finished=True), special)
    assert holds_special(Sample([7, 0, 4], [0.0] * 3, finished=True), special)
    assert holds_special(Sample([7, 8, 0], [0.0] * 3, finished=False), special)


def test_one_number_has_no_error() -> None:
    assert mean_and_error(torch.tensor([3.0])) == (3.0, 0.0)
    mean, error = mean_and_error(torch.tensor([1.0, 3.0]))
    assert (mean, error) == (2.0, pytest.approx(1.0))


def test_distinct_n_counts_different_runs_of_words_over_all_texts() -> None:
    texts = ["The sea, the sea!", "the sand"]
    assert distinct(texts, 1) == pytest.approx(3 / 6)
    assert distinct(texts, 2) == pytest.approx(3 / 4)
    assert distinct(["", "!"], 1) == 0.0


def test_correlation_is_pearsons_and_nothing_where_nothing_varies() -> None:
    assert correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])) == pytest.approx(1.0)
    assert correlation(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([1.0, -1.0, -1.0, 1.0])) == pytest.approx(0.0)
    assert correlation(torch.ones(3), torch.tensor([1.0, 2.0, 3.0])) == 0.0


def test_a_reward_that_rose_with_nothing_else_rings_no_alarm() -> None:
    assert alarms(judged(NOISE, spread=torch.ones(100)), judged(NOISE + 1.0, spread=torch.ones(100))) == []


def test_doubt_that_rises_with_the_reward_rings() -> None:
    (alarm,) = alarms(
        judged(NOISE, spread=torch.full((100,), 0.2)), judged(NOISE + 1.0, spread=torch.full((100,), 0.5))
    )
    assert "disagreement of the reward model's heads, from 0.20 to 0.50" in alarm


def test_a_reward_that_comes_to_follow_length_rings() -> None:
    longer = [5 + int(10 * (value + 4)) for value in NOISE.tolist()]
    (alarm,) = alarms(judged(NOISE), judged(NOISE + 1.0, lengths=longer))
    assert "correlation with length" in alarm


def test_where_the_reward_did_not_rise_there_is_nothing_to_doubt() -> None:
    before = judged(NOISE, spread=torch.full((100,), 0.2))
    assert alarms(before, judged(NOISE, spread=torch.full((100,), 0.9))) == []
    assert alarms(before, judged(NOISE - 1.0, spread=torch.full((100,), 0.9))) == []


def test_correlations_of_a_few_texts_differ_by_nothing() -> None:
    assert fisher_difference(-1.0, 1.0, 3) == 0.0
    assert fisher_difference(0.0, 0.5, 103) == pytest.approx(0.5493 / (2 / 100) ** 0.5, abs=1e-3)
