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
from annotations.models import Policy
from rounds import gates, presets
from rounds.algorithms import DEFAULTS, Algorithm, algorithm_of, why_not_chosen
from rounds.machine import ENDED, KIND_OF, MOVES, PAUSED, StageState, State
from rounds.models import Artifact, Facts, Round, Stage
from rounds.queries.deployed import current_deployment, newest_reference
from rounds.queries.estimates import why_no_room
from rounds.queries.starting import policy_of, why_not_from, why_not_ready
from rounds.services import notices
from rounds.services.stage_orders import begins_from, live_stage, place_stage, replace_stage

AFTER_GATES = {State.REWARD: State.PPO, State.EVALUATING: State.REVIEW}


class RoundRefused(Exception):
    """Not now; the message is a sentence for the person who asked."""


class RoundMoved(Exception):
    """Somebody else moved the round on, or the lease was lost."""


def open_round(*, by: User | None, project: Project, choices: Facts, period: str | None = None) -> Round:
    """Begin a round from what is deployed. `by` None: a schedule. Raises RoundRefused with the reason."""
    _may(by, project, Role.OPERATOR)
    # Who comes late is told without the lock that everybody writes under; of those who come at once, one inserts.
    _refuse_second(project)
    try:
        with transaction.atomic():
            return _insert_round(by, project, _checked(choices), period)
    except IntegrityError as error:
        if period and project.rounds.filter(period=period).exists():
            raise RoundRefused(_("The round of this date has been started already.")) from error
        raise RoundRefused(_("A round is open already. Wait for its end, or cancel it.")) from error


def _refuse_second(project: Project) -> None:
    if project.rounds.exclude(state__in=list(ENDED)).exists():
        raise RoundRefused(_("A round is open already. Wait for its end, or cancel it."))


def check_choices(choices: Facts) -> None:
    """Raise RoundRefused for choices that no round can have."""
    _checked(choices)


def why_not_now(project: Project, choices: Facts) -> str:
    """Why a round could not be opened at this moment, open rounds aside; empty where it could."""
    chosen = DEFAULTS | choices
    return why_not_chosen(chosen) or why_not_ready(project, current_deployment(project), chosen)


def _checked(choices: Facts) -> Facts:
    chosen = DEFAULTS | choices
    if why := why_not_chosen(chosen):
        raise RoundRefused(why)
    return chosen


def _insert_round(by: User | None, project: Project, choices: Facts, period: str | None) -> Round:
    deployment = current_deployment(project)
    if why := why_not_ready(project, deployment, choices):
        raise RoundRefused(why)
    assert deployment is not None
    number = (project.rounds.aggregate(last=Max("number"))["last"] or 0) + 1
    if why := why_no_room(project, choices):
        raise RoundRefused(why)
    round = Round.objects.create(
        project=project,
        number=number,
        period=period,
        choices=choices | {"seed": number if choices["seed"] is None else choices["seed"], "against": deployment.pk},
        init_policy=_chosen_start(project, choices) or deployment.policy,
        reference_policy=newest_reference(project, deployment.policy),
        created_by=by,
    )
    journal.record(project=project, actor=by, verb="open", subject=round, new=State.EXPORTING)
    return round


def _chosen_start(project: Project, choices: Facts) -> Policy | None:
    policy = policy_of(project, choices["init"])
    if policy is not None:
        # Whoever collects weights holds this row while it looks for open rounds: it sees ours, or we see that it did.
        list(Artifact.objects.select_for_update().filter(path=policy.path))
        if why := why_not_from(policy):
            raise RoundRefused(why)
    return policy


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
    notices.tell_of_move(round, old=old, new=new, by=by)
    return round


@transaction.atomic
def go_on(*, round_id: int, old: State, new: State, by: User | None = None, **changes: Any) -> Round:
    """Move the round and place the stage that its new state calls for. Raises RoundMoved."""
    round = move(round_id=round_id, old=old, new=new, by=by, **changes)
    if new in KIND_OF:
        place_stage(round)
    return round


def go_past_gates(round: Round, *, by: User | None = None, **changes: Any) -> Round:
    """Move the round on from where gates judged it. Raises RoundMoved."""
    old = State(round.state)
    if old == State.REWARD and algorithm_of(round.choices) == Algorithm.BEST_OF:
        # Nothing is trained: what would be improved is the candidate, and its answers will be chosen among.
        candidate = begins_from(round)
        return go_on(round_id=round.pk, old=old, new=State.EVALUATING, by=by, candidate=candidate, **changes)
    return go_on(round_id=round.pk, old=old, new=AFTER_GATES[old], by=by, **changes)


@transaction.atomic
def stop(*, round_id: int, state: State, kind: str, message: str, fence: int | None = None, **changes: Any) -> None:
    """Stop the round where it is, with a reason for a person. Raises RoundMoved."""
    rows = Round.objects.filter(pk=round_id, state=state, failure="")
    if fence is not None:
        rows = rows.filter(fence=fence)
    if rows.update(failure=message, failure_kind=kind, lease_owner="", lease_until=None, **changes) != 1:
        raise RoundMoved(f"round {round_id} is not in {state}")
    _note(Round.objects.get(pk=round_id), None, "stop", kind=kind)
    notices.tell_of_stop(round_id, kind=kind, message=message)


