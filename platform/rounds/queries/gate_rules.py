"""Where a project draws its gates' lines, and what its last rounds measured there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from accounts.models import Project
from rounds.gate_words import WORDS, Words
from rounds.gates import DEFAULTS, Gates, Rule, Rules, evaluation_gates, safety_gates
from rounds.models import GateRule
from rounds.queries.verdicts import figure_of, verdict_of
from rounds.refusals import shares
from rounds.store import full_path, read_json, read_rows

LAST_ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """What one round measured at a gate, and the verdict of then."""

    number: int
    figure: str
    word: Promise
    tone: str


@dataclass(frozen=True)
class GateLine:
    """A gate on the page of gates."""

    name: str
    words: Words
    rule: Rule
    default: Rule
    measured: list[Measured]


def rules_of(project: Project) -> Rules:
    """Every gate's rule in this project: its own, or the one that holds everywhere."""
    rows = GateRule.objects.filter(project=project)
    return {**DEFAULTS, **{row.name: Rule(row.limit, row.enforced) for row in rows if row.name in DEFAULTS}}


def limit_of(project_id: int, name: str) -> float:
    """Where one gate's line is drawn."""
    drawn = GateRule.objects.filter(project=project_id, name=name).values_list("limit", flat=True).first()
    return DEFAULTS[name].limit if drawn is None else drawn


def seen_of(rules: Rules) -> str:
    """What a page has shown of the rules, so that a change made blindly over another's is noticed."""
    values = {name: [rule.limit, rule.enforced] for name, rule in rules.items()}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def evaluated(project: Project, path: str) -> Gates:
    """The verdicts on the evaluation that lies at `path` of the store, by the project's rules."""
    rules = rules_of(project)
    safety = f"{path}/safety.jsonl"
    said = shares(read_rows(safety)) if full_path(safety).is_file() else {}
    return evaluation_gates(read_json(f"{path}/report.json"), rules) | safety_gates(said, rules)


def gate_lines(project: Project, rules: Rules) -> list[GateLine]:
    """Every gate with its rule here and what the last rounds measured, newest first."""
    history = _history(project)
    return [GateLine(name, words, rules[name], DEFAULTS[name], history.get(name, [])) for name, words in WORDS.items()]


def _history(project: Project) -> Mapping[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    rounds = project.rounds.exclude(gates={}).order_by("-number")[:LAST_ROUNDS]
    for number, judged in rounds.values_list("number", "gates"):
        for name, gate in judged.items():
            if name in WORDS:
                said = verdict_of(name, gate)
                figure = figure_of(name, {key: gate.get(key) for key in ("value", "low", "high")})
                found.setdefault(name, []).append(Measured(number, figure, said.word, said.tone))
    return found
