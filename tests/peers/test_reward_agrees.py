"""Our reward model against TRL 1.16's RewardTrainer on the same weights, pairs and Adam."""

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.peers.cases import (
    LATEST,
    LEARNING_RATE,
    Answer,
    Models,
    alike,
    answers,
    ask_trl,
    asked,
    assistant,
    farthest,
    gradients,
    ranked_slates,
    user,
)
from trainer import optim, preset, reward
from trainer.nets import trained
from trainer.ragged import Batch
from trainer.scalar import RewardNet, load_reward
from trainer.slates import Slate

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module", params=[2, 4], ids=["K=2", "K=4"])
def k(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def texts(k: int) -> list[tuple[str, list[str]]]:
    """Prompts with their completions, the best first."""
    return [(prompt, answers(prompt, k)) for prompt in asked(4 if k == 2 else 3)]


@pytest.fixture(scope="module")
def theirs(models: Models, texts: list[tuple[str, list[str]]], k: int, place: Path) -> Answer:
    """Every pair of every slate, all in one batch."""
    rows: list[Any] = [
        {"prompt": user(prompt), "chosen": assistant(better), "rejected": assistant(worse)}
        for prompt, ranked in texts
        for better, worse in combinations(ranked, 2)
    ]
    batch = {"per_device_train_batch_size": len(rows)}
    return ask_trl(LATEST, "trl_reward.py", place / f"reward-{k}", models, rows, arguments=batch)


@pytest.fixture(scope="module")
def slates(models: Models, texts: list[tuple[str, list[str]]]) -> list[Slate]:
    return ranked_slates(models.policy, texts)


@pytest.fixture(scope="module")
def net(models: Models, k: int) -> RewardNet:
    """One for each K, because it learns."""
    return load_reward(models.reward)


@pytest.fixture(scope="module")
def learned(net: RewardNet, slates: list[Slate]) -> dict[str, Any]:
    """Our loss and gradients on the same slates, and the weights after one step of the product's optimizer."""
    scores = [net.pooled(each).detach() for each in reward.score_slates(net, slates)]
    found = reward.accumulate(net, slates, preset.load_preset(reward.Config, "reward", "tiny", ["micro_batch=2"]))
    slopes = gradients(net.classifier)
    optim.update(optim.adamw(trained(net), LEARNING_RATE), trained(net), LEARNING_RATE, clip=math.inf)
    return {**found, "scores": scores, "gradients": slopes}


def test_both_tokenize_a_pair_alike(theirs: Answer, slates: list[Slate]) -> None:
    pairs = [pair for slate in slates for pair in combinations([[*p, *c] for p, c in slate.rows], 2)]
    assert theirs.found["chosen_ids"] == [better for better, _ in pairs]
    assert theirs.found["rejected_ids"] == [worse for _, worse in pairs]


def test_our_scores_are_those_of_right_padded_rows(
    theirs: Answer, learned: dict[str, Any], slates: list[Slate]
) -> None:
    ids, width = theirs.tensors["ids/0"], theirs.tensors["ids/0"].shape[1]
    scores = torch.cat(learned["scores"]).tolist()
    rows = [[*prompt, *answer] for slate in slates for prompt, answer in slate.rows]
    # TRL shuffled the batch, so a row is known by its ids; the pad token of both models is 0.
    ours = {tuple(row + [0] * (width - len(row))): score for row, score in zip(rows, scores, strict=True)}
    assert {len(row) for row in rows} != {width}, "rows of one length would need no padding"
    expected = [ours[tuple(row)] for row in ids.tolist()]
    torch.testing.assert_close(torch.tensor(expected), theirs.tensors["scores/0"], rtol=0, atol=1e-4)


def test_scores_do_not_depend_on_what_else_is_in_the_batch(net: RewardNet, slates: list[Slate]) -> None:
    rows = [row for slate in slates for row in slate.rows]
    with torch.no_grad():
        alone = torch.cat([net(Batch.of([row])) for row in rows])
        together = net(Batch.of(rows))
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_the_loss_of_a_slate_is_that_of_its_pairs_in_one_batch(theirs: Answer, learned: dict[str, Any]) -> None:
    assert learned["loss"] == pytest.approx(float(theirs.tensors["loss/0"]), abs=1e-5)


def test_the_gradients_agree(theirs: Answer, learned: dict[str, Any]) -> None:
    cosine, ratio = alike(learned["gradients"], theirs.part("gradient/"))
    assert cosine > 0.9999
    assert ratio == pytest.approx(1.0, abs=1e-4)


def test_one_step_leads_to_the_same_weights(theirs: Answer, learned: dict[str, Any], net: RewardNet) -> None:
    assert farthest(net.classifier, theirs.part("after/")) <= 1e-6
