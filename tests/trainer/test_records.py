"""A dataset is read exactly, and a bad line is refused by its number."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.records import RecordError, read_demonstrations, read_prompts, read_rankings

Row = dict[str, Any]
COMPLETION = {"id": "c", "text": "x", "policy": "p", "finished": True, "tier": 1}
PROMPT = {"id": "q-1", "split": "train", "messages": [{"role": "user", "content": "Why?"}]}


def write(path: Path, *rows: Any) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"split": "test"}, "split must be one of train, eval"),
        ({"weight": 0}, "weight must be a number above 0"),
        ({"weight": True}, "weight must be a number above 0"),
        ({"revision": 0}, "revision must be a whole number of at least 1"),
        ({"completions": []}, "at least 2 completions"),
        ({"completions": [3, 4]}, "expected an object, not 3"),
        ({"strength": "much"}, "strength must be a number or null"),
        (
            {"completions": [{"id": "c", "text": "x", "policy": "p", "finished": True, "tier": 1}] * 2},
            "'c' is in the r",
        ),
        ({"cut": "2"}, "cut must be null or a whole number"),
        ({"prompt": {"id": "q", "messages": []}}, "messages is empty"),
        ({"prompt": {"id": "q", "messages": [{"role": "user", "content": ""}]}}, "content must be a string"),
        ({"prompt": {"id": "q", "messages": [{"role": "tool", "content": "x"}]}}, "role must be one of"),
        ({"prompt": {"id": "q", "messages": [{"role": "assistant", "content": "x"}]}}, "end with a user turn"),
    ],
)
def test_a_bad_ranking_names_its_file_line_and_fault(
    tmp_path: Path, ranking_row: Callable[..., Row], change: Row, complaint: str
) -> None:
    write(tmp_path / "rankings.jsonl", ranking_row(1, ["a", "b"], [1, 2]), ranking_row(2, ["a", "b"], [1, 2]) | change)
    with pytest.raises(RecordError, match=rf"rankings\.jsonl, line 2: .*{complaint}"):
        read_rankings(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", "null", '{"id": 1}', "", "NaN", "[" * 100_000])
def test_a_line_that_is_no_record_names_its_number(tmp_path: Path, line: str) -> None:
    write(tmp_path / "prompts.jsonl", PROMPT)
    with (tmp_path / "prompts.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RecordError, match=r"prompts\.jsonl, line 2: "):
        read_prompts(tmp_path / "prompts.jsonl")


def test_ties_and_unplaced_completions_survive(tmp_path: Path, ranking_row: Callable[..., Row]) -> None:
    write(tmp_path / "rankings.jsonl", ranking_row(1, ["a", "b", "c"], [1, 1, None]))
    assert [each.tier for each in read_rankings(tmp_path)[0].completions] == [1, 1, None]


def test_what_people_said_of_strength_is_read_where_they_were_asked(
    tmp_path: Path, ranking_row: Callable[..., Row]
) -> None:
    asked = ranking_row(2, ["a", "b"], [1, 2]) | {"strength": -2}
    asked["completions"][0]["rating"] = 6
    write(tmp_path / "rankings.jsonl", ranking_row(1, ["a", "b"], [1, 2]), asked)
    silent, said = read_rankings(tmp_path)
    assert (silent.strength, silent.completions[0].rating) == (None, None)
    assert (said.strength, said.completions[0].rating, said.completions[1].rating) == (-2, 6, None)


def test_an_empty_completion_is_allowed_and_an_empty_message_is_not(
    tmp_path: Path, ranking_row: Callable[..., Row], demonstration_row: Callable[..., Row]
) -> None:
    write(tmp_path / "rankings.jsonl", ranking_row(1, ["", "b"], [1, 2]))
    assert read_rankings(tmp_path)[0].completions[0].text == ""
    write(tmp_path / "demonstrations.jsonl", demonstration_row(1, ""))
    with pytest.raises(RecordError, match="content must be a string that is not empty"):
        read_demonstrations(tmp_path)


def test_a_demonstration_ends_with_an_assistant_turn(tmp_path: Path, demonstration_row: Callable[..., Row]) -> None:
    row = demonstration_row(1, "x")
    row["messages"].append({"role": "user", "content": "And then?"})
    write(tmp_path / "demonstrations.jsonl", row)
    with pytest.raises(RecordError, match="must end with an assistant turn"):
        read_demonstrations(tmp_path)


def test_a_prompt_id_is_used_once(tmp_path: Path) -> None:
    write(tmp_path / "prompts.jsonl", PROMPT, PROMPT)
    with pytest.raises(RecordError, match="prompt 2: id 'q-1' was used before"):
        read_prompts(tmp_path / "prompts.jsonl")


def test_line_separators_inside_a_text_do_not_end_a_line(tmp_path: Path) -> None:
    row = PROMPT | {"messages": [{"role": "user", "content": "one\u2028two\u0085three"}]}
    write(tmp_path / "prompts.jsonl", row)
    assert read_prompts(tmp_path / "prompts.jsonl")[0].messages[0].content == "one\u2028two\u0085three"


def test_a_missing_file_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"rankings\.jsonl is missing"):
        read_rankings(tmp_path)
    (tmp_path / "rankings.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match="is not UTF-8"):
        read_rankings(tmp_path)


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    (tmp_path / "rankings.jsonl").write_text("")
    assert read_rankings(tmp_path) == []
