"""Figures of policies as pages say them."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rounds import plots

register = template.Library()
FIGURES: dict[str, Promise] = {
    "reward": _("Reward"),
    "kl": _("KL to the reference, nats"),
    "wins": _("Wins against the policy then"),
    "votes": _("Wins in blind votes"),
    "tokens_mean": _("Tokens, mean"),
    "finished_share": _("Ended by itself"),
    "repetition": _("Repetition"),
    "empty_share": _("Empty answers"),
    "special_share": _("Special tokens"),
    "length_correlation": _("Correlation of length and reward"),
}
register.filter("figure", plots.figure)


@register.filter
def figure_title(name: str) -> str:
    """What a figure is called."""
    return str(FIGURES[name])
