"""The web counts repetition as the trainer does: a policy's samples are held against its evaluation."""

import pytest

from rounds import health
from trainer import monitors

TEXTS = [
    "",
    "One two three.",
    "a b c d a b c d",
    "绿海龟绿海龟绿海龟",
    "The end, the end, the end, the end!",
    "Größe " * 9,
]


@pytest.mark.parametrize("text", TEXTS)
def test_repetition_is_the_trainers(text: str) -> None:
    assert health.repetition(text) == pytest.approx(monitors.repetition(text))
