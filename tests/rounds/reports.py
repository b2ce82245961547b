"""Whole reports as the trainer writes them, with figures that the tests know."""

from typing import Any

from tests.rounds import loop

Facts = dict[str, Any]
DOUBT = (
    "The reward rose, and so did the disagreement of the reward model's heads, from 0.09 to 0.28: "
    "it is less sure of what it rewards now."
)

ONE_TASTE = (
    "All 280 training rankings are one person's, so the model learned one person's taste: "
    "let a second one rank the same prompts."
)


def shares(value: float, low: float, high: float, n_pairs: int) -> Facts:
    return {"value": value, "low": low, "high": high, "n_pairs": n_pairs}


def reward(labeler: str = "p-83fa", policies: tuple[str, str] = ("p-7", "p-8")) -> Facts:
    """The report of a reward model that everything was measured of."""
    return {
        "accuracy": shares(0.7779, 0.7362, 0.8179, 645) | {"n_slates": 110},
        "loss": 0.4675,
        "offset": -0.0027,
        "enough": True,
        "by_margin": [
            {"from": 0.0154, "to": 0.8966} | shares(0.5733, 0.4868, 0.6589, 162),
            {"from": 0.8966, "to": 2.5} | shares(0.93, 0.88, 0.97, 161),
        ],
        "by_gap": [{"gap": 1} | shares(0.712, 0.6689, 0.7517, 338), {"gap": 3} | shares(0.91, 0.84, 0.98, 97)],
        "by_labeler": [{"labeler": labeler, "weight": 0.5} | shares(0.6612, 0.6238, 0.7011, 291)],
        "by_policies": [
            {"policies": list(policies)} | shares(0.7952, 0.7009, 0.8856, 107),
            {"policies": [policies[0], policies[0]]} | shares(0.6444, 0.5555, 0.7333, 45),
        ],
        "calibration": {
            "ece": 0.0562,
            "bins": [
                {"from": 0.5, "to": 0.55, "confidence": 0.524, "accuracy": 0.61, "share": 0.1, "n_pairs": 61},
                {"from": 0.55, "to": 0.6, "confidence": 0.577, "accuracy": 0.55, "share": 0.13, "n_pairs": 82},
                {"from": 0.65, "to": 0.7, "confidence": 0.671, "accuracy": 0.7, "share": 0.16, "n_pairs": 104},
                {"from": 0.75, "to": 0.8, "confidence": 0.778, "accuracy": 0.71, "share": 0.18, "n_pairs": 115},
                {"from": 0.85, "to": 0.9, "confidence": 0.879, "accuracy": 0.86, "share": 0.1367, "n_pairs": 94},
                {"from": 0.95, "to": 1.0, "confidence": 0.978, "accuracy": 0.9628, "share": 0.2933, "n_pairs": 189},
            ],
        },
        "log_loss": {
            "bradley_terry": {"value": 0.4675, "chance": 0.6931},
            "plackett_luce": {"value": 0.7993, "chance": 1.0843},
            "rao_kupper": {"value": 0.5729, "chance": 0.7903, "tie": 0.0794},
        },
        "spread": {"heads": 3, "variance": 0.0713, "where_right": 0.2736, "where_wrong": 0.2975},
        "length": {"scores": 0.2982, "people": -0.1265},
        "notes": [ONE_TASTE],
    }


HABITS: Facts = {
    "reward_se": 0.034,
    "finished_share": 0.875,
    "repetition": 0.021,
    "empty_share": 0.0,
    "special_share": 0.25,
    "distinct_1": 0.42,
    "distinct_2": 0.94,
    "length_correlation": 0.2091,
    "spread_mean": 0.2789,
}


def spot(policy: str, kl: float, reward: float, kl_error: float = 0.0, reward_error: float = 0.01) -> Facts:
    return {"policy": policy, "kl": {"mean": kl, "se": kl_error}, "reward": {"mean": reward, "se": reward_error}}


def evaluation(**changes: Any) -> Facts:
    """The report of an evaluation with its frontier and its best of n, and no alarm."""
    return loop.GOOD_EVALUATION | {
        "policies": {
            "before": HABITS | {"reward_mean": -0.0342, "tokens_mean": 26.5},
            "sft": HABITS | {"reward_mean": 0.01, "tokens_mean": 27.0},
            "after": HABITS | {"reward_mean": 0.4063, "tokens_mean": 41.7, "finished_share": 0.5},
        },
        "kl": {"mean": 4.0, "se": 0.5},
        "win_rate": {"after_over_before": {"value": 0.75, "low": 0.5833, "high": 0.9167, "n": 24}},
        "frontier": [spot("before", 0.0, -0.0342), spot("sft", 0.0, 0.01), spot("after", 4.0, 0.4063, 0.5, 0.05)],
        "best_of_n": [
            {"n": 1, "kl": 0.0, "reward": {"mean": 0.01, "se": 0.02}},
            {"n": 2, "kl": 0.1931, "reward": {"mean": 0.2, "se": 0.02}},
            {"n": 4, "kl": 0.6363, "reward": {"mean": 0.35, "se": 0.02}},
        ],
        "alarms": [],
        **changes,
    }
