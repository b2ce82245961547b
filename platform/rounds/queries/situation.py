"""Where a round stands in one line: a headline, what its stage does, when it last said so, when a person may look."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rounds import curves
from rounds.curves import Progress, Row
from rounds.durations import DAY, duration
from rounds.machine import BY_PEOPLE, ENDED, PAUSED, StageState, State
from rounds.models import Round, Stage
from rounds.queries.board import health
from rounds.queries.expectation import NOTHING, Expectation
from rounds.queries.pipeline import label_of

# A trainer moves its heartbeat every second; one that was silent for so long is not at work.
SILENT = 30.0
# The first word of what a trainer says that it does → what a page says.
ACTIVITIES: dict[str, Promise] = {
    "loading": gettext_lazy("loading"),
    "reading": gettext_lazy("reading"),
    "sampling": gettext_lazy("writing answers"),
    "training": gettext_lazy("learning"),
    "asking": gettext_lazy("asking the reference"),
    "centring": gettext_lazy("centring the scores"),
    "judging": gettext_lazy("judging the answers"),
    "evaluating": gettext_lazy("measuring"),
    "saving": gettext_lazy("saving"),
}


def situation_of(found: Round, stage: Stage | None, expected: Expectation = NOTHING) -> dict[str, Any]:
    """What a page says of the round now, in the words and the time zone of who looks."""
    progress = curves.progress_of(stage) if stage else None
    alive, at_work = _is_alive(found, progress), _at_work(found, stage, progress)
    left = _left(found, stage, at_work, expected)
    return {
        "headline": _headline(found, stage, at_work, left),
        "doing": _doing(progress),
        "activity": _activity(progress) if alive else "",
        "sign": "" if found.failure else _sign(progress),
        "alive": alive,
        "share": round(progress.share, 3) if progress else 0.0,
        "until": _until(found, left, expected),
        "health": asdict(health()),
    }


def time_left(found: Round, stage: Stage | None, expected: Expectation = NOTHING) -> float | None:
    """Seconds that the state will still take; None where that cannot be told."""
    progress = curves.progress_of(stage) if stage else None
    return _left(found, stage, _at_work(found, stage, progress), expected)


def _is_alive(found: Round, progress: Progress | None) -> bool:
    return progress is not None and progress.age < SILENT and not found.failure


def _at_work(found: Round, stage: Stage | None, progress: Progress | None) -> Progress | None:
    """What the stage says of itself. One that is silent and that nobody holds has been given back, to go on later."""
    return progress if stage and (_is_alive(found, progress) or stage.lease_owner) else None


def _left(found: Round, stage: Stage | None, progress: Progress | None, expected: Expectation) -> float | None:
    """Seconds that the state will still take: at the stage's own pace, else as long as last time."""
    if found.failure or found.state in ENDED | BY_PEOPLE:
        return None
    rows: list[Row] = curves.newest_rows(stage) if stage and progress else []
    if (own := curves.seconds_left(rows)) is not None:
        return own
    if expected.here is None or (stage and progress is None):
        return None
    return expected.here * (1.0 - (progress.share if progress else 0.0))


def _headline(found: Round, stage: Stage | None, progress: Progress | None, left: float | None) -> str:
    name = {"stage": label_of(found, found.state)}
    if found.state in ENDED | BY_PEOPLE:
        return str(_resting(found))
    if found.failure:
        return (_("%(stage)s is paused") if found.failure_kind == PAUSED else _("%(stage)s stopped")) % name
    if stage and stage.state == StageState.FINISHED:
        return _("%(stage)s is done and waits for a worker") % name
    if stage and progress is None:
        return (_("%(stage)s is starting") if stage.lease_owner else _("%(stage)s waits for a supervisor")) % name
    if left is None:
        return _("%(stage)s: the time left is not known yet") % name
    if progress and progress.of and progress.step >= progress.of:
        return _("%(stage)s: all steps are done") % name
    return _("About %(time)s left in %(stage)s") % {"time": duration(left), **name}


def _resting(found: Round) -> str:
    return {
        State.REVIEW: _("Waits for a person to look"),
        State.DONE: _("Deployed"),
        State.REJECTED: _("Rejected"),
        State.CANCELLED: _("Cancelled"),
    }[State(found.state)]


def _until(found: Round, left: float | None, expected: Expectation) -> str:
    """When a person may look, as a time of the day; empty where one cannot tell, and behind the review."""
    if left is None or expected.ahead is None or found.state == State.DEPLOYING:
        return ""
    seconds = left + expected.ahead
    then = timezone.localtime() + timedelta(seconds=seconds)
    written = date_format(then, "H:i" if seconds < DAY / 2 else _("j M, H:i"))
    return _("review at about %(time)s") % {"time": written}


def _doing(progress: Progress | None) -> str:
    if progress is None or not progress.of:
        return ""
    return _("step %(step)d of %(of)d") % {"step": progress.step, "of": progress.of}


def _sign(progress: Progress | None) -> str:
    return _("last sign %(time)s ago") % {"time": duration(progress.age)} if progress else ""


def _activity(progress: Progress | None) -> str:
    word = progress.doing.replace(",", " ").split()[:1] if progress else []
    return str(ACTIVITIES.get(word[0], word[0])) if word else ""
