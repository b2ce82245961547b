"""A policy's model card: Markdown as Hugging Face reads it, written from what is known and nothing else.

It leaves with the weights, so it is in English whoever asks for it. What people typed is quoted, never obeyed:
its Markdown is escaped.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from django.template.defaultfilters import filesizeformat
from django.utils import translation

from annotations.models import Policy
from rounds.archive import folder_name
from rounds.queries.evaluated import Estimate
from rounds.queries.lineage import Ancestor, Lineage, Said, lineage_of
from rounds.queries.making import making_of
from rounds.queries.pipeline import KIND_LABELS
from rounds.queries.verdicts import verdicts_of

Lines = Iterator[str]

_SIGNS = re.compile(r"([\\`*_\[\]<>&~|])")
_USE = """Not stated. Tutelage does not know what this model is for: whoever operates the project says it here, and what
the model must not be used for, before anybody else is given it."""
_LOAD = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "{folder}/model"  # where the archive was unpacked
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
```

`model/tutelage.json` names the token ids that open and close a turn of each role; a tokenizer with a chat template
puts a conversation together with `tokenizer.apply_chat_template`."""
_LIMITS = [
    "What it says may be false, and people who ranked its texts may have been wrong.",
    "A reward is the opinion of one round's reward model: rewards of different rounds cannot be compared.",
]


def card_of(policy: Policy) -> str:
    """The whole card, in English whoever asks: YAML front matter, then Markdown."""
    with translation.override("en"):
        lineage = lineage_of(policy)
        parts = [_front(lineage), *_body(lineage)]
    return "\n".join(parts) + "\n"


def body_of(card: str) -> tuple[str, str]:
    """A card's front matter and its Markdown."""
    _empty, front, body = card.split("---\n", 2)
    return front, body


