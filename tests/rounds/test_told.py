"""The trainer's sentences: known ones are recognised with their figures, others stay as they came."""

import re

import pytest
from django.utils import translation

from rounds import told
from tests.rounds import reports

DOUBT = reports.DOUBT


def test_a_known_sentence_is_told_with_its_figures() -> None:
    found = told.recognised(DOUBT)
    assert found is not None
    assert found[1] == {"before": "0.09", "after": "0.28"}
    assert told.told(DOUBT) == DOUBT


def test_a_correlation_below_zero_is_a_figure_too() -> None:
    sentence = (
        "The reward rose, and so did its correlation with length, from -0.16 to 0.21: "
        "longer texts may be rewarded for their length."
    )
    assert told.told(sentence) == sentence
    assert told.recognised(sentence) is not None


def test_a_sentence_that_nobody_knows_stays_as_it_came() -> None:
    with translation.override("zh-hans"):
        assert told.told("The moon rose, from 1 to 2.") == "The moon rose, from 1 to 2."


@pytest.mark.parametrize("known", told.KNOWN)
def test_every_known_sentence_is_recognised_as_itself(known: str) -> None:
    sentence = re.sub(r"%\(\w+\)s", "12", known)
    found = told.recognised(sentence)
    assert found is not None
    assert found[0] == known
