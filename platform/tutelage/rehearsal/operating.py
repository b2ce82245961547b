"""Olga, who operates: starts rounds on the board and approves what she finds on the review page."""

from dataclasses import dataclass

from tutelage.rehearsal.person import Person, Seen
from tutelage.rehearsal.plan import CannotRehearse, Plan


@dataclass
class Operator:
    """An operator's browser, and the project it is opened on."""

    person: Person
    project: str

    @property
    def board(self) -> str:
        return f"/p/{self.project}/rounds/"

    def start_round(self, plan: Plan, number: int) -> None:
        form = self.person.get(self.board).page.form("/rounds/start/")
        seed = str(plan.seed * 100 + number)
        self._accepted(self.person.send(form, preset=plan.model, seed=seed, sft="auto", approve="person"), "start")
        refused = self.person.get(self.board).page.texts("toast-error")
        if refused:
            raise CannotRehearse(f"Olga could not start a round: {refused[0].text}")

    def approve(self, number: int) -> None:
        form = self.person.get(f"{self.board}{number}/review/").page.form("/approve/")
        self._accepted(self.person.send(form, note="rehearsal"), "approve")

    def _accepted(self, answer: Seen, verb: str) -> None:
        if not answer.leads_on:
            raise CannotRehearse(f"Olga could not {verb} ({answer.status}): {answer.page.complaint()}")