def plain(text: str) -> str:
    """A person's words on one line, with every sign of Markdown escaped."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def _front(lineage: Lineage) -> str:
    stage = lineage.making.stage
    tags = ["tutelage", *(["rlhf", stage.kind] if stage else [])]
    facts = [
        "library_name: transformers",
        "pipeline_tag: text-generation",
        f"base_model: {json.dumps(_base(lineage), ensure_ascii=False)}",
        "tags:",
        *(f"- {tag}" for tag in tags),
    ]
    return "\n".join(["---", *facts, "---"])


def _base(lineage: Lineage) -> str:
    """What the first policy of the line was made of, by the name that it came under."""
    root = making_of(lineage.ancestors[0].policy) if lineage.ancestors else lineage.making
    source = root.facts.get("config", {}).get("source")
    return str(source or root.policy.name)


def _body(lineage: Lineage) -> Lines:
    folder = folder_name(lineage.policy.project.slug, lineage.policy.name)
    yield f"\n# {plain(lineage.policy.name)}\n"
    yield from _what(lineage)
    yield f"\n## Intended use\n\n{_USE}"
    yield f"\n## How to load it\n\n{_LOAD.format(folder=folder)}"
    for title, lines in [
        ("Training data", _data(lineage)),
        ("Training", _training(lineage)),
        ("Evaluation", _figures(lineage)),
        ("Gates", _gates(lineage)),
        ("Known limits", _limits(lineage)),
        ("Deployments", _deployments(lineage)),
        ("Files", _files(lineage)),
    ]:
        yield f"\n## {title}\n"
        yield from (f"- {line}" for line in lines)


def _what(lineage: Lineage) -> Lines:
    policy, made = lineage.policy, lineage.making.round
    by = (
        f"round {made.number}"
        if made
        else "another project"
        if lineage.making.adopted
        else "nobody here: it was brought in"
    )
    stage = lineage.making.stage
    step = f", {KIND_LABELS.get(stage.kind, stage.kind)}" if stage else ""
    yield f"- Project: {plain(policy.project.name)}"
    yield f"- Made by: {by}{step}, {_day(policy.created_at)}"
    yield f"- Parent: {plain(policy.parent.name) if policy.parent else 'none'}"
    yield f"- State: {lineage.status.word}{_quoted(lineage.status.reason)}"
    yield f"- Digest: `{policy.digest}` (sha256 of its manifest)"
    yield "- Licence: not known. It follows from the licence of the base model and from what people agreed to."
    yield "- Languages: not known."


def _data(lineage: Lineage) -> Lines:
    source = lineage.source
    if source is None:
        yield "Nothing that people said in this project went into it."
    else:
        yield f"Snapshot `{source.snapshot.digest}`, frozen {_day(source.snapshot.created_at)}"
        yield _said("ranking", source.rankings)
        yield _said("demonstration", source.demonstrations)
        yield "Nothing was fitted to the prompts of the evaluation split."
    yield from (_ancestor(each) for each in lineage.ancestors)


def _ancestor(each: Ancestor) -> str:
    if each.round is None or each.snapshot is None:
        return f"Before: {plain(each.policy.name)}, brought in"
    counts = each.snapshot.counts
    told = ", ".join(_count(counts.get(f"{kind}s", 0), kind) for kind in ("ranking", "demonstration"))
    return f"Before: {plain(each.policy.name)} of round {each.round.number}, {told}"


def _said(kind: str, said: Said) -> str:
    if said.count == 0 or said.first is None or said.last is None:
        return f"No {kind}s"
    people = "1 person" if said.people == 1 else f"{said.people} people"
    versions = ", ".join(f"{_version(each.version)}: {each.count}" for each in said.versions)
    return f"{_count(said.count, kind)} by {people}, {_day(said.first)} to {_day(said.last)} ({versions})"


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def _version(number: int | None) -> str:
    return "no guideline version kept" if number is None else f"guidelines {number}"


def _training(lineage: Lineage) -> Lines:
    facts, stage = lineage.making.facts, lineage.making.stage
    yield f"Stage: {facts.get('stage', 'not known')}"
    if stage is not None:
        yield f"Preset: {stage.preset}"
        yield from (
            f"Set for this round: {plain(key)} = {plain(str(value))}" for key, value in sorted(stage.settings.items())
        )
    if "seed" in facts:
        yield f"Seed: {facts['seed']}"
    if lineage.init is not None:
        yield f"Begins from: {plain(lineage.init.name)}"
    if lineage.reference is not None:
        yield f"Stays near: {plain(lineage.reference.name)}"
    if lineage.judge is not None:
        yield f"Reward model: of round {lineage.judge.model.round.number}, `{lineage.judge.model.digest}`"
        yield f"Reward model's accuracy on held-out rankings: {_estimate(lineage.judge.accuracy, 'slates')}"
    if "exact" in facts:
        yield f"Repeatable to the byte: {'yes' if facts['exact'] else 'no, it was resumed under other conditions'}"
    yield from (f"{name}: {plain(str(value))}" for name, value in sorted(facts.get("versions", {}).items()))
    yield from (f"`{name}` = {plain(json.dumps(value))}" for name, value in sorted(facts.get("config", {}).items()))


def _figures(lineage: Lineage) -> Lines:
    part = lineage.part
    if part is None or part.report is None:
        yield "None: no evaluation of this policy stands."
        return
    yield f"Round {part.round.number}, on prompts that nothing was fitted to. Intervals are 95 %."
    yield f"Reward: {_estimate(part.reward)}"
    yield f"KL to the reference, nats a completion: {_estimate(part.kl)}"
    if part.wins is not None:
        yield f"Wins against {plain(part.round.init_policy.name)} by reward: {_estimate(part.wins, 'prompts')}"
    if part.votes is not None:
        yield f"Wins in people's blind votes: {_estimate(part.votes, 'prompts')}"
    if lineage.preferred is not None:
        yield f"Wins in rankings against other policies: {_estimate(lineage.preferred, 'rankings')}"
    names = ("tokens_mean", "finished_share", "repetition", "empty_share", "special_share", "length_correlation")
    yield from (f"{name}: {part.habits[name]:.4g}" for name in names if part.habits.get(name) is not None)


def _gates(lineage: Lineage) -> Lines:
    found = lineage.part.round if lineage.part and lineage.part.role == "after" else None
    verdicts = verdicts_of(found) if found else []
    if found is None or not verdicts:
        yield "None was asked of it."
        return
    for each in verdicts:
        yield f"{each.title}: {each.figure}. {each.word}{_quoted(found.gates[each.name].get('note', ''))}"
    yield f"The round: {found.state}{_quoted(found.choices.get('note', ''))}"


def _limits(lineage: Lineage) -> Lines:
    report = (lineage.part.report if lineage.part else None) or {}
    yield from chain(map(plain, report.get("alarms", [])), _LIMITS)


def _deployments(lineage: Lineage) -> Lines:
    if not lineage.deployments:
        yield "None."
    for each in lineage.deployments:
        share = f", canary, {each.share} %" if each.canary else ""
        best = f", the best of {each.best_of} completions" if each.best_of > 1 else ""
        until = _day(each.retired_at) if each.retired_at else "now"
        back = ", rolled back" if each.rolled_back else ""
        yield f"{_day(each.started_at)} to {until}{share}{best}{back}{_quoted(each.retired_reason)}"


def _files(lineage: Lineage) -> Lines:
    if not lineage.making.files:
        yield "None are here."
    for each in lineage.making.files:
        size = filesizeformat(each.bytes).replace("\xa0", " ") if each.bytes is not None else "collected"
        yield f"`{each.name}`, {size}, sha256 `{each.digest}`"


def _quoted(words: str) -> str:
    return f" (“{plain(words)}”)" if words.strip() else ""


def _estimate(found: Estimate | None, of: str = "") -> str:
    if found is None:
        return "not measured"
    span = f" ({found.low:.3g} to {found.high:.3g})" if found.low is not None and found.high is not None else ""
    return f"{found.value:.3g}{span}" + (f", {found.n} {of}" if of and found.n is not None else "")


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
