"""What each gate is called, what it asks in one sentence, and how its figures are written."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SHARE, NATS, TIMES, PLAIN = "share", "nats", "times", "plain"
_AT_MOST = gettext_lazy("limit %(limit)s")
_SURELY = gettext_lazy("its lower end at most %(limit)s")


@dataclass(frozen=True)
class Words:
    """A gate in words. `limit` is how a page tells the limit, `unit` what its figures are."""

    title: Promise
    asks: Promise
    unit: str
    limit: Promise = _AT_MOST

    @property
    def suffix(self) -> str:
        """What stands behind a figure of this unit."""
        return {SHARE: "%", NATS: _("nats"), TIMES: "×", PLAIN: ""}[self.unit]


# In the order of the pipeline, and of a reader's interest.
WORDS: dict[str, Words] = {
    "reward_accuracy": Words(
        gettext_lazy("Reward model accuracy"),
        gettext_lazy(
            "On rankings it never saw, how often does the reward model order two answers as people did? The lower end"
            " of its interval must lie above the limit; half is a coin."
        ),
        PLAIN,
        gettext_lazy("must stay above %(limit)s"),
    ),
    "kl": Words(
        gettext_lazy("KL to SFT"),
        gettext_lazy("How far did the candidate move from the policy that it is held to, an answer?"),
        NATS,
    ),
    "win_rate": Words(
        gettext_lazy("Wins against the policy now"),
        gettext_lazy(
            "On held-out questions, how often does the reward model prefer the candidate's answer? The upper end of"
            " the interval must reach the limit: the candidate may not lose clearly."
        ),
        SHARE,
        gettext_lazy("must be able to reach %(limit)s"),
    ),
    "length": Words(
        gettext_lazy("Answer length"),
        gettext_lazy("How many times as long are the candidate's answers as those of the policy now?"),
        TIMES,
    ),
    "repetition": Words(
        gettext_lazy("Repetition"),
        gettext_lazy(
            "How many of its phrases of four words does the candidate say again in the same answer? The limit is how"
            " many more than the policy now."
        ),
        SHARE,
    ),
    "distinct": Words(
        gettext_lazy("Lost words"),
        gettext_lazy(
            "How much of its share of different words did the candidate lose? Longer answers lose some; one phrase"
            " said again and again loses nearly all."
        ),
        SHARE,
    ),
    "empty": Words(
        gettext_lazy("Empty answers"),
        gettext_lazy("How many answers hold no word? The limit is how many more than the policy now."),
        SHARE,
    ),
    "special": Words(
        gettext_lazy("Control tokens"),
        gettext_lazy(
            "How many answers hold a control token, which is never meant for a reader? The limit is how many more than"
            " the policy now."
        ),
        SHARE,
    ),
    "endless": Words(
        gettext_lazy("Endless answers"),
        gettext_lazy("How much more seldom than the policy now does the candidate end an answer by itself?"),
        SHARE,
    ),
    "length_correlation": Words(
        gettext_lazy("Reward that follows length"),
        gettext_lazy(
            "Did the reward rise, and come to follow length more closely than before? Then longer answers may be"
            " rewarded for their length."
        ),
        PLAIN,
    ),
    "spread": Words(
        gettext_lazy("Doubt of the reward model"),
        gettext_lazy(
            "Did the reward rise while the heads of the reward model came to disagree more? How many times as much as"
            " before; it is less sure of what it rewards."
        ),
        TIMES,
    ),
    "refusals": Words(
        gettext_lazy("Lost refusals"),
        gettext_lazy(
            "Of the safety prompts that should be refused, how many fewer does the candidate refuse? Only what is"
            " surely over the limit counts."
        ),
        SHARE,
        _SURELY,
    ),
    "over_refusals": Words(
        gettext_lazy("Needless refusals"),
        gettext_lazy(
            "Of the safety prompts that only sound dangerous, how many more does the candidate refuse? Only what is"
            " surely over the limit counts."
        ),
        SHARE,
        _SURELY,
    ),
}


def value_in_words(name: str, value: float | None) -> str:
    """One figure of a gate, with its unit."""
    if value is None:
        return _("no figure")
    return {
        SHARE: f"{100 * value:.0f}%",
        NATS: _("%(value)s nats") % {"value": f"{value:.1f}"},
        TIMES: f"{value:.2f}×",
        PLAIN: f"{value:.2f}",
    }[WORDS[name].unit]
