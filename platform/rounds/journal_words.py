"""The journal in plain words: what was done, to which state it led, and what else was noted."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import JournalEntry, Role
from annotations.choices import SkipReason
from rounds.queries.pipeline import LABELS

Words = Mapping[str, "str | Promise"]

# (subject, verb) → what stands after the person's name; without a subject it holds for every other one.
DONE: dict[tuple[str, str], Promise] = {
    ("round", "open"): gettext_lazy("started %(what)s"),
    ("round", "move"): gettext_lazy("moved %(what)s on"),
    ("round", "approve"): gettext_lazy("approved the candidate of %(what)s"),
    ("round", "reject"): gettext_lazy("rejected the candidate of %(what)s"),
    ("round", "cancel"): gettext_lazy("cancelled %(what)s"),
    ("round", "stop"): gettext_lazy("stopped %(what)s"),
    ("round", "retry"): gettext_lazy("let %(what)s try again"),
    ("round", "vote"): gettext_lazy("voted on answers of %(what)s"),
    ("round", "reveal"): gettext_lazy("had the names shown on %(what)s"),
    ("round", "override"): gettext_lazy("overrode a gate of %(what)s"),
    ("round", "pause"): gettext_lazy("paused %(what)s"),
    ("round", "resume"): gettext_lazy("let %(what)s go on"),
    ("stage", "end"): gettext_lazy("ended a stage: %(what)s"),
    ("stage", "crash"): gettext_lazy("noted a crash: %(what)s"),
    ("stage", "fail"): gettext_lazy("gave up a stage: %(what)s"),
    ("stage", "take_in"): gettext_lazy("took in %(what)s"),
    ("stage", "keep"): gettext_lazy("left a failure to people: %(what)s"),
    ("stage", "refuse"): gettext_lazy("refused what the trainer wrote: %(what)s"),
    ("samplingorder", "order"): gettext_lazy("ordered completions of %(what)s"),
    ("samplingorder", "take_in"): gettext_lazy("took in completions of %(what)s"),
    ("samplingorder", "retry"): gettext_lazy("ordered completions of %(what)s again"),
    ("samplingorder", "cancel"): gettext_lazy("cancelled an order of %(what)s"),
    ("samplingorder", "retire_untouched"): gettext_lazy("retired older slates that nobody had touched"),
    ("deployment", "deploy"): gettext_lazy("deployed %(what)s"),
    ("deployment", "try"): gettext_lazy("tried %(what)s on a share of the prompts"),
    ("deployment", "withdraw"): gettext_lazy("withdrew %(what)s"),
    ("deployment", "roll_back"): gettext_lazy("took %(what)s back"),
    ("policy", "download"): gettext_lazy("downloaded %(what)s"),
    ("rewardmodel", "download"): gettext_lazy("downloaded a reward model"),
    ("snapshot", "download"): gettext_lazy("downloaded a snapshot"),
    ("policy", "quarantine"): gettext_lazy("put the completions of %(what)s into quarantine"),
    ("schedule", "schedule"): gettext_lazy("changed the schedule"),
    ("schedule", "unschedule"): gettext_lazy("switched the schedule off"),
    ("project", "add_project"): gettext_lazy("began the project"),
    ("project", "edit_project"): gettext_lazy("changed the project's settings"),
    ("project", "collect"): gettext_lazy("collected weights"),
    ("project", "add_prompts"): gettext_lazy("added prompts"),
    ("project", "set_gates"): gettext_lazy("changed gates"),
    ("project", "add_safety_prompts"): gettext_lazy("added safety prompts"),
    ("project", "remove_safety_prompts"): gettext_lazy("removed safety prompts"),
    ("project", "import"): gettext_lazy("imported a set"),
    ("import", "bring"): gettext_lazy("brought a file"),
    ("import", "read_as"): gettext_lazy("had a file read again"),
    ("import", "write"): gettext_lazy("let a file be imported"),
    ("import", "retry"): gettext_lazy("let an import try again"),
    ("import", "drop"): gettext_lazy("dropped an import"),
    ("import", "stop"): gettext_lazy("stopped an import"),
    ("import", "move"): gettext_lazy("moved an import on"),
    ("apitoken", "issue_token"): gettext_lazy("made an API token"),
    ("apitoken", "revoke_token"): gettext_lazy("revoked an API token"),
    ("user", "forget"): gettext_lazy("forgot a person"),
    ("project", "retire_prompts"): gettext_lazy("retired prompts"),
    ("project", "bring_prompts_back"): gettext_lazy("brought prompts back"),
    ("project", "set_priority"): gettext_lazy("gave prompts another priority"),
    ("project", "set_cut"): gettext_lazy("changed what passes the qualification"),
    ("project", "add_exercises"): gettext_lazy("added exercises"),
    ("project", "withdraw_consent"): gettext_lazy("withdrew their consent"),
    ("guideline", "write_guideline"): gettext_lazy("wrote new guidelines"),
    ("consent", "publish_consent"): gettext_lazy("published a consent"),
    ("acceptance", "accept_consent"): gettext_lazy("accepted the consent"),
    ("membership", "add_person"): gettext_lazy("added %(what)s"),
    ("membership", "join"): gettext_lazy("joined"),
    ("membership", "deactivate"): gettext_lazy("deactivated %(what)s"),
    ("membership", "let_back_in"): gettext_lazy("let %(what)s back in"),
    ("membership", "change_role"): gettext_lazy("gave %(what)s another role"),
    ("invitation", "invite"): gettext_lazy("made an invitation"),
    ("invitation", "withdraw"): gettext_lazy("withdrew an invitation"),
    ("user", "make_password_link"): gettext_lazy("made a password link for %(what)s"),
    ("user", "use_password_link"): gettext_lazy("chose a new password by a link"),
    ("user", "forget_app"): gettext_lazy("switched off the sign-in code of %(what)s"),
    ("export", "order"): gettext_lazy("ordered an export"),
    ("export", "export"): gettext_lazy("finished an export"),
    ("export", "stop"): gettext_lazy("stopped an export"),
    ("export", "retry"): gettext_lazy("let an export try again"),
    ("export", "delete"): gettext_lazy("deleted an export"),
    ("export", "download"): gettext_lazy("downloaded a file of an export"),
    ("assignment", "lend"): gettext_lazy("was lent a question"),
    ("assignment", "lapse"): gettext_lazy("gave a question whose time had ended to others"),
    ("assignment", "lay_down"): gettext_lazy("laid a question down"),
    ("assignment", "take_up_again"): gettext_lazy("took a question up again"),
    ("assignment", "skip"): gettext_lazy("skipped a question"),
    ("assignment", "rank"): gettext_lazy("ranked"),
    ("assignment", "demonstrate"): gettext_lazy("wrote a demonstration"),
    ("assignment", "revise"): gettext_lazy("revised an answer"),
    ("assignment", "undo"): gettext_lazy("took an answer back"),
    ("slate", "ask_again"): gettext_lazy("had a skipped slate asked again"),
    ("slate", "retire_slate"): gettext_lazy("retired a slate"),
    ("prompt", "ask_again"): gettext_lazy("had a skipped prompt asked again"),
    ("exercise", "move_exercise"): gettext_lazy("moved an exercise"),
    ("exercise", "retire_exercise"): gettext_lazy("retired an exercise"),
    ("exercise", "bring_back_exercise"): gettext_lazy("brought an exercise back"),
    ("qualification", "begin"): gettext_lazy("began a qualification"),
    ("qualification", "qualify"): gettext_lazy("finished a qualification"),
    ("qualification", "allow"): gettext_lazy("let somebody work without a qualification"),
    ("remark", "remark"): gettext_lazy("wrote a remark"),
    ("remark", "read_remark"): gettext_lazy("read a remark"),
}

STATES: Words = {
    **dict(Role.choices),
    "waiting": gettext_lazy("waiting"),
    "finished": gettext_lazy("finished"),
    "taken_in": gettext_lazy("taken in"),
    "failed": gettext_lazy("failed"),
    "cancelled": gettext_lazy("cancelled"),
    "ready": gettext_lazy("ready"),
    "deleted": gettext_lazy("deleted"),
    "open": gettext_lazy("open"),
    "lent": gettext_lazy("lent"),
    "done": gettext_lazy("done"),
    "skipped": gettext_lazy("skipped"),
    "lapsed": gettext_lazy("given back"),
    "closed": gettext_lazy("closed"),
    "passed": gettext_lazy("passed"),
    "allowed": gettext_lazy("allowed"),
}
FACTS: Words = {
    "preset": gettext_lazy("preset"),
    "attempts": gettext_lazy("tries"),
    "attempt": gettext_lazy("attempt"),
    "kind": gettext_lazy("cause"),
    "why": gettext_lazy("cause"),
    "gates": gettext_lazy("gates"),
    "role": gettext_lazy("role"),
    "reason": gettext_lazy("reason"),
    "format": gettext_lazy("format"),
    "file": gettext_lazy("file"),
    "digest": gettext_lazy("digest"),
    "version": gettext_lazy("version"),
    "slates": gettext_lazy("slates"),
    "completions": gettext_lazy("completions"),
    "prompts": gettext_lazy("prompts"),
    "rankings": gettext_lazy("rankings"),
    "demonstrations": gettext_lazy("demonstrations"),
    "added": gettext_lazy("added"),
    "marked": gettext_lazy("marked as sensitive"),
    "set": gettext_lazy("set"),
    "artifacts": gettext_lazy("artifacts"),
    "acceptances": gettext_lazy("acceptances"),
    "slots": gettext_lazy("slots"),
    "priority": gettext_lazy("priority"),
    "cut": gettext_lazy("percentage that passes"),
    "percent": gettext_lazy("percent"),
    "surplus": gettext_lazy("came late"),
    "changed": gettext_lazy("changed"),
    "every_rankings": gettext_lazy("rankings that start a round"),
    "at": gettext_lazy("time"),
    "days": gettext_lazy("days"),
    "share": gettext_lazy("share"),
    "limit": gettext_lazy("limit"),
    "enforced": gettext_lazy("enforced"),
    "source": gettext_lazy("source"),
    "removed": gettext_lazy("removed"),
    "choices": gettext_lazy("choices"),
}
VALUES: Words = {**dict(Role.choices), **dict(SkipReason.choices)}
# Rows' own numbers, which say nothing to a person.
UNSAID = {"assignment", "policy", "prompt"}
# Said where there is any.
SOME = {"marked"}
LISTED = 4


def done(entry: JournalEntry, what: str) -> str:
    """What was done, to stand after the name of who did it. A verb without words of its own is shown as it is."""
    words = DONE.get((entry.subject, entry.verb))
    if words is None:
        return f"{entry.verb.replace('_', ' ')} · {entry.subject} {entry.subject_id}"
    return str(words) % {"what": what}


def states(entry: JournalEntry) -> str:
    """`Reward → PPO`; one state where the other is not known; nothing where it stayed what it was."""
    if entry.old == entry.new or entry.verb in ("lend", "rank", "demonstrate", "skip", "lapse"):
        return ""
    names = LABELS if entry.subject == "round" else STATES
    return " → ".join(str(names.get(state, state)) for state in (entry.old, entry.new) if state)


def noted(facts: Mapping[str, Any]) -> str:
    """The facts in one line, without those that only a machine reads."""
    telling = {name: facts[name] for name in _in_order(facts) if name not in UNSAID and _tells(facts[name])}
    said = [_fact(name, value) for name, value in telling.items() if value or name not in SOME]
    return " · ".join(said)


def _in_order(facts: Mapping[str, Any]) -> list[str]:
    """As they stand in `FACTS`, then the others by name: jsonb keeps no order of its own."""
    places = {name: place for place, name in enumerate(FACTS)}
    return sorted(facts, key=lambda name: (places.get(name, len(places)), name))


def _tells(value: Any) -> bool:
    return value is not False and value not in (None, "", [], {})


def _fact(name: str, value: Any) -> str:
    label = FACTS.get(name, name.replace("_", " "))
    return str(label) if value is True else f"{label} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(value[name])}" for name in _in_order(value) if _tells(value[name]))
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, str):
        return f"{value[:12]}…" if len(value) == 64 else str(VALUES.get(value, value))
    return str(value)


def _listed(values: list[Any]) -> str:
    """Rows' numbers are counted, words are named."""
    if all(isinstance(each, int) for each in values):
        return str(len(values))
    named = ", ".join(_value(each) for each in values[:LISTED])
    left = len(values) - LISTED
    return named if left <= 0 else _("%(named)s and %(left)d more") % {"named": named, "left": left}
