"""What may be done to a round, each as a conditional update with a journal row: open, move, stop, retry, end."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import Split
from annotations.models import Ranking
from annotations.records import current_demonstrations
from rounds import gates, presets
from rounds.machine import ENDED, KIND_OF, MOVES, StageState, State
from rounds.models import Deployment, Facts, Round, Stage
from rounds.queries.deployed import current_deployment, newest_reference
from rounds.services.stage_orders import live_stage, place_stage, replace_stage

AFTER_GATES = {State.REWARD: State.PPO, State.EVALUATING: State.REVIEW}


class RoundRefused(Exception):
    """Not now; the message is a sentence for the person who asked."""


class RoundMoved(Exception):
    """Somebody else moved the round on, or the lease was lost."""


def open_round(*, by: User | None, project: Project, choices: Facts, period: str | None = None) -> Round:
    """Begin a round from what is deployed. `by` None: a schedule. Raises RoundRefused with the reason."""
    _may(by, project, Role.OPERATOR)
    try:
        with transaction.atomic():
            return _insert_round(by, project, _checked(choices), period)
    except IntegrityError as error:
        if period and project.rounds.filter(period=period).exists():
            raise RoundRefused(_("The round of this date has been started already.")) from error
        raise RoundRefused(_("A round is open already. Wait for its end, or cancel it.")) from error


def check_choices(choices: Facts) -> None:
    """Raise RoundRefused for choices that no round can have."""
    _checked(choices)


def why_not_now(project: Project, choices: Facts) -> str:
    """Why a round could not be opened at this moment, open rounds aside; empty where it could."""
    try:
        _refuse_unready(project, current_deployment(project), _checked(choices))
    except RoundRefused as refusal:
        return str(refusal)
    return ""


def _checked(choices: Facts) -> Facts:
    chosen = {"preset": presets.DEFAULT, "seed": None, "sft": None, "approve": "person", **choices}
    if chosen["preset"] not in presets.names():
        raise RoundRefused(_("There is no preset %(name)s.") % {"name": chosen["preset"]})
    if chosen["approve"] not in ("person", "rule") or chosen["sft"] not in (True, False, None):
        raise RoundRefused(_("These choices make no sense together."))
    return chosen


def _insert_round(by: User | None, project: Project, choices: Facts, period: str | None) -> Round:
    deployment = current_deployment(project)
    _refuse_unready(project, deployment, choices)
    assert deployment is not None
    number = (project.rounds.aggregate(last=Max("number"))["last"] or 0) + 1
    round = Round.objects.create(
        project=project,
        number=number,
        period=period,
        choices=choices | {"seed": number if choices["seed"] is None else choices["seed"]},
        init_policy=deployment.policy,
        reference_policy=newest_reference(project, deployment.policy),
        created_by=by,
    )
    journal.record(project=project, actor=by, verb="open", subject=round, new=State.EXPORTING)
    return round


def _refuse_unready(project: Project, deployment: Deployment | None, choices: Facts) -> None:
    ranked = Ranking.objects.filter(slate__project=project, slate__prompt__split=Split.TRAIN, is_current=True)
    shown = current_demonstrations(project).filter(prompt__split=Split.TRAIN)
    if deployment is None:
        raise RoundRefused(_("No policy is deployed yet, so there is nothing to improve."))
    if not ranked.exists():
        raise RoundRefused(_("Nobody has ranked anything yet, so there is nothing to learn from."))
    if choices["sft"] and not shown.exists():
        raise RoundRefused(_("There are no demonstrations to imitate."))


def claim(*, round_id: int, state: State, owner: str, seconds: int) -> int | None:
    """Take the round's lease and return its fence; None if it is held, has moved on, or is stopped."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    idle = Round.objects.filter(free, pk=round_id, state=state, failure="")
    fence = idle.values_list("fence", flat=True).first()
    if fence is None:
        return None
    lease = {"lease_owner": owner, "lease_until": Now() + timedelta(seconds=seconds), "fence": fence + 1}
    return fence + 1 if idle.filter(fence=fence).update(**lease) == 1 else None


@transaction.atomic
def move(
    *,
    round_id: int,
    old: State,
    new: State,
    by: User | None = None,
    fence: int | None = None,
    verb: str = "move",
    **changes: Any,
) -> Round:
    """Move the round from `old` to `new` exactly once, with `changes` to its row. Raises RoundMoved.

    A round that is stopped moves nowhere but out; where `fence` is given, the lease must still be that one.
    """
    assert new in MOVES[old], f"{old} does not lead to {new}"
    rows = Round.objects.filter(pk=round_id, state=old)
    if fence is not None:
        rows = rows.filter(fence=fence)
    if new != State.CANCELLED:
        rows = rows.filter(failure="")
    if new in ENDED:
        changes["ended_at"] = Now()
    if rows.update(state=new, lease_owner="", lease_until=None, **changes) != 1:
        raise RoundMoved(f"round {round_id} is not in {old}")
    round = Round.objects.select_related("project").get(pk=round_id)
    journal.record(project=round.project, actor=by, verb=verb, subject=round, old=old, new=new)
    return round


@transaction.atomic
def go_on(*, round_id: int, old: State, new: State, by: User | None = None, **changes: Any) -> Round:
    """Move the round and place the stage that its new state calls for. Raises RoundMoved."""
    round = move(round_id=round_id, old=old, new=new, by=by, **changes)
    if new in KIND_OF:
        place_stage(round)
    return round


