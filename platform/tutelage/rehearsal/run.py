"""One rehearsal from an empty folder to its figures: the instance, the cast, the rounds."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rounds.machine import State
from rounds.models import Round
from tutelage import invariants
from tutelage.instance import Instance
from tutelage.rehearsal import cast, measure, watching
from tutelage.rehearsal.keeper import Keeper
from tutelage.rehearsal.labelers import Piece, SimulatedLabeler, Tally, work_all
from tutelage.rehearsal.plan import CannotRehearse, Plan, check
from tutelage.rehearsal.progress import Progress

TICK_SECONDS = 1.0
REWARD_GATE = "reward_accuracy"


@dataclass
class Outcome:
    """The figures as they go into the JSON file, the curves of each round, and whether all came out as it must."""

    figures: dict[str, Any]
    curves: dict[int, list[tuple[str, list[tuple[float, float]]]]] = field(default_factory=dict)
    passed: bool = False


@dataclass
class Rehearsal:
    """The state of one rehearsal while it runs."""

    plan: Plan
    instance: Instance
    progress: Progress
    cast: cast.Cast
    outcome: Outcome
    waits: list[float] = field(default_factory=list)

    def round(self, number: int) -> bool:
        """Rank, train, measure, deploy. False where the round stopped at a gate."""
        self._rank(number)
        self.cast.olga.start_round(self.plan, number)
        found = self._round(number)
        found = watching.until_review(found.pk, self.progress)
        if found.state == State.REVIEW:
            self._deploy(found)
        self._note(self._round(number))
        return not found.failure

    def demonstrate(self) -> None:
        tally = Tally(self.plan.demonstrations)
        self._work("demonstrations", tally, lambda labeler: labeler.demonstrate_one(self.plan.demonstration))

    def _rank(self, number: int) -> None:
        self._work(f"round {number}: rankings", Tally(self.plan.rankings), SimulatedLabeler.rank_one)

    def _work(self, part: str, tally: Tally, piece: Piece) -> None:
        self.progress.show(part, 0, tally.wanted)
        work_all(self.cast.labelers, tally, piece, lambda: self.progress.show(part, tally.done, tally.wanted))

    def _deploy(self, round: Round) -> None:
        self.cast.olga.approve(round.number)
        done = watching.until_done(round.pk, self.progress)
        assert done.candidate is not None
        watching.until_slates(done.candidate, self.progress)

    def _note(self, round: Round) -> None:
        figures = watching.figures_of(round, self.plan.rankings)
        self.outcome.figures["rounds"].append(figures)
        self.outcome.curves[round.number] = watching.curves_of(round)
        self.waits += [seconds for seconds in [watching.waited_for(round)] if seconds is not None]
        self.progress.say(summary(figures))

    def _round(self, number: int) -> Round:
        found = Round.objects.filter(project=self.cast.project, number=number).first()
        if found is None:
            raise CannotRehearse(f"Round {number} did not begin.")
        return found


def rehearse(plan: Plan, folder: Path, progress: Progress) -> Outcome:
    """Run the whole rehearsal in `folder`. Raises CannotRehearse, CannotStart; every process has ended then."""
    check(plan)
    instance = Instance(folder, threads=plan.threads, tick=TICK_SECONDS)
    with contextlib.ExitStack() as cleaning:
        progress.show("preparing the database")
        instance.prepare()
        progress.show("making the base policy")
        base = cast.make_base_policy(plan)
        project = cast.make_project(plan, folder)
        progress.show("starting the processes")
        cleaning.callback(instance.stop)
        instance.start()
        keeper = Keeper(instance)
        cleaning.callback(keeper.stop)
        keeper.watch()
        players = cast.make_cast(plan, project, instance.url)
        cleaning.callback(players.leave)
        players.sign_in()
        cast.order_first_slates(plan, project, base)
        return _play(Rehearsal(plan, instance, progress, players, Outcome(blank_figures(plan))))


def _play(rehearsal: Rehearsal) -> Outcome:
    rehearsal.demonstrate()
    for number in range(1, rehearsal.plan.rounds + 1):
        if not rehearsal.round(number):
            break
    outcome = rehearsal.outcome
    outcome.figures["invariants"] = invariants.check_invariants()
    outcome.figures["label_to_policy_seconds"] = max(rehearsal.waits, default=None)
    outcome.passed = passed(rehearsal.plan, outcome.figures)
    return outcome


def blank_figures(plan: Plan) -> dict[str, Any]:
    return {"seed": plan.seed, "model": plan.model, "rounds": [], "invariants": {}, "label_to_policy_seconds": None}


def passed(plan: Plan, figures: dict[str, Any]) -> bool:
    """Whether every invariant holds and every round improved; with shuffled rankings, whether the gate held."""
    if not all(figures["invariants"].values()):
        return False
    rounds = figures["rounds"]
    if plan.shuffled:
        return len(rounds) == 1 and rounds[0]["verdict"] == f"stopped at the gate: {REWARD_GATE}"
    return len(rounds) == plan.rounds and all(measure.improved(each["paired_difference"]) for each in rounds)


def summary(figures: dict[str, Any]) -> str:
    """One line on a round."""
    difference = figures["paired_difference"]
    gained = f"gold {difference['mean']:+.3f} ± {difference['se']:.3f}" if difference else "not evaluated"
    accuracy = figures["reward_accuracy"]
    judged = f", reward accuracy {accuracy['value']:.3f}" if accuracy and accuracy["value"] is not None else ""
    seconds = ", ".join(f"{kind} {took:.0f} s" for kind, took in figures["seconds"].items())
    return f"round {figures['round']} {figures['verdict']}: {gained}{judged} ({seconds})"
