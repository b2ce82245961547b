"""A round's gates in words: glyph, name, figure with its limit, verdict."""

from dataclasses import dataclass
from functools import reduce

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rounds import gates
from rounds.gates import Gate
from rounds.models import Round


@dataclass(frozen=True)
class Verdict:
    """One row of the gates' table; `tone` is good, warn or bad."""

    name: str
    title: Promise
    figure: str
    word: Promise
    tone: str
    icon: str


TITLES: dict[str, Promise] = {
    "reward_accuracy": gettext_lazy("Reward model accuracy"),
    "kl": gettext_lazy("KL to SFT"),
    "win_rate": gettext_lazy("Wins against the policy now"),
    "length": gettext_lazy("Answer length"),
    "repetition": gettext_lazy("Repetition"),
    "empty": gettext_lazy("Empty answers"),
}
WORDS: dict[str, tuple[Promise, str, str]] = {
    gates.PASSED: (gettext_lazy("passes"), "good", "check"),
    gates.REFUSED: (gettext_lazy("does not pass"), "bad", "close"),
    gates.TOO_FEW: (gettext_lazy("too few to tell"), "warn", "warning"),
    gates.OVERRIDDEN: (gettext_lazy("overridden"), "warn", "warning"),
}
LIMITS: dict[str, Promise] = {
    "reward_accuracy": gettext_lazy("must stay above %(limit)s"),
    "win_rate": gettext_lazy("must be able to reach %(limit)s"),
}
AT_MOST = gettext_lazy("limit %(limit)s")
SHARES = frozenset({"win_rate", "repetition", "empty"})


def verdicts_of(found: Round) -> list[Verdict]:
    """The gates that are known so far, in the order of the pipeline."""
    return [
        Verdict(name, title, figure_of(name, found.gates[name]), *WORDS[found.gates[name]["verdict"]])
        for name, title in TITLES.items()
        if name in found.gates
    ]


def needs_reason(found: Round) -> bool:
    """Whether approving asks for a reason: some gate did not simply pass."""
    return any(gate["verdict"] != gates.PASSED for gate in found.gates.values())


def summary(verdicts: list[Verdict]) -> str:
    """How many gates pass and how many need a person, in one sentence."""
    passing = sum(each.tone == "good" for each in verdicts)
    rest = len(verdicts) - passing
    first = ngettext("%(count)d gate passes", "%(count)d gates pass", passing) % {"count": passing}
    if rest == 0:
        return _("%(passing)s.") % {"passing": first}
    second = ngettext("%(count)d needs you", "%(count)d need you", rest) % {"count": rest}
    return _("%(passing)s, %(rest)s.") % {"passing": first, "rest": second}


def figure_of(name: str, gate: Gate) -> str:
    """The gate's figure with its interval, its number of cases and its limit, as far as they are known."""
    parts = [_value(name, gate["value"])]
    if gate.get("low") is not None and gate.get("high") is not None:
        span = {"low": _value(name, gate["low"]), "high": _value(name, gate["high"])}
        parts.append(_("likely between %(low)s and %(high)s") % span)
    if gate.get("n") is not None:
        parts.append(ngettext("%(n)d question", "%(n)d questions", gate["n"]) % {"n": gate["n"]})
    if gate.get("limit") is not None:
        parts.append(str(LIMITS.get(name, AT_MOST)) % {"limit": _value(name, gate["limit"])})
    return reduce(lambda said, more: _("%(said)s, %(more)s") % {"said": said, "more": more}, parts)


def _value(name: str, value: float | None) -> str:
    if value is None:
        return _("no figure")
    if name in SHARES:
        return f"{100 * value:.0f}%"
    if name == "length":
        return f"{value:.2f}×"
    if name == "kl":
        return _("%(value)s nats") % {"value": f"{value:.1f}"}
    return f"{value:.2f}"
