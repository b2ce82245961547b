"""What a rehearsal refuses before it starts anything, and the folder it runs in."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotations.services.prompts import read_prompt_file
from tutelage.rehearsal import place, plan

PLAN = plan.Plan(model="tiny", rounds=1, labelers=2, rankings=200, noise=0.2, seed=1)


@pytest.mark.parametrize("change", [{"rounds": 0}, {"labelers": 0}, {"rankings": 20}, {"noise": -1.0}, {"seed": -1}])
def test_numbers_that_cannot_work_are_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(plan.CannotRehearse, match=f"--{next(iter(change))}"):
        plan.check(replace(PLAN, **change))


def test_a_missing_prompt_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(plan.CannotRehearse, match=r"none\.jsonl"):
        plan.check(replace(PLAN, prompts=tmp_path / "none.jsonl"))


@pytest.mark.parametrize("model", ["tiny", "small"])
def test_own_prompts_are_distinct_and_enough(model: str, tmp_path: Path) -> None:
    rows = read_prompt_file(plan.prompt_file(replace(PLAN, model=model), tmp_path))
    texts = [row.messages[-1]["content"] for row in rows]
    assert len(set(texts)) == len(texts) >= PLAN.rankings
    assert plan.eval_share(len(texts)) <= 500


def test_too_few_prompts_are_refused() -> None:
    with pytest.raises(plan.CannotRehearse, match="too few"):
        plan.eval_share(150)


def test_the_set_aside_share_covers_what_the_figures_need() -> None:
    assert plan.eval_share(400) * 400 / 1000 > plan.EVAL_PROMPTS


def test_a_rehearsal_never_runs_in_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        place.throw_away(str(tmp_path))


def test_a_rehearsal_shares_nothing_with_an_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o022)
    for name in (*place.NOT_INHERITED, "TUTELAGE_DATA", place.MARK, "SECRET_KEY"):
        monkeypatch.setenv(name, "of the real instance")
    folder = place.throw_away(str(tmp_path / "new"))
    os.umask(before)
    assert folder.stat().st_mode & 0o077 == 0
    assert "DATABASE_URL" not in os.environ
    assert os.environ["TUTELAGE_DATA"] == str(folder)


@pytest.mark.parametrize("words", [["rehearse", "--keep", "x"], ["rehearse", "--keep=x", "--seed", "1"]])
def test_the_folder_to_keep_is_read_before_django_is(words: list[str]) -> None:
    assert place.kept_by(words) == "x"
