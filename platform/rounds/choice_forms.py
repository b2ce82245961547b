"""What an operator chooses for a round, whether it starts now or by its schedule."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from rounds import presets
from rounds.algorithms import BUDGETS, Algorithm, why_not_chosen
from rounds.queries.deployed import current_deployment
from rounds.queries.starting import startable

SFT_CHOICES = {"auto": None, "yes": True, "no": False}
SFT_WORDS = [("auto", _("when there are new demonstrations")), ("yes", _("yes")), ("no", _("no"))]
APPROVE_WORDS = [("person", _("a person looks first")), ("rule", _("by rule, when every gate passes"))]
ALGORITHM_WORDS = [
    (Algorithm.PPO.value, _("PPO: answers are scored by the reward model")),
    (Algorithm.RLOO.value, _("RLOO: like PPO, with less memory")),
    (Algorithm.DPO.value, _("DPO: straight from the rankings")),
    (Algorithm.BEST_OF.value, _("Best of n only: nothing is trained")),
]
ESSENTIAL = ("preset", "algorithm", "approve")
FURTHER = ("sft", "init", "budget", "seed")


def _presets() -> list[tuple[str, str]]:
    return [(name, name) for name in presets.names()]


class _Start(forms.ChoiceField):
    """Any policy's id: whoever opens the round says in a sentence why one is refused, a list cannot."""

    def valid_value(self, value: Any) -> bool:
        return True


class ChoicesForm(forms.Form):
    """The choices that a round and a schedule have in common."""

    preset = forms.ChoiceField(label=_("Preset"), choices=_presets, initial=presets.DEFAULT)
    algorithm = forms.ChoiceField(
        label=_("How it learns"), choices=ALGORITHM_WORDS, initial=Algorithm.PPO.value, required=False
    )
    approve = forms.ChoiceField(label=_("Approval"), choices=APPROVE_WORDS)
    sft = forms.ChoiceField(label=_("Imitate demonstrations (SFT)"), choices=SFT_WORDS)
    init = _Start(label=_("Start from"), required=False)
    budget = forms.IntegerField(
        label=_("Budget"),
        required=False,
        min_value=min(least for least, _most in BUDGETS.values()),
        max_value=max(most for _least, most in BUDGETS.values()),
        help_text=_(
            "Updates of PPO and RLOO, readings of all rankings for DPO, answers to choose from for best of n. "
            "Empty: the preset's."
        ),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        writes = current_deployment(project)
        now = {"policy": writes.policy.name if writes else ""}
        deployed = gettext("what writes now, %(policy)s") % now if writes else gettext("what writes then")
        policies = [(str(policy.public_id), policy.name) for policy in startable(project)]
        field = self.fields["init"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", deployed), *policies]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and (why := why_not_chosen(chosen(given))):
            self.add_error("budget", why)
        return given

    def choices(self) -> dict[str, Any]:
        """The choices as a round and a schedule keep them."""
        return chosen(self.cleaned_data)

    @property
    def essential(self) -> list[BoundField]:
        return [self[name] for name in ESSENTIAL]

    @property
    def further(self) -> list[BoundField]:
        return [self[name] for name in FURTHER if name in self.fields]

    @property
    def opened(self) -> bool:
        """Whether something is to be seen among what is folded away."""
        return any(field.errors or field.value() not in (None, "", "auto") for field in self.further)


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, as a round keeps it."""
    plain = {name: given[name] for name in ("preset", "approve", "budget", "seed") if name in given}
    algorithm = given["algorithm"] or Algorithm.PPO.value
    return {**plain, "sft": SFT_CHOICES[given["sft"]], "algorithm": algorithm, "init": given["init"] or None}


def as_filled_in(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Choices as a form shows them: the inverse of `chosen`."""
    shown = {name: choices[name] for name in ("preset", "approve", "algorithm", "init", "budget") if choices.get(name)}
    return shown | {"sft": {value: name for name, value in SFT_CHOICES.items()}[choices.get("sft")]}