@transaction.atomic
def stop(*, round_id: int, state: State, kind: str, message: str, fence: int | None = None, **changes: Any) -> None:
    """Stop the round where it is, with a reason for a person. Raises RoundMoved."""
    rows = Round.objects.filter(pk=round_id, state=state, failure="")
    if fence is not None:
        rows = rows.filter(fence=fence)
    if rows.update(failure=message, failure_kind=kind, lease_owner="", lease_until=None, **changes) != 1:
        raise RoundMoved(f"round {round_id} is not in {state}")
    _note(Round.objects.get(pk=round_id), None, "stop", kind=kind)


def stop_full(*, round_id: int, state: State, fence: int) -> None:
    """Stop the round because the disk is full. Raises RoundMoved."""
    message = _("No space is left on the disk that holds the data. Make room, then try again.")
    stop(round_id=round_id, state=state, kind="no_space", message=message, fence=fence)


@transaction.atomic
def retry(*, by: User | None, round_id: int, preset: str | None = None) -> None:
    """Let a stopped round go on: the stage is tried again, or ordered anew with another preset.

    Raises RoundRefused if nothing stopped it or nothing would change, RoundMoved if somebody was faster.
    """
    round = _round_for(by, round_id, Role.OPERATOR)
    if not round.failure:
        raise RoundRefused(_("Nothing stopped this round."))
    if preset is not None and preset not in presets.names():
        raise RoundRefused(_("There is no preset %(name)s.") % {"name": preset})
    chosen = preset or round.choices["preset"]
    stage = live_stage(round)
    if stage is not None:
        _try_again(round, stage, chosen)
    _clear_failure(round, choices=round.choices | {"preset": chosen})
    _note(round, by, "retry", preset=chosen)


def _try_again(round: Round, stage: Stage, preset: str) -> None:
    anew = preset != stage.preset
    if round.failure_kind == "gate" and not anew:
        raise RoundRefused(_("The same stage would end the same way: choose another preset, override, or cancel."))
    # A broken directory is never overwritten: the stage gets a new one.
    if anew or round.failure_kind == "artifact":
        done = replace_stage(stage, preset=preset)
    else:
        rows = Stage.objects.filter(pk=stage.pk, state=StageState.FAILED)
        waiting = {"state": StageState.WAITING, "failure": "", "failure_kind": "", "attempts": 0, "ended_at": None}
        done = rows.update(**waiting) == 1
    if not done:
        raise RoundMoved(f"stage {stage.pk} does not stand still")


@transaction.atomic
def override_gate(*, by: User | None, round_id: int, note: str) -> None:
    """Go on although a gate said no, for a reason that is kept. Raises RoundRefused, RoundMoved."""
    round = _round_for(by, round_id, Role.OPERATOR)
    if round.failure_kind != "gate" or not gates.stopping(round.gates):
        raise RoundRefused(_("No gate holds this round back."))
    if not note.strip():
        raise RoundRefused(_("Say why the gate is overridden."))
    held = gates.stopping(round.gates)
    _clear_failure(round, gates=gates.overridden(round.gates, note=note.strip()))
    _note(round, by, "override", gates=held)
    old = State(round.state)
    go_on(round_id=round.pk, old=old, new=AFTER_GATES[old], by=by)


@transaction.atomic
def cancel(*, by: User | None, round_id: int) -> None:
    """End the round without a result, from any state before its end. Its child is killed when its lease is extended.

    Raises RoundRefused if it has ended, RoundMoved if it moved meanwhile.
    """
    round = _round_for(by, round_id, Role.OPERATOR)
    if round.state in ENDED:
        raise RoundRefused(_("This round has ended."))
    # Stage before round, as everywhere: two transactions that lock in one order cannot wait for each other.
    standing = round.stages.filter(state__in=[StageState.WAITING, StageState.FINISHED, StageState.FAILED])
    standing.update(state=StageState.CANCELLED, lease_owner="", lease_until=None, ended_at=Now())
    move(round_id=round.pk, old=State(round.state), new=State.CANCELLED, by=by, verb="cancel")


def approve(*, by: User | None, round_id: int, note: str = "") -> None:
    """Let the candidate be deployed. Raises RoundRefused if it does not wait for that, RoundMoved."""
    _decide(by, round_id, State.DEPLOYING, "approve", note)


def reject(*, by: User | None, round_id: int, note: str = "") -> None:
    """End the round without deploying its candidate. Raises RoundRefused if it does not wait for that, RoundMoved."""
    _decide(by, round_id, State.REJECTED, "reject", note)


def _decide(by: User | None, round_id: int, new: State, verb: str, note: str) -> None:
    round = _round_for(by, round_id, Role.REVIEWER)
    if round.state != State.REVIEW:
        raise RoundRefused(_("This round does not wait for a review."))
    choices = round.choices | {"note": note}
    move(round_id=round.pk, old=State.REVIEW, new=new, by=by, verb=verb, choices=choices)


def _clear_failure(round: Round, **changes: Any) -> None:
    stopped: QuerySet[Round] = Round.objects.filter(pk=round.pk, state=round.state, failure=round.failure)
    if stopped.exclude(failure="").update(failure="", failure_kind="", **changes) != 1:
        raise RoundMoved(f"round {round.pk} is not where it was")


def _round_for(by: User | None, round_id: int, role: Role) -> Round:
    related = ("project", "init_policy", "reference_policy", "sft_policy", "candidate", "snapshot")
    round = Round.objects.select_related(*related).get(pk=round_id)
    _may(by, round.project, role)
    return round


def _may(by: User | None, project: Project, role: Role) -> None:
    """The machine and its console (None) may; a person needs the role."""
    if by is not None:
        require_role(user=by, project=project, roles=[role])


def _note(subject: models.Model, by: User | None, verb: str, **facts: Any) -> None:
    project: Project = subject.project  # type: ignore[attr-defined]
    journal.record(project=project, actor=by, verb=verb, subject=subject, **facts)