def stop_full(*, round_id: int, state: State, fence: int) -> None:
    """Stop the round because the disk is full. Raises RoundMoved."""
    message = _("No space is left on the disk that holds the data. Make room, then try again.")
    stop(round_id=round_id, state=state, kind="no_space", message=message, fence=fence)


@transaction.atomic
def retry(*, by: User | None, round_id: int, preset: str | None = None) -> None:
    """Let a stopped round go on: the stage is tried again, or ordered anew with another preset.

    Raises RoundRefused if nothing stopped it or nothing would change, RoundMoved if somebody was faster.
    """
    round = round_for(by, round_id, Role.OPERATOR)
    if not round.failure:
        raise RoundRefused(_("Nothing stopped this round."))
    if preset is not None and preset not in presets.names():
        raise RoundRefused(_("There is no preset %(name)s.") % {"name": preset})
    chosen = preset or round.choices["preset"]
    stage = live_stage(round)
    if stage is not None:
        _try_again(round, stage, chosen)
    clear_failure(round, choices=round.choices | {"preset": chosen})
    _note(round, by, "retry", preset=chosen)


def _try_again(round: Round, stage: Stage, preset: str) -> None:
    anew = preset != stage.preset
    if round.failure_kind == "gate" and not anew:
        raise RoundRefused(_("The same stage would end the same way: choose another preset, override, or cancel."))
    # A broken directory is never overwritten: the stage gets a new one.
    if anew or round.failure_kind == "artifact":
        done = replace_stage(stage, preset=preset)
    elif round.failure_kind == PAUSED:
        # It waits or has ended, as it did: nothing of it failed.
        done = True
    else:
        rows = Stage.objects.filter(pk=stage.pk, state=StageState.FAILED)
        waiting = {"state": StageState.WAITING, "failure": "", "failure_kind": "", "attempts": 0, "ended_at": None}
        done = rows.update(**waiting) == 1
    if not done:
        raise RoundMoved(f"stage {stage.pk} does not stand still")


@transaction.atomic
def override_gate(*, by: User | None, round_id: int, note: str) -> None:
    """Go on although a gate said no, for a reason that is kept. Raises RoundRefused, RoundMoved."""
    round = round_for(by, round_id, Role.OPERATOR)
    if round.failure_kind != "gate" or not gates.stopping(round.gates):
        raise RoundRefused(_("No gate holds this round back."))
    if not note.strip():
        raise RoundRefused(_("Say why the gate is overridden."))
    held = gates.stopping(round.gates)
    clear_failure(round, gates=gates.overridden(round.gates, note=note.strip()))
    _note(round, by, "override", gates=held)
    go_past_gates(round, by=by)


@transaction.atomic
def cancel(*, by: User | None, round_id: int) -> None:
    """End the round without a result, from any state before its end. Its child is killed when its lease is extended.

    Raises RoundRefused if it has ended, RoundMoved if it moved meanwhile.
    """
    round = round_for(by, round_id, Role.OPERATOR)
    if round.state in ENDED:
        raise RoundRefused(_("This round has ended."))
    # Stage before round, as everywhere: two transactions that lock in one order cannot wait for each other.
    standing = round.stages.filter(state__in=[StageState.WAITING, StageState.FINISHED, StageState.FAILED])
    standing.update(state=StageState.CANCELLED, lease_owner="", lease_until=None, ended_at=Now())
    move(round_id=round.pk, old=State(round.state), new=State.CANCELLED, by=by, verb="cancel")


def approve(*, by: User | None, round_id: int, note: str = "", share: int = 100) -> None:
    """Let the candidate be deployed; below 100, as a canary that answers this share of a hundred prompts.

    Raises RoundRefused if it does not wait for that, RoundMoved.
    """
    if not 1 <= share <= 100:
        raise RoundRefused(_("A canary answers 1 to 99 of a hundred prompts; 100 is the whole."))
    _decide(by, round_id, State.DEPLOYING, "approve", note, share=share)


def reject(*, by: User | None, round_id: int, note: str = "") -> None:
    """End the round without deploying its candidate. Raises RoundRefused if it does not wait for that, RoundMoved."""
    _decide(by, round_id, State.REJECTED, "reject", note)


def _decide(by: User | None, round_id: int, new: State, verb: str, note: str, **chosen: int) -> None:
    round = round_for(by, round_id, Role.REVIEWER)
    if round.state != State.REVIEW:
        raise RoundRefused(_("This round does not wait for a review."))
    choices = round.choices | {"note": note, **chosen}
    move(round_id=round.pk, old=State.REVIEW, new=new, by=by, verb=verb, choices=choices)


def clear_failure(round: Round, **changes: Any) -> None:
    """Let a stopped round go on, in the caller's transaction. Raises RoundMoved if it is not where it was seen."""
    stopped: QuerySet[Round] = Round.objects.filter(pk=round.pk, state=round.state, failure=round.failure)
    if stopped.exclude(failure="").update(failure="", failure_kind="", **changes) != 1:
        raise RoundMoved(f"round {round.pk} is not where it was")


def round_for(by: User | None, round_id: int, role: Role) -> Round:
    """The round with its policies, for who has the role. Raises NotAllowed."""
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
