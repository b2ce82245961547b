"""What is asked before an export is ordered."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, Role
from exchange.models import Format
from exchange.wanted import Pairs, Wanted

# What one line of each format is, for the person who chooses.
WORDS = {
    Format.RANKINGS: _(
        "One ranking a line with all that was kept: tiers, ties, cut line, notes, ratings, flags, time."
    ),
    Format.DEMONSTRATIONS: _("One demonstration a line with all that was kept: origin, edit distance, time."),
    Format.PREFERENCE: _("Prompt, chosen and rejected, for DPO and reward trainers."),
    Format.IMPLICIT: _("Chosen and rejected as whole conversations, as TRL recommends for its reward trainer."),
    Format.UNPAIRED: _("One answer a line and whether it was called acceptable, for KTO. Needs cut lines."),
    Format.PROMPTS: _("The prompts that are still asked, for GRPO, RLOO and online DPO."),
    Format.SFT: _("One demonstration a line as a conversation, for supervised fine-tuning."),
    Format.OPENAI_SFT: _("Demonstrations with exactly the keys that OpenAI takes."),
    Format.OPENAI_PREFERENCE: _("Pairs with exactly the keys that OpenAI takes."),
    Format.HH: _("Chosen and rejected as Human and Assistant strings."),
    Format.TREES: _("One prompt a line with every answer and ranking below it."),
    Format.FOLDER: _("Six tables in Parquet with a dataset card: loads by name with the datasets library."),
    Format.TABLE: _("One answer of one ranking a row, for spreadsheets. No cell computes anything."),
}
GROUPS = (
    (_("Everything"), (Format.RANKINGS, Format.DEMONSTRATIONS, Format.FOLDER, Format.TABLE)),
    (_("For TRL"), (Format.PREFERENCE, Format.IMPLICIT, Format.UNPAIRED, Format.PROMPTS, Format.SFT)),
    (_("For others"), (Format.OPENAI_SFT, Format.OPENAI_PREFERENCE, Format.HH, Format.TREES)),
)
_DAY = forms.DateInput(attrs={"type": "date"})


class OrderForm(forms.Form):
    """The format of an export, and what of it is wanted; the defaults leave nothing out."""

    format = forms.ChoiceField(choices=Format.choices, error_messages={"required": _("Choose a format.")})
    round = forms.TypedChoiceField(label=_("Judgements of"), coerce=int, empty_value=None, required=False)
    since = forms.DateField(label=_("From"), required=False, widget=_DAY)
    until = forms.DateField(label=_("To, and that day too"), required=False, widget=_DAY)
    guideline = forms.TypedChoiceField(label=_("Guidelines"), coerce=int, empty_value=None, required=False)
    role = forms.ChoiceField(label=_("People who are now"), choices=[("", _("anybody")), *Role.choices], required=False)
    agreement = forms.FloatField(
        label=_("Least agreement"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=_("A share from 0 to 1 of the pairs of a slate. Slates that one person ranked are left out then."),
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    late = forms.ChoiceField(
        label=_("Late answers"), choices=[("", _("are in it")), ("no", _("are left out"))], required=False
    )
    pairs = forms.ChoiceField(
        label=_("Pairs of a ranking"),
        choices=[(Pairs.ALL, _("all")), (Pairs.ENDS, _("the best against the worst"))],
        required=False,
    )
    ties = forms.ChoiceField(
        label=_("Ties"), choices=[("", _("make no pair")), ("yes", _("are pairs with margin 0"))], required=False
    )
    eval_share = forms.IntegerField(
        label=_("Evaluation prompts of a hundred"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("Empty: the project's own split, which no round learns from."),
    )

    def __init__(self, data: Any = None, *, project: Project) -> None:
        super().__init__(data, label_suffix="")
        rounds = project.rounds.filter(snapshot__isnull=False).order_by("-number").values_list("number", flat=True)
        frozen = [(number, _("round %(number)s, as it was frozen") % {"number": number}) for number in rounds]
        self._choose("round", [("", _("now")), *frozen])
        versions = project.guidelines.order_by("-version").values_list("version", flat=True)
        self._choose("guideline", [("", _("of every version")), *((version, str(version)) for version in versions)])

    def options(self) -> dict[str, Any]:
        """What `Wanted` keeps of the answers."""
        given = self.cleaned_data
        days = {name: given[name].isoformat() for name in ("since", "until") if given[name]}
        plain = {name: given[name] for name in ("round", "guideline", "role", "agreement", "eval_share")}
        chosen = {
            "surplus": given["late"] != "no",
            "pairs": given["pairs"] or Pairs.ALL,
            "ties": given["ties"] == "yes",
        }
        return Wanted(**plain, **days, **chosen).kept()

    def _choose(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
