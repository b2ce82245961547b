"""One whole turn of the loop with real processes: demonstrate, rank, SFT, reward, PPO, evaluate, approve, deploy."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.rehearse import SMALL, Rehearsed, start

# Four minutes. Among the fast tests, `browser/test_front_door.py` goes all the way round.
pytestmark = pytest.mark.slow
FIGURES = {
    "round",
    "rankings",
    "gold_before",
    "gold_sft",
    "gold_after",
    "paired_difference",
    "reward_accuracy",
    "kl",
    "length_before",
    "length_after",
    "seconds",
    "verdict",
}


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """A rehearsal of one round that has ended well."""
    found, process = start(tmp_path_factory.mktemp("loop"))
    try:
        assert process.wait() == 0, found.said
        yield found
    finally:
        process.terminate()
        process.wait()


def test_the_improved_policy_is_deployed_and_writes_what_is_ranked_next(loop: Rehearsed) -> None:
    assert loop.rows("SELECT state FROM rounds_round") == [("done",)]
    current = "SELECT p.name FROM rounds_deployment d JOIN annotations_policy p ON p.id = d.policy_id"
    assert loop.rows(f"{current} WHERE d.retired_at IS NULL") == [("r1-ppo",)]
    lendable = loop.rows(
        "SELECT DISTINCT p.name FROM annotations_assignment a JOIN annotations_slate s ON s.id = a.slate_id "
        "JOIN annotations_samplingorder o ON o.id = s.order_id JOIN annotations_policy p ON p.id = o.policy_id "
        "WHERE a.state = 'open' AND a.kind = 'rank'"
    )
    assert lendable == [("r1-ppo",)]


def test_every_ranking_and_demonstration_was_kept_once(loop: Rehearsed) -> None:
    assert loop.rows("SELECT COUNT(*) FROM annotations_ranking") == [(int(SMALL["rankings"]),)]
    ranked = "SELECT COUNT(DISTINCT slate_id), SUM(revision) FROM annotations_ranking"
    assert loop.rows(ranked) == [(int(SMALL["rankings"]), int(SMALL["rankings"]))]


def test_the_gold_preference_rose_by_more_than_two_standard_errors(loop: Rehearsed) -> None:
    (one,) = loop.figures["rounds"]
    assert set(one) == FIGURES
    assert one["paired_difference"]["mean"] > 2 * one["paired_difference"]["se"]
    assert one["paired_difference"]["n"] >= 100
    assert one["reward_accuracy"]["low"] > 0.5


def test_every_invariant_holds_afterwards(loop: Rehearsed) -> None:
    assert loop.figures["invariants"] == {f"I{number}": True for number in range(1, 13)}


def test_the_wait_for_the_improved_policy_is_measured(loop: Rehearsed) -> None:
    assert loop.figures["label_to_policy_seconds"] > 0


def test_the_report_shows_the_round(loop: Rehearsed) -> None:
    assert "Round 1" in loop.html
    assert loop.html.count("<svg") >= 4


def test_the_instance_is_private_and_holds_no_process_any_more(loop: Rehearsed) -> None:
    assert all(path.stat().st_mode & 0o077 == 0 for path in loop.instance.rglob("*") if not path.is_socket())
    pids = json.loads((loop.instance / "pids.json").read_text(encoding="utf-8"))
    assert {"web", "worker", "beat", "valkey", "supervisor"} == pids.keys()
    assert not any(str(loop.instance) in words for words in command_lines())


def command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_text(encoding="utf-8", errors="replace").replace("\0", " "))
    return found
