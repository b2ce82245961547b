"""The form of a project's gates: for each a limit, in the unit that people read, and whether it holds rounds back."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rounds.gate_words import SHARE, WORDS
from rounds.gates import LINES, Rule, Rules
from rounds.queries.gate_rules import seen_of

# Enough for every limit, and no digits of binary fractions.
DECIMALS = 6


class GatesForm(forms.Form):
    """A field `limit_NAME` and a field `enforced_NAME` for each gate."""

    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, rules: Rules) -> None:
        super().__init__(data, label_suffix="", initial={"seen": seen_of(rules)})
        for name in WORDS:
            self.fields[f"limit_{name}"] = _limit_field(name, rules[name])
            self.fields[f"enforced_{name}"] = forms.BooleanField(
                label=_("Holds a round back"), required=False, initial=rules[name].enforced
            )

    def fields_of(self, name: str) -> dict[str, Any]:
        """The fields of one gate, with what its limit may be and is unless changed, in the unit of the field."""
        line, scale = LINES[name], _scale(name)
        figures = {"default": line.rule.limit, "least": line.least, "most": line.most}
        fields = {"limit": self[f"limit_{name}"], "enforced": self[f"enforced_{name}"]}
        return fields | {key: _short(value * scale) for key, value in figures.items()}

    def wanted(self) -> dict[str, Rule]:
        """The rules as they were filled in."""
        given = self.cleaned_data
        return {
            name: Rule(round(given[f"limit_{name}"] / _scale(name), DECIMALS), given[f"enforced_{name}"])
            for name in WORDS
        }


def _scale(name: str) -> float:
    return 100.0 if WORDS[name].unit == SHARE else 1.0


def _limit_field(name: str, rule: Rule) -> forms.FloatField:
    line, scale = LINES[name], _scale(name)
    return forms.FloatField(
        label=_("Limit"),
        min_value=round(line.least * scale, DECIMALS),
        max_value=round(line.most * scale, DECIMALS),
        initial=_short(rule.limit * scale),
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )


def _short(value: float) -> float | int:
    figure = round(value, DECIMALS)
    return int(figure) if figure == int(figure) else figure
