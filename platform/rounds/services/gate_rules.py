"""Draw a project's gates elsewhere: their limits, and whether they hold a round back."""

import math
from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from accounts.projects import ChangedMeanwhile
from rounds.gate_words import WORDS, value_in_words
from rounds.gates import DEFAULTS, LINES, Rule
from rounds.models import GateRule
from rounds.queries.gate_rules import rules_of, seen_of


class RulesRefused(ValueError):
    """No gate can have such a limit; the message says which may be."""


def set_rules(*, by: User, project: Project, seen: str, wanted: Mapping[str, Rule]) -> list[str]:
    """Write the rules in `wanted` over those that the person saw as `seen` (`seen_of`); return what changed.

    A rule that is the default's again has no row, and moves with the default. Raises RulesRefused, ChangedMeanwhile,
    NotAllowed.
    """
    for name, rule in wanted.items():
        _refuse_senseless(name, rule)
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        # Locked until the end: of two operators who saw the same, the second finds other rules.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        now = rules_of(project)
        if seen_of(now) != seen:
            raise ChangedMeanwhile
        changed = {name: rule for name, rule in wanted.items() if now[name] != rule}
        for name, rule in changed.items():
            _write(project, name, rule)
        if changed:
            facts = {name: {"limit": rule.limit, "enforced": rule.enforced} for name, rule in changed.items()}
            journal.record(project=project, actor=by, verb="set_gates", subject=project, gates=facts)
    return sorted(changed)


def _write(project: Project, name: str, rule: Rule) -> None:
    if rule == DEFAULTS[name]:
        GateRule.objects.filter(project=project, name=name).delete()
        return
    values = {"limit": rule.limit, "enforced": rule.enforced}
    GateRule.objects.update_or_create(project=project, name=name, defaults=values)


def _refuse_senseless(name: str, rule: Rule) -> None:
    if name not in LINES:
        raise RulesRefused(_("There is no gate %(name)s.") % {"name": name})
    line = LINES[name]
    # NaN lies between nothing.
    if not (math.isfinite(rule.limit) and line.least <= rule.limit <= line.most):
        raise RulesRefused(
            _("%(gate)s: the limit lies between %(least)s and %(most)s.")
            % {
                "gate": WORDS[name].title,
                "least": value_in_words(name, line.least),
                "most": value_in_words(name, line.most),
            }
        )
