"""A round's gates in words: glyph, name, figure with its limit, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rounds import gates
from rounds.gate_words import WORDS, value_in_words
from rounds.gates import Gate
from rounds.models import Round


@dataclass(frozen=True)
class Verdict:
    """One row of the gates' table; `tone` is good, warn, bad or quiet. `note`: why it was overridden."""

    name: str
    title: Promise
    figure: str
    word: Promise
    tone: str
    icon: str
    note: str = ""


Said = tuple[Promise, str, str]
VERDICTS: dict[str, Said] = {
    gates.PASSED: (gettext_lazy("passes"), "good", "check"),
    gates.REFUSED: (gettext_lazy("does not pass"), "bad", "close"),
    gates.TOO_FEW: (gettext_lazy("too few to tell"), "warn", "warning"),
    gates.OVERRIDDEN: (gettext_lazy("overridden"), "warn", "warning"),
}
# Of a gate that holds nothing back, by the verdict that it would have given.
NOTED: dict[str, Said] = {
    gates.PASSED: (gettext_lazy("within its limit, not enforced"), "quiet", "check"),
    gates.REFUSED: (gettext_lazy("over its limit, not enforced"), "warn", "warning"),
    gates.TOO_FEW: (gettext_lazy("too few to tell, not enforced"), "quiet", "warning"),
}


def verdicts_of(found: Round) -> list[Verdict]:
    """The gates that are known so far, in the order of the pipeline."""
    return [verdict_of(name, found.gates[name]) for name in WORDS if name in found.gates]


def verdict_of(name: str, gate: Gate) -> Verdict:
    """One gate in words."""
    said = NOTED[gate["would"]] if gate["verdict"] == gates.NOTED else VERDICTS[gate["verdict"]]
    return Verdict(name, WORDS[name].title, figure_of(name, gate), *said, note=gate.get("note", ""))


def needs_reason(found: Round) -> bool:
    """Whether approving asks for a reason: some gate did not simply pass."""
    return not gates.all_pass(found.gates)


def summary(verdicts: list[Verdict]) -> str:
    """How many gates pass, how many need a person and how many only tell, in one sentence."""
    held = {said[0] for said in NOTED.values()}
    noted = sum(each.word in held for each in verdicts)
    passing = sum(each.tone == "good" for each in verdicts)
    rest = len(verdicts) - passing - noted
    parts = [ngettext("%(count)d gate passes", "%(count)d gates pass", passing) % {"count": passing}]
    if rest:
        parts.append(ngettext("%(count)d needs you", "%(count)d need you", rest) % {"count": rest})
    if noted:
        parts.append(ngettext("%(count)d only tells", "%(count)d only tell", noted) % {"count": noted})
    return _("%(passing)s.") % {"passing": _(", ").join(parts)}


def figure_of(name: str, gate: Mapping[str, float | None]) -> str:
    """The gate's figure with its interval, its number of cases and its limit, as far as they are known."""
    parts = [value_in_words(name, gate["value"])]
    if gate.get("low") is not None and gate.get("high") is not None:
        span = {"low": value_in_words(name, gate["low"]), "high": value_in_words(name, gate["high"])}
        parts.append(_("likely between %(low)s and %(high)s") % span)
    if (n := gate.get("n")) is not None:
        parts.append(ngettext("%(n)d question", "%(n)d questions", int(n)) % {"n": n})
    if gate.get("limit") is not None:
        parts.append(str(WORDS[name].limit) % {"limit": value_in_words(name, gate["limit"])})
    return reduce(lambda said, more: _("%(said)s, %(more)s") % {"said": said, "more": more}, parts)
