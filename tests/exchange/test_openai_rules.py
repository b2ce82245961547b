"""Both OpenAI formats keep the rules that OpenAI publishes for a line of a fine-tuning file.

Supervised: the checks of its cookbook ("Data preparation and analysis for chat model fine-tuning"). Preference: its
guide "Direct preference optimization". The least number of lines is a rule for who orders the training, not for a line.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Project, User
from annotations.models import Completion, Prompt
from annotations.services.demonstrations import submit_demonstration
from exchange.models import Export, Format
from tests import make
from tests.exchange.written import written

KEYS = {"role", "content", "name", "function_call", "tool_calls", "weight"}
ROLES = {"system", "developer", "user", "assistant", "function", "tool"}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "Who asks?"},
    {"role": "user", "content": '龟 🐢 \u2028 "I" \\ \t do.'},
]
ASKED = [{"role": "user", "content": "Why?"}]
SAID = [{"role": "assistant", "content": "So."}]


def supervised(row: Any) -> Iterator[str]:
    """Yield every rule of the cookbook that a line breaks."""
    if not isinstance(row, dict):
        yield "data_type"
        return
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "missing_messages_list"
        return
    if set(row) - {"messages", "tools", "parallel_tool_calls", "functions"}:
        yield "unknown_key"
    yield from (rule for message in messages for rule in message_rules(message))
    if not any(message.get("role") == "assistant" for message in messages):
        yield "example_missing_assistant_message"


def message_rules(message: dict[str, Any]) -> Iterator[str]:
    if not {"role", "content"} <= set(message):
        yield "message_missing_key"
    if set(message) - KEYS:
        yield "message_unrecognized_key"
    if message.get("role") not in ROLES:
        yield "unrecognized_role"
    if not isinstance(message.get("content"), str) or not message["content"]:
        yield "missing_content"


def preference(row: Any) -> Iterator[str]:
    """Yield every rule of the guide that a line breaks."""
    if not isinstance(row, dict) or set(row) != {"input", "preferred_output", "non_preferred_output"}:
        yield "keys"
        return
    asked = row["input"]
    if not isinstance(asked, dict) or set(asked) - {"messages", "tools", "parallel_tool_calls"}:
        yield "input"
        return
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages or messages[-1].get("role") == "assistant":
        yield "input_messages"
        return
    answers = [row["preferred_output"], row["non_preferred_output"]]
    if any(
        not isinstance(answer, list) or [turn.get("role") for turn in answer] != ["assistant"] for answer in answers
    ):
        yield "one_assistant_message"
        return
    yield from (rule for message in [*messages, *answers[0], *answers[1]] for rule in message_rules(message))


def lines(export: Export) -> list[Any]:
    """Both splits, strictly: UTF-8 without a mark before it, one object a line."""
    read = [(settings.STORE / export.path / f"{split}.jsonl").read_bytes() for split in ("train", "eval")]
    assert not any(content.startswith(b"\xef\xbb\xbf") for content in read)
    return [json.loads(line) for content in read for line in content.decode("utf-8").split("\n") if line]


def said(project: Project, by: User) -> None:
    """A conversation with a system turn, an empty answer, a tie, and an answer of several lines."""
    slate = make.make_slate(project, ["Because.", "a\nb\u2028", "empty", "tied"])
    Prompt.objects.filter(pk=slate.prompt_id).update(messages=TALK)
    Completion.objects.filter(text="empty").update(text="")
    make.make_ranking(by, slate, [[0], [1, 3], [2]])
    asked = make.make_prompt(project, demonstrations=1)
    Prompt.objects.filter(pk=asked.pk).update(messages=TALK)
    lent = make.lent(by, project, "demonstrate")
    submit_demonstration(by=by, assignment_id=lent.public_id, messages=SAID, key=uuid.uuid4())


def test_supervised_lines_break_none_of_openais_rules(project: Project, alice: User) -> None:
    said(project, alice)
    found = lines(written(project, Format.OPENAI_SFT))
    assert found == [{"messages": [*TALK, *SAID]}]
    assert [list(supervised(row)) for row in found] == [[]]


def test_preference_lines_break_none_of_openais_rules(project: Project, alice: User) -> None:
    said(project, alice)
    found = lines(written(project, Format.OPENAI_PREFERENCE))
    assert [list(preference(row)) for row in found] == [[], []]
    assert {row["input"]["messages"][0]["role"] for row in found} == {"system"}


PAIR = {"input": {"messages": ASKED}, "preferred_output": SAID, "non_preferred_output": SAID}
BROKEN: list[tuple[Callable[[Any], Iterator[str]], Any, str]] = [
    (supervised, [], "data_type"),
    (supervised, {"messages": []}, "missing_messages_list"),
    (supervised, {"messages": [*ASKED, *SAID], "id": "a"}, "unknown_key"),
    (supervised, {"messages": ASKED}, "example_missing_assistant_message"),
    (supervised, {"messages": [*ASKED, {"role": "assistant"}]}, "message_missing_key"),
    (supervised, {"messages": [*ASKED, SAID[0] | {"id": 1}]}, "message_unrecognized_key"),
    (supervised, {"messages": [*ASKED, *SAID, {"role": "prompter", "content": "a"}]}, "unrecognized_role"),
    (supervised, {"messages": [*ASKED, {"role": "assistant", "content": ""}]}, "missing_content"),
    (preference, PAIR | {"margin": 1}, "keys"),
    (preference, PAIR | {"input": {"messages": ASKED, "id": 1}}, "input"),
    (preference, PAIR | {"input": {"messages": [*ASKED, *SAID]}}, "input_messages"),
    (preference, PAIR | {"preferred_output": [*SAID, *SAID]}, "one_assistant_message"),
    (preference, PAIR | {"non_preferred_output": [{"role": "assistant", "content": ""}]}, "missing_content"),
]


@pytest.mark.parametrize(("rules", "row", "broken"), BROKEN)
def test_a_line_that_breaks_a_rule_is_told(rules: Callable[[Any], Iterator[str]], row: Any, broken: str) -> None:
    assert broken in list(rules(row))
