"""The statistics of a rehearsal, on figures small enough to check by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer import gold
from tutelage.rehearsal import measure

FINITE = st.floats(min_value=-100, max_value=100)


def test_a_figure_holds_mean_deviation_and_number() -> None:
    found = measure.figure([1.0, 2.0, 3.0])
    assert found == {"mean": 2.0, "sd": 1.0, "n": 3}


def test_a_figure_of_nothing_is_none() -> None:
    assert measure.figure([]) is None


def test_the_difference_is_taken_prompt_by_prompt() -> None:
    found = measure.paired_difference({"p": 1.0, "q": 5.0}, {"p": 2.0, "q": 8.0, "unasked": 99.0})
    assert found is not None
    assert found["mean"] == 2.0
    assert found["se"] == pytest.approx(1.0)
    assert found["n"] == 2


@given(st.dictionaries(st.text(max_size=3), FINITE, min_size=2), FINITE)
def test_a_constant_gain_has_no_error(before: dict[str, float], gain: float) -> None:
    found = measure.paired_difference(before, {prompt: score + gain for prompt, score in before.items()})
    assert found is not None
    assert found["mean"] == pytest.approx(gain, abs=1e-9)
    assert found["se"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("mean", "improved"), [(0.3, True), (0.2, False), (-0.3, False)])
def test_two_standard_errors_decide(mean: float, improved: bool) -> None:
    assert measure.improved({"mean": mean, "se": 0.1, "n": 100}) is improved


def test_gold_scores_are_of_the_question_and_the_text() -> None:
    rows = [
        {"prompt": "p", "policy": "before", "text": "said aforesaid tariffs"},
        {"prompt": "p", "policy": "after", "text": "your kind friends"},
    ]
    figures = measure.gold_figures(measure.gold_scores(rows, {"p": "what are friends like"}))
    assert figures["gold_before"]["mean"] == gold.score("what are friends like", "said aforesaid tariffs")
    assert figures["gold_sft"] is None
    assert figures["paired_difference"]["mean"] > 0
