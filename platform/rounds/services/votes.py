"""Blind votes on a candidate's answers: cast while the round is in review, and not after the names were shown."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Role, User
from accounts.permissions import require_role
from rounds.machine import State
from rounds.models import Round, Vote
from rounds.queries.ballots import REVEAL, SIDES, choice_of, has_seen_names
from rounds.queries.evaluation import evaluation_of
from rounds.services.rounds import RoundRefused
from trainer.manifest import ManifestError


def vote(*, by: User, round_id: int, prompt_id: str, side: str) -> Vote:
    """Keep which side `by` found better; a new vote on the same question replaces theirs. Raises RoundRefused."""
    found = _round_for(by, round_id)
    if side not in SIDES or not _is_asked(found, prompt_id):
        raise RoundRefused(_("There is no such question to vote on."))
    choice = choice_of(found, prompt_id, by, side)
    with transaction.atomic():
        _hold_open(found)
        if has_seen_names(found, by):
            raise RoundRefused(_("You have seen whose answers these are, so your vote would not be blind."))
        cast, _is_new = Vote.objects.update_or_create(
            round=found, prompt_id=prompt_id, voter=by, defaults={"choice": choice, "at": timezone.now()}
        )
        journal.record(project=found.project, actor=by, verb="vote", subject=found, prompt=prompt_id)
    return cast


@transaction.atomic
def reveal(*, by: User, round_id: int) -> None:
    """Show `by` whose answers are whose; their votes end with it. Raises RoundRefused."""
    found = _round_for(by, round_id)
    _hold_open(found)
    if not has_seen_names(found, by):
        journal.record(project=found.project, actor=by, verb=REVEAL, subject=found)


def _round_for(by: User, round_id: int) -> Round:
    found = Round.objects.select_related("project").get(pk=round_id)
    require_role(user=by, project=found.project, roles=[Role.REVIEWER])
    return found


def _hold_open(found: Round) -> None:
    """Lock the round in its review until the transaction ends, so that nobody decides between look and vote."""
    rows = Round.objects.filter(pk=found.pk, state=State.REVIEW, failure="")
    if rows.update(state=State.REVIEW) != 1:
        raise RoundRefused(_("Votes count while the round waits for its review, and it does not any more."))


def _is_asked(found: Round, prompt_id: str) -> bool:
    try:
        evaluation = evaluation_of(found)
    except ManifestError as error:
        raise RoundRefused(
            _("The evaluation's directory is not what was taken in, so nothing of it is shown.")
        ) from error
    return evaluation is not None and any(
        each.prompt_id == prompt_id and each.differs for each in evaluation.comparisons
    )
