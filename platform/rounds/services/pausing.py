"""Let a round wait, and let it go on: nothing that is finished is computed again."""

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Role, User
from rounds.machine import BY_PEOPLE, ENDED, PAUSED, StageState
from rounds.models import Round
from rounds.services import rounds
from rounds.services.rounds import RoundMoved, RoundRefused


@transaction.atomic
def pause(*, by: User | None, round_id: int) -> None:
    """Stop the round where it is, until somebody lets it go on. Its trainer is asked to stop at its next checkpoint.

    Raises RoundRefused where nothing is at work, RoundMoved if it moved meanwhile.
    """
    round = rounds.round_for(by, round_id, Role.OPERATOR)
    if round.state in ENDED:
        raise RoundRefused(_("This round has ended."))
    if round.failure:
        raise RoundRefused(_("This round stands still already."))
    if round.state in BY_PEOPLE:
        raise RoundRefused(_("This round waits for a person: there is nothing to pause."))
    # Stage before round, as everywhere. The fence moves too, or a claim that waits for this commit would win.
    waiting = round.stages.filter(state=StageState.WAITING)
    waiting.update(lease_owner="", lease_until=None, fence=F("fence") + 1)
    rows = Round.objects.filter(pk=round.pk, state=round.state, failure="")
    freed = {"lease_owner": "", "lease_until": None, "fence": F("fence") + 1}
    if rows.update(failure=_("Paused until somebody lets it go on."), failure_kind=PAUSED, **freed) != 1:
        raise RoundMoved(f"round {round.pk} is not in {round.state}")
    journal.record(project=round.project, actor=by, verb="pause", subject=round)


@transaction.atomic
def resume(*, by: User | None, round_id: int) -> None:
    """Let a paused round go on. Raises RoundRefused where nobody paused it, RoundMoved if somebody was faster."""
    round = rounds.round_for(by, round_id, Role.OPERATOR)
    if round.failure_kind != PAUSED:
        raise RoundRefused(_("Nobody paused this round."))
    rounds.clear_failure(round)
    journal.record(project=round.project, actor=by, verb="resume", subject=round)
