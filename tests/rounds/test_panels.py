"""The curves of a page: the few that decide stand large, all others small, by stage; the page stays calm."""

import uuid
from pathlib import Path

import pytest

from rounds import plots
from rounds.machine import StageState
from rounds.models import Stage
from rounds.queries.panels import MOST_LARGE, SPECS, Panel, panels_of, small_panels
from tests.rounds import signs

# A project may draw a line of its own through a curve.
pytestmark = pytest.mark.django_db

# What each trainer measures, after docs/seam.md.
MEASURED = {
    "ppo": "objective/kl objective/scores objective/rlhf_reward objective/entropy policy/approxkl_avg "
    "policy/clipfrac_avg loss/policy_avg loss/value_avg val/ratio lr episode length grad_norm/policy grad_norm/value "
    "objective/beta val/eos_rate val/explained_variance",
    "rloo": "objective/kl objective/scores objective/rlhf_reward objective/entropy policy/approxkl_avg "
    "policy/clipfrac_avg loss/policy_avg length grad_norm/policy val/eos_rate val/advantage_var",
    "dpo": "loss accuracy margin logps/chosen logps/rejected lr grad_norm",
    "reward": "loss accuracy margin lr grad_norm",
    "sft": "loss tokens lr grad_norm",
}


@pytest.fixture
def measured(store: Path) -> list[Stage]:
    return [made(number, kind) for number, kind in enumerate(MEASURED, start=1)]


def made(number: int, kind: str) -> Stage:
    """A stage with two rows of everything that its trainer measures; it needs no row in the database."""
    stage = Stage(pk=number, kind=kind, public_id=uuid.uuid4())
    figures = dict.fromkeys(MEASURED[kind].split(), 0.5)
    signs.measure(stage, [{"step": step, "of": 9, "seconds": step, **figures} for step in (1, 2)])
    return stage


def metrics(panels: list[Panel]) -> list[str]:
    return [f"{panel.stage.kind} {panel.spec.metric}" for panel in panels]


def of_kinds(stages: list[Stage], *kinds: str) -> list[Panel]:
    return panels_of(stage for stage in stages if stage.kind in kinds)


def test_a_round_of_ppo_shows_reward_kl_length_and_the_reward_model_large(measured: list[Stage]) -> None:
    large = [panel for panel in of_kinds(measured, "sft", "reward", "ppo") if panel.large]
    assert metrics(large) == ["ppo objective/scores", "ppo objective/kl", "ppo length", "reward accuracy"]
    assert {panel.plot.frame for panel in large} == {plots.LARGE}


def test_a_round_of_dpo_shows_accuracy_margin_and_loss_large(measured: list[Stage]) -> None:
    large = [panel for panel in of_kinds(measured, "reward", "dpo") if panel.large]
    assert metrics(large) == ["dpo accuracy", "dpo margin", "dpo loss", "reward accuracy"]


def test_before_anything_else_was_measured_the_first_loss_is_large(measured: list[Stage]) -> None:
    assert metrics([panel for panel in of_kinds(measured, "sft") if panel.large]) == ["sft loss"]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("ppo", ["objective/entropy", "policy/clipfrac_avg", "loss/value_avg", "grad_norm/policy", "grad_norm/value"]),
        ("rloo", ["objective/entropy", "policy/clipfrac_avg", "loss/policy_avg", "grad_norm/policy"]),
        ("dpo", ["grad_norm"]),
        ("reward", ["loss", "grad_norm"]),
        ("sft", ["grad_norm"]),
    ],
)
def test_what_shows_whether_learning_is_sound_stands_small_under_its_stage(
    measured: list[Stage], kind: str, wanted: list[str]
) -> None:
    (group,) = small_panels(of_kinds(measured, kind))
    assert group.stage.kind == kind
    assert set(wanted) <= {panel.spec.metric for panel in group.panels}
    assert {panel.plot.frame for panel in group.panels} == {plots.SMALL}


def test_no_plot_is_large_and_small_and_no_two_share_a_name(measured: list[Stage]) -> None:
    panels = panels_of(measured)
    assert sum(panel.large for panel in panels) == MOST_LARGE
    assert len({panel.ident for panel in panels}) == len(panels)
    small = [panel for group in small_panels(panels) for panel in group.panels]
    assert len(small) + MOST_LARGE == len(panels)


def test_every_figure_that_is_plotted_is_one_that_its_trainer_measures() -> None:
    assert set(SPECS) == set(MEASURED)
    for kind, specs in SPECS.items():
        assert {spec.metric for spec in specs} <= set(MEASURED[kind].split())


def test_a_curve_runs_to_the_planned_end_and_knows_its_last_step(measured: list[Stage]) -> None:
    panel = of_kinds(measured, "ppo")[0]
    assert (panel.plot.x.high, panel.step) == (9, 2)


def test_a_finished_stage_is_drawn_in_another_tone(measured: list[Stage]) -> None:
    measured[0].state = StageState.TAKEN_IN
    assert {panel.plot.tone for panel in of_kinds(measured, "ppo", "reward")} == {"done", "run"}
