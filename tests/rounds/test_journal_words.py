"""Every verb that any service writes into the journal has words of its own, in both languages."""

import ast
from collections.abc import Iterator

import pytest

from accounts.models import JournalEntry
from rounds import journal_words
from tests.test_architecture import WEB, modules, tree_of

# What stands between a service and `journal.record`, and where its verb stands among the positional arguments.
HELPERS = {"_record": 2, "_note": 2, "_journal": 1, "_decide": 3}


def verbs_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _verbs_of(node)
        elif isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == ["verb"]:
            yield from _words(node.value)


def _verbs_of(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "verb":
            yield from _words(keyword.value)
    place = HELPERS.get(ast.unparse(call.func).rpartition(".")[2])
    if place is not None and len(call.args) > place:
        yield from _words(call.args[place])


def _words(value: ast.AST) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from [*_words(value.body), *_words(value.orelse)]
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def written() -> dict[str, str]:
    """Verb → a module that writes it."""
    found = [(name, path) for name, path in modules(*WEB) if "management" not in name]
    return {verb: name for name, path in found for verb in verbs_in(tree_of(path))}


def test_every_verb_that_is_written_has_its_words() -> None:
    told = {verb for _subject, verb in journal_words.DONE}
    assert {"open", "lend", "rank", "schedule", "approve", "take_in", "override"} <= written().keys()
    assert {verb: place for verb, place in written().items() if verb not in told} == {}


@pytest.mark.parametrize("words", journal_words.DONE.values(), ids=[" ".join(key) for key in journal_words.DONE])
def test_words_take_the_subject_and_nothing_else(words: object) -> None:
    assert str(words) % {"what": "round 3"}


def entry(**values: object) -> JournalEntry:
    return JournalEntry(subject="round", subject_id="7", **values)


def test_a_state_that_stayed_is_not_told() -> None:
    assert journal_words.states(entry(verb="move", old="reward", new="ppo")) == "Reward → PPO"
    assert journal_words.states(entry(verb="open", new="exporting")) == "Exporting"
    assert journal_words.states(entry(verb="revise", old="done", new="done")) == ""


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"attempts": 2}, "tries 2"),
        ({"surplus": True, "cut": 80}, "percentage that passes 80 · came late"),
        ({"surplus": False, "period": None, "days": []}, ""),
        ({"added": 1, "marked": 0, "percent": 0}, "added 1 · percent 0"),
        ({"role": "operator"}, "role Operator"),
        ({"reason": "unclear"}, "reason The question is unclear"),
        ({"digest": "ab" * 32}, "digest abababababab…"),
        ({"prompts": [5, 9]}, "prompts 2"),
        ({"gates": ["a", "b", "c", "d", "e", "f"]}, "gates a, b, c, d and 2 more"),
        ({"choices": {"preset": "tiny", "sft": None}}, "choices preset tiny"),
        ({"something_new": 1.5}, "something new 1.5"),
        ({"assignment": "x", "policy": "r1-ppo"}, ""),
    ],
)
def test_facts_are_said_in_one_line(facts: dict[str, object], said: str) -> None:
    assert journal_words.noted(facts) == said
