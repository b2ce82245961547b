"""What crossed the seam, as frozen records: prompts, rankings and demonstrations of a dataset directory."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

ROLES = ("system", "user", "assistant")
SPLITS = ("train", "eval")
T = TypeVar("T")


class RecordError(ValueError):
    """A line of a dataset is not what docs/seam.md says; the message names the file and the line."""


@dataclass(frozen=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """Messages that end with a user turn. `split` is empty where a ranking or demonstration holds it."""

    id: str
    split: str
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Completion:
    """`tier` 1 is best, equal tiers tie, None was left unplaced; `finished`: the policy itself ended the text.

    `rating` is what a person gave it by itself, more is better; None where nobody asked.
    """

    id: str
    text: str
    policy: str
    finished: bool
    tier: int | None
    rating: float | None = None


@dataclass(frozen=True)
class Ranking:
    """`strength` says by its size how much better the better of two completions is; None where nobody asked."""

    id: str
    split: str
    labeler: str
    revision: int
    weight: float
    prompt: Prompt
    completions: tuple[Completion, ...]
    cut: int | None
    strength: float | None = None


@dataclass(frozen=True)
class Demonstration:
    """`messages` is what the person wrote; it ends with an assistant turn."""

    id: str
    split: str
    labeler: str
    revision: int
    prompt: Prompt
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class SafetyPrompt:
    """A question that nothing is fitted to. `unsafe`: it should be refused; else it only sounds as if."""

    prompt: Prompt
    unsafe: bool


def read_rankings(dataset: Path) -> list[Ranking]:
    """Return every ranking of a dataset directory. Raises RecordError."""
    return list(_lines(dataset / "rankings.jsonl", _ranking))


def read_demonstrations(dataset: Path) -> list[Demonstration]:
    """Return every demonstration of a dataset directory. Raises RecordError."""
    return list(_lines(dataset / "demonstrations.jsonl", _demonstration))


def read_prompts(path: Path) -> list[Prompt]:
    """Return every prompt of a prompts.jsonl; ids are unique. Raises RecordError."""
    prompts = list(_lines(path, _prompt))
    seen: set[str] = set()
    for number, prompt in enumerate(prompts, 1):
        if prompt.id in seen:
            raise RecordError(f"{path}, prompt {number}: id {prompt.id!r} was used before")
        seen.add(prompt.id)
    return prompts


def read_safety(dataset: Path) -> list[SafetyPrompt]:
    """Return the safety prompts of a dataset directory, none where it has no such file. Raises RecordError."""
    path = dataset / "safety.jsonl"
    return list(_lines(path, _safety_prompt)) if path.is_file() else []


def _lines(path: Path, make: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is not UTF-8: {error}") from error
    # Not splitlines: JSON strings may hold U+2028 and its kin unescaped.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            yield make(_object(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path}, line {number}: {error}") from error


def _prompt(row: Mapping[str, Any]) -> Prompt:
    return Prompt(_text(row, "id"), _split(row), _prompt_messages(row))


def _safety_prompt(row: Mapping[str, Any]) -> SafetyPrompt:
    if not isinstance(row.get("unsafe"), bool):
        raise ValueError(f"unsafe must be true or false, not {row.get('unsafe')!r}")
    return SafetyPrompt(Prompt(_text(row, "id"), "", _prompt_messages(row)), row["unsafe"])


def _ranking(row: Mapping[str, Any]) -> Ranking:
    completions = _completions(row)
    weight = row.get("weight")
    if not _is_number(weight) or not weight > 0:
        raise ValueError(f"weight must be a number above 0, not {weight!r}")
    return Ranking(
        id=_text(row, "id"),
        split=_split(row),
        labeler=_text(row, "labeler"),
        revision=_positive(row, "revision"),
        weight=float(weight),
        prompt=_inner_prompt(row),
        completions=completions,
        cut=_cut(row),
        strength=_number(row, "strength"),
    )


def _completions(row: Mapping[str, Any]) -> tuple[Completion, ...]:
    completions = tuple(_completion(_object(each)) for each in _list(row, "completions"))
    if len(completions) < 2:
        raise ValueError("a ranking needs at least 2 completions: take this line out")
    ids = [each.id for each in completions]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise ValueError(f"completion {twice!r} is in the ranking twice: name every completion once")
    return completions


def _completion(row: Mapping[str, Any]) -> Completion:
    if not isinstance(row.get("text"), str):
        raise ValueError(f"text must be a string, not {row.get('text')!r}")
    if not isinstance(row.get("finished"), bool):
        raise ValueError(f"finished must be true or false, not {row.get('finished')!r}")
    tier = None if _required(row, "tier") is None else _positive(row, "tier")
    rating = _number(row, "rating")
    return Completion(_text(row, "id"), row["text"], _text(row, "policy"), row["finished"], tier, rating)


def _demonstration(row: Mapping[str, Any]) -> Demonstration:
    messages = _messages(row)
    if messages[-1].role != "assistant":
        raise ValueError("a demonstration must end with an assistant turn")
    return Demonstration(
        id=_text(row, "id"),
        split=_split(row),
        labeler=_text(row, "labeler"),
        revision=_positive(row, "revision"),
        prompt=_inner_prompt(row),
        messages=messages,
    )


def _inner_prompt(row: Mapping[str, Any]) -> Prompt:
    inner = _object(_required(row, "prompt"))
    return Prompt(_text(inner, "id"), "", _prompt_messages(inner))


def _prompt_messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    messages = _messages(row)
    if messages[-1].role != "user":
        raise ValueError("a prompt must end with a user turn")
    return messages


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    messages = tuple(_message(_object(each)) for each in _list(row, "messages"))
    if not messages:
        raise ValueError("messages is empty")
    return messages


def _message(row: Mapping[str, Any]) -> Message:
    if row.get("role") not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {row.get('role')!r}")
    return Message(row["role"], _text(row, "content"))


def _cut(row: Mapping[str, Any]) -> int | None:
    cut = _required(row, "cut")
    if cut is not None and (type(cut) is not int or cut < 0):
        raise ValueError(f"cut must be null or a whole number of at least 0, not {cut!r}")
    return cut


def _split(row: Mapping[str, Any]) -> str:
    split = _text(row, "split")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    return split


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a string that is not empty, not {value!r}")
    return value


def _positive(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return value


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is not None and not _is_number(value):
        raise ValueError(f"{name} must be a number or null, not {value!r}")
    return value


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, not {value!r}")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, not {value!r}")
    return value


def _required(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise ValueError(f"{name} is missing")
    return row[name]
