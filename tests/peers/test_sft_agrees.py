"""Our SFT against TRL's SFTTrainer on the same weights, demonstrations and Adam, however it computes the loss."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.peers.cases import (
    LATEST,
    LEARNING_RATE,
    PPO,
    Answer,
    Models,
    alike,
    answers,
    ask_trl,
    asked,
    assistant,
    farthest,
    gradients,
    user,
)
from trainer import optim, sft
from trainer.nets import PolicyNet, load_policy, trained
from trainer.ragged import Batch
from trainer.records import Message
from trainer.text import encode_answer, encode_prompt, load_tokenizer

pytestmark = pytest.mark.peers

# (version, options): 1.16 has one "nll", computed in chunks; in 1.12 the two were apart.
WAYS = {
    "1.12 nll": (PPO, {"loss_type": "nll"}),
    "1.12 chunked_nll": (PPO, {"loss_type": "chunked_nll"}),
    "1.16 nll": (LATEST, {"loss_type": "nll"}),
    "1.16 nll, accumulated": (LATEST, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}),
}


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    return [(prompt, answers(prompt, 1)[0]) for prompt in asked(4)]


@pytest.fixture(scope="module", params=WAYS)
def theirs(request: pytest.FixtureRequest, models: Models, texts: list[tuple[str, str]], place: Path) -> Answer:
    version, options = WAYS[request.param]
    rows: list[Any] = [{"prompt": user(prompt), "completion": assistant(answer)} for prompt, answer in texts]
    arguments = {"per_device_train_batch_size": len(rows), **options}
    return ask_trl(version, "trl_sft.py", place / "sft", models, rows, arguments=arguments, outputs=False)


@pytest.fixture(scope="module")
def rows(models: Models, texts: list[tuple[str, str]]) -> list[sft.Row]:
    tok = load_tokenizer(models.policy)
    found = []
    for prompt, answer in texts:
        asking = encode_prompt(tok, [Message("user", prompt)], 512)
        ids, learned = encode_answer(tok, [Message("assistant", answer)], 512)
        # What follows the end token is only there to open the next turn; TRL's template ends with the text.
        ids, learned = ids[: 1 + ids.index(tok.eos_id)], learned[: 1 + ids.index(tok.eos_id)]
        found.append(([*asking, *ids], [False] * len(asking) + learned))
    return found


@pytest.fixture(scope="module")
def ours(models: Models, rows: list[sft.Row]) -> dict[str, Any]:
    """Our loss and gradients, and the net after one step of the product's optimizer."""
    net: PolicyNet = load_policy(models.policy)
    loss, tokens = sft.accumulate(net, Batch.of_flags(rows), micro_batch=3)
    slopes = gradients(net.causal)
    optim.update(optim.adamw(trained(net), LEARNING_RATE), trained(net), LEARNING_RATE, clip=math.inf)
    return {"net": net, "loss": loss, "tokens": tokens, "gradients": slopes}


def test_both_learn_the_same_tokens(theirs: Answer, rows: list[sft.Row]) -> None:
    found = zip(theirs.found["ids"], theirs.found["learned"], strict=True)
    assert sorted([[*ids], [*learned]] for ids, learned in found) == sorted([ids, learned] for ids, learned in rows)


def test_the_loss_is_the_mean_over_the_tokens_of_the_optimizer_batch(theirs: Answer, ours: dict[str, Any]) -> None:
    # TRL divides every micro-batch by the tokens of the whole batch as well, so they add up.
    total = sum(float(loss) for loss in theirs.part("loss/").values())
    # Relative, because SmolLM2 finds these texts worth seven nats a token, of which fp32 keeps six digits.
    assert ours["loss"] == pytest.approx(total, rel=1e-5)


def test_the_gradients_agree(theirs: Answer, ours: dict[str, Any]) -> None:
    cosine, ratio = alike(ours["gradients"], theirs.part("gradient/"))
    assert cosine > 0.9999
    assert ratio == pytest.approx(1.0, abs=1e-4)


def test_one_step_leads_to_the_same_weights(theirs: Answer, ours: dict[str, Any]) -> None:
    # 1.12 adds up torch's cross_entropy, which is off over 49,152 entries (docs/algorithms/trl.md); 1.16 does not.
    assert farthest(ours["net"].causal, theirs.part("after/")) <= (1e-6 if theirs.version == LATEST else 1e-5)
