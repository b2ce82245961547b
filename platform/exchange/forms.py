"""What is asked before an export is ordered."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.models import Format

# What one line of each format is, for the person who chooses.
WORDS = {
    Format.RANKINGS: _(
        "One ranking a line with all that was kept: tiers, ties, cut line, notes, ratings, flags, time."
    ),
    Format.PREFERENCE: _("Prompt, chosen and rejected, for trainers of preferences. Ties make no pair."),
    Format.SFT: _("One demonstration a line as a conversation, for supervised fine-tuning."),
    Format.DEMONSTRATIONS: _("One demonstration a line with all that was kept: origin, edit distance, time."),
}


class OrderForm(forms.Form):
    """The format of an export."""

    format = forms.ChoiceField(choices=Format.choices, error_messages={"required": _("Choose a format.")})
