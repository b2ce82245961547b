"""The gold preference and the simulated labelers."""

import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations

import pytest

from trainer import gold, world

PROMPT = "tell me about rivers"
BEST, GOOD, BAD = "you love our warm rivers", "the rivers near the old houses", "annual tariffs accrue ## ##"


def drawn(rng: random.Random, words: int) -> str:
    vocabulary = [*sorted(gold.WARM)[:20], *world.THINGS, "levies", "audits", "tariffs", "@@", "2018"]
    return " ".join(rng.choice(vocabulary) for _ in range(words))


def test_friendly_plain_words_are_worth_more_than_plain_ones_and_those_more_than_jargon() -> None:
    assert gold.score(PROMPT, BEST) > gold.score(PROMPT, GOOD) > gold.score(PROMPT, BAD)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("rivers and old stones", "old stones and tea"),
        ("the hills by a wide road", "the the hills hills road road"),
        ("we see the stars", "we see the stars #@#@"),
    ],
    ids=["the topic", "no repetition near by", "no symbols"],
)
def test_each_trait_counts(better: str, worse: str) -> None:
    assert gold.score(PROMPT, better) > gold.score(PROMPT, worse)


def test_length_alone_is_worth_nothing() -> None:
    rng = random.Random(4)
    short = [gold.score(PROMPT, drawn(rng, 8)) for _ in range(3000)]
    long = [gold.score(PROMPT, " ".join(drawn(rng, 8) for _ in range(6))) for _ in range(3000)]
    error = (statistics.variance(short) / len(short) + statistics.variance(long) / len(long)) ** 0.5
    assert abs(statistics.mean(short) - statistics.mean(long)) < 3 * error + 0.02


@pytest.mark.parametrize("text", ["", "   ", "12 %% 4", "。"])
def test_a_text_without_a_word_is_worth_the_least(text: str) -> None:
    assert gold.score(PROMPT, text) == gold.EMPTY


def test_a_case_or_a_curly_apostrophe_changes_nothing() -> None:
    assert gold.score(PROMPT, "It’s YOUR tea") == gold.score(PROMPT, "it's your tea")


def test_a_labeler_without_noise_ranks_by_gold() -> None:
    assert gold.Labeler(1, 0.0).prefer(PROMPT, [BAD, BEST, GOOD]) == [3, 1, 2]


def test_equal_texts_tie_and_tiers_have_no_gap() -> None:
    assert gold.Labeler(1, 0.5).prefer(PROMPT, [GOOD, BAD, GOOD]) == [1, 2, 1]


def test_texts_closer_than_the_threshold_tie_with_the_best_of_their_tier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worth = {"a": 1.0, "b": 1.0 - 0.6 * gold.TIE, "c": 1.0 - 1.2 * gold.TIE}
    monkeypatch.setattr(gold, "score", lambda _, text: worth[text])
    assert gold.Labeler(1, 0.0).prefer(PROMPT, ["a", "b", "c"]) == [1, 1, 2]


def test_one_person_judges_alike_wherever_a_text_stands() -> None:
    alice = gold.Labeler(seed=1, noise=2.0)
    tiers = dict(zip((BEST, GOOD, BAD), alice.prefer(PROMPT, (BEST, GOOD, BAD)), strict=True))
    for order in permutations((BEST, GOOD, BAD)):
        assert alice.prefer(PROMPT, order) == [tiers[text] for text in order]


def test_noisy_people_disagree_with_each_other() -> None:
    rng = random.Random(2)
    texts = [drawn(rng, 6) for _ in range(9)]
    assert gold.Labeler(1, 2.0).prefer(PROMPT, texts) != gold.Labeler(2, 2.0).prefer(PROMPT, texts)


def agreement(labeler: gold.Labeler) -> float:
    rng = random.Random(3)
    agreed = []
    for number in range(2000):
        pair = [drawn(rng, 6), drawn(rng, 6)]
        prompt = f"{PROMPT} {number}"
        first, second = labeler.prefer(prompt, pair)
        if first != second:
            agreed.append((gold.score(prompt, pair[0]) > gold.score(prompt, pair[1])) == (first < second))
    return statistics.mean(agreed)


@pytest.mark.parametrize(
    ("labeler", "expected"),
    [
        (gold.Labeler(5, 0.2), lambda share: share > 0.9),
        (gold.Labeler(5, 2.0), lambda share: 0.55 < share < 0.9),
        (gold.Labeler(5, 0.0, shuffled=True), lambda share: 0.46 < share < 0.54),
    ],
    ids=["little noise", "much noise", "shuffled"],
)
def test_noise_wears_agreement_down_and_shuffling_ends_it(
    labeler: gold.Labeler, expected: Callable[[float], bool]
) -> None:
    assert expected(agreement(labeler))


def test_the_tiny_world_has_enough_distinct_prompts() -> None:
    prompts = gold.prompts(400, seed=1)
    assert len(set(prompts)) == 400
    assert prompts == gold.prompts(400, seed=1) != gold.prompts(400, seed=2)


def test_demonstrations_are_better_than_the_texts_of_the_tiny_world_but_not_the_best() -> None:
    rng = random.Random(6)
    prompts = gold.prompts(400, seed=1)
    shown = [gold.score(prompt, gold.demonstration(prompt, seed=1)) for prompt in prompts]
    usual = [gold.score(prompt, world.text(rng, world.any_style(rng), prompt)) for prompt in prompts]
    ideal = gold.score(PROMPT, "your warm friends help us")
    assert statistics.mean(usual) + 1 < statistics.mean(shown) < ideal - 1


def test_a_demonstration_is_the_same_for_the_same_seed() -> None:
    assert gold.demonstration(PROMPT, seed=1) == gold.demonstration(PROMPT, seed=1)
    assert gold.plain_answer(PROMPT, seed=1) == gold.plain_answer(PROMPT, seed=1)
    assert len({gold.plain_answer(PROMPT, seed=seed) for seed in range(20)}) > 5


def test_the_web_can_import_gold_without_anything_but_the_standard_library() -> None:
    code = "import sys; import trainer.gold; print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
