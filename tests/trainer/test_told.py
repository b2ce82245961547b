"""The web knows every sentence that the trainer says of a reward model or a candidate: it can tell it in Chinese."""

import torch

from rounds import told
from trainer.drawing import Sample
from trainer.monitors import Judged, alarms
from trainer.ragged import Batch
from trainer.records import Prompt, Ranking
from trainer.reward_report import notes

NOISE = torch.randn(100, generator=torch.Generator().manual_seed(1))
LENGTHS = [5 + place % 31 for place in range(100)]


def judged(rewards: torch.Tensor, spread: float) -> Judged:
    samples = [Sample([7] * length, [0.0] * length) for length in LENGTHS]
    return Judged(Batch.of([([1], [2])]), samples, [], rewards, torch.full((100,), spread))


def ranking(number: int) -> Ranking:
    return Ranking(f"r-{number}", "train", "p-1", 1, 1.0, Prompt("q-1", "", ()), (), None)


def accuracy(n_slates: int, low: float | None) -> dict[str, object]:
    return {"accuracy": {"value": low, "low": low, "high": low and 0.9, "n_slates": n_slates}}


def test_every_alarm_is_known() -> None:
    after = NOISE + 0.2 * torch.tensor([float(length) for length in LENGTHS])
    said = alarms(judged(NOISE, 0.2), judged(after, 0.5))
    assert len(said) == 2
    assert all(told.recognised(sentence) for sentence in said)


def test_every_note_is_known() -> None:
    training = [ranking(number) for number in range(3)]
    said = notes(accuracy(0, None), training, 2, 0) + notes(accuracy(12, 0.4), training, 3, 5)
    assert len(set(said)) == 6
    assert {found[0] for sentence in said if (found := told.recognised(sentence))} == set(told.KNOWN[2:])
