"""Our DPO against TRL 1.16's DPOTrainer on the same weights, pairs and Adam."""

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
from trainer import dpo, optim, preset
from trainer.nets import load_policy, trained
from trainer.slates import Slate

pytestmark = pytest.mark.peers

BETA = 0.3


@pytest.fixture(scope="module", params=[2, 3], ids=["K=2", "K=3"])
def texts(request: pytest.FixtureRequest) -> list[tuple[str, list[str]]]:
    """Prompts with their completions, the best first."""
    return [(prompt, answers(prompt, request.param)) for prompt in asked(3)]


@pytest.fixture(scope="module")
def theirs(models: Models, texts: list[tuple[str, list[str]]], place: Path) -> Answer:
    """Every pair of every slate, all in one batch."""
    rows: list[Any] = [
        {"prompt": user(prompt), "chosen": assistant(better), "rejected": assistant(worse)}
        for prompt, ranked in texts
        for better, worse in combinations(ranked, 2)
    ]
    options = {"per_device_train_batch_size": len(rows), "beta": BETA}
    return ask_trl(LATEST, "trl_dpo.py", place / "dpo", models, rows, arguments=options, outputs=False)


@pytest.fixture(scope="module")
def slates(models: Models, texts: list[tuple[str, list[str]]]) -> list[Slate]:
    return ranked_slates(models.policy, texts)


@pytest.fixture(scope="module")
def ours(models: Models, slates: list[Slate]) -> dict[str, Any]:
    """Our loss and gradients, and the net after one step of the product's optimizer."""
    config = preset.load_preset(dpo.Config, "dpo", "tiny", [f"beta={BETA}", "micro_batch=2"])
    with torch.no_grad():
        told = dpo.completion_logprobs(load_policy(models.reference), slates)
    net = load_policy(models.policy)
    known = dpo.of_slates(told, slates)
    metrics = dpo.accumulate(net, list(zip(slates, known, strict=True)), config)
    slopes = gradients(net.causal)
    optim.update(optim.adamw(trained(net), LEARNING_RATE), trained(net), LEARNING_RATE, clip=math.inf)
    return {"net": net, "gradients": slopes, **metrics}


def test_both_tokenize_a_pair_alike(theirs: Answer, slates: list[Slate]) -> None:
    pairs = [pair for slate in slates for pair in combinations(slate.rows, 2)]
    assert theirs.found["prompt_ids"] == [prompt for (prompt, _), _ in pairs]
    assert theirs.found["chosen_ids"] == [chosen for (_, chosen), _ in pairs]
    assert theirs.found["rejected_ids"] == [rejected for _, (_, rejected) in pairs]


def test_the_loss_of_rankings_is_that_of_their_pairs(theirs: Answer, ours: dict[str, Any]) -> None:
    assert ours["loss"] == pytest.approx(float(theirs.tensors["loss/0"]), abs=1e-5)


def test_margins_and_logprobs_agree(theirs: Answer, ours: dict[str, Any]) -> None:
    found = {name: kept[0] for name, kept in theirs.found["metrics"][0].items()}
    assert ours["margin"] == pytest.approx(found["rewards/margins"], abs=1e-4)
    # Sums over a completion, in nats; SmolLM2's are about -150.
    assert ours["logps/chosen"] == pytest.approx(found["logps/chosen"], rel=1e-5)
    assert ours["logps/rejected"] == pytest.approx(found["logps/rejected"], rel=1e-5)


def test_the_gradients_agree(theirs: Answer, ours: dict[str, Any]) -> None:
    cosine, ratio = alike(ours["gradients"], theirs.part("gradient/"))
    assert cosine > 0.9999
    assert ratio == pytest.approx(1.0, abs=1e-4)


def test_one_step_leads_to_the_same_weights(theirs: Answer, ours: dict[str, Any]) -> None:
    assert farthest(ours["net"].causal, theirs.part("after/")) <= 1e-6
