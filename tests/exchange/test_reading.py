"""Every format is recognised and read as its makers wrote it; what is none is named with its line."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from annotations.brought import Brought
from exchange.incoming.checking import Report, checked, shape_of
from exchange.incoming.items import BadFile, BadRow
from exchange.incoming.orders import order_of
from exchange.incoming.recognise import BY_NAME, items_of, recognised
from exchange.incoming.rows import rows_of

DATA = Path(__file__).resolve().parents[3] / "shared/data"
ASKED = [{"role": "user", "content": "Why?"}]
SAID = [{"role": "assistant", "content": "So."}]
WORSE = [{"role": "assistant", "content": "No."}]
PAIR = {"messages": ASKED, "texts": ["No.", "So."], "judgements": [[[1], [0]]]}
OASST: dict[str, Any] = {
    "message_id": "a",
    "text": "Why?",
    "role": "prompter",
    "replies": [
        {"message_id": "b", "text": "No.", "role": "assistant", "rank": 1},
        {"message_id": "c", "text": "So.", "role": "assistant", "rank": 0, "replies": []},
    ],
}
LIST = [{"id": "x", "body": "No."}, {"id": "y", "body": "So."}]

ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("preference", {"prompt": ASKED, "chosen": SAID, "rejected": WORSE}, PAIR),
    ("preference", {"prompt": "Why?", "chosen": "So.", "rejected": "No."}, PAIR),
    ("implicit", {"chosen": [*ASKED, *SAID], "rejected": [*ASKED, *WORSE]}, PAIR),
    ("implicit", {"prompt": "Why?", "chosen": [*ASKED, *SAID], "rejected": [*ASKED, *WORSE]}, PAIR),
    ("openai pairs", {"input": {"messages": ASKED}, "preferred_output": SAID, "non_preferred_output": WORSE}, PAIR),
    (
        "hh",
        {"chosen": "\n\nHuman: Why?\n\nAssistant: So.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."},
        PAIR | {"tags": ["hh-rlhf"]},
    ),
    ("messages", {"messages": [*ASKED, *SAID]}, {"messages": ASKED, "answers": ["So."]}),
    ("messages", {"messages": ASKED}, {"messages": ASKED}),
    (
        "sharegpt",
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]},
        {"messages": ASKED, "answers": ["So."]},
    ),
    ("completion", {"prompt": "Why?", "completion": "So."}, {"messages": ASKED, "answers": ["So."]}),
    ("answers", {"question": "Why?", "answer": "So."}, {"messages": ASKED, "answers": ["So."]}),
    ("alpaca", {"instruction": "Why?", "input": "", "output": "So."}, {"messages": ASKED, "answers": ["So."]}),
    ("prompt", {"prompt": ASKED, "tags": ["a"], "priority": 3}, {"messages": ASKED, "tags": ["a"], "priority": 3}),
    ("text", {"text": "Why?", "sensitive": True}, {"messages": ASKED, "sensitive": True}),
    (
        "ultrafeedback",
        {
            "instruction": "Why?",
            "completions": [
                {"response": "No.", "annotations": {"honesty": {"Rating": "2"}, "truthfulness": {"Rating": "3"}}},
                {"response": "So.", "overall_score": 8.5},
            ],
        },
        {"messages": ASKED, "texts": ["No.", "So."], "judgements": [[[1], [0]]]},
    ),
    (
        "argilla",
        {
            "fields": {"prompt": "Why?", "a": "No.", "b": "So."},
            "responses": {"order": [{"value": ["b", "a"], "status": "submitted"}]},
        },
        {"messages": ASKED, "texts": ["So.", "No."], "judgements": [[[0], [1]]]},
    ),
    (
        "argilla",
        {"prompt": "Why?", "a": "No.", "b": "So.", "best.responses": ["b"], "best.responses.status": ["submitted"]},
        PAIR,
    ),
    (
        "label studio",
        {
            "data": {"prompt": "Why?", "answers": LIST},
            "annotations": [{"result": [{"type": "ranker", "value": {"ranker": {"rank": ["y", "x"]}}}]}],
        },
        {"messages": ASKED, "texts": ["So.", "No."], "judgements": [[[0], [1]]]},
    ),
    (
        "label studio",
        {
            "data": {"prompt": "Why?", "answer1": "No.", "answer2": "So."},
            "annotations": [
                {"was_cancelled": True, "result": [{"type": "pairwise", "value": {"selected": "left"}}]},
                {"result": [{"type": "pairwise", "value": {"selected": "right"}}]},
            ],
        },
        PAIR,
    ),
    (
        "trees",
        {"message_tree_id": "a", "tree_state": "ready", "prompt": OASST},
        {"messages": ASKED, "texts": ["No.", "So."], "judgements": [[[1], [0]]], "answers": ["No."], "tags": ["oasst"]},
    ),
    (
        "own rankings",
        {
            "labeler": "p-1",
            "prompt": {"id": "q", "messages": ASKED, "tags": ["a"]},
            "completions": [{"text": "No.", "tier": 1}, {"text": "So.", "tier": 1}, {"text": "?", "tier": None}],
        },
        {"messages": ASKED, "texts": ["No.", "So."], "judgements": [[[0, 1]]], "tags": ["a"]},
    ),
]


@pytest.mark.parametrize(("name", "row", "says"), ROWS)
def test_each_format_is_recognised_and_read(name: str, row: dict[str, Any], says: dict[str, Any]) -> None:
    shape = recognised([row])
    assert shape is not None
    assert shape.name == name
    [found] = items_of(shape, row)
    assert found == Brought(**says)


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, **how: Any) -> tuple[list[Brought], Report]:
    shape = shape_of(path, path.name, **how)
    report = Report(format=shape.name)
    return list(checked(path, path.name, shape, how.get("columns", {}), report)), report


def test_pairs_of_one_prompt_that_make_an_order_are_one_ranking(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "chosen": better, "rejected": worse} for better, worse in ("ab", "ac", "bc")]
    [found], report = read(lines(tmp_path / "pairs.jsonl", rows))
    assert [[found.texts[at] for at in tier] for tier in found.judgements[0]] == [["a"], ["b"], ["c"]]
    assert report.counts == {"rankings": 1, "prompts": 1}


def test_pairs_that_make_no_order_stay_pairs(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "chosen": better, "rejected": worse} for better, worse in ("ab", "bc", "ca")]
    [found], _report = read(lines(tmp_path / "pairs.jsonl", rows))
    assert len(found.judgements) == 3
    assert all(len(tiers) == 2 for tiers in found.judgements)


def test_what_nobody_compared_ties_and_a_missing_link_is_no_order() -> None:
    assert order_of(3, [(0, 1, True), (0, 2, True)]) == [[0], [1, 2]]
    assert order_of(3, [(0, 1, True), (1, 2, True)]) is None
    assert order_of(2, [(0, 1, False)]) == [[0, 1]]


HOSTILE: list[tuple[bytes, str]] = [
    (b'{"text": "a", "score": NaN}', "NaN is no JSON"),
    (b'{"text": "a", "text": "b"}', "stands twice"),
    (b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}", "levels|not JSON"),
    (b'{"text": "a"', "not JSON"),
    (b'["a"]x', "not JSON"),
    (b'"a"', "not a JSON object"),
    (b'\xff\xfe{"text": "a"}', "not UTF-8"),
    (b'{"text": "' + b"a" * 1_000_001 + b'"}', "longer than"),
    (b'{"text": ""}', "empty"),
    (b'{"text": ["a"]}', "role and a content"),
    (b'{"other": "a"}', "not of the format"),
    (b'{"text": "a", "priority": 1e999}', "too large a number"),
    (b'{"text": "a", "tags": [1]}', "list of words"),
]


@pytest.mark.parametrize(("line", "why"), HOSTILE)
def test_a_hostile_line_is_named_and_the_others_are_read(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')
    found, report = read(path, chosen="text")
    assert [item.messages[0]["content"] for item in found] == ["before", "after"]
    [(number, reason)] = report.errors
    assert number == 2
    assert re.search(why, reason), reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"PAR1 this is none"),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.zip", b"PK\x03\x04"),
        ("a.json", b"[" * 100_000),
        ("a.exe", b"MZ"),
        ("a.jsonl", b'{"colour": "red"}\n'),
        ("a.jsonl", b""),
    ],
)
def test_a_file_of_no_format_is_refused_in_words(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "source"
    path.write_bytes(content)
    with pytest.raises(BadFile):
        list(checked(path, name, shape_of(path, name), {}, Report(format="")))


def test_a_table_is_read_with_its_columns_renamed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["Frage", "gut", "schlecht"], ["Why?", "So.", "No."], ["What?", "x"]])
    columns = {"Frage": "prompt", "gut": "chosen", "schlecht": "rejected"}
    [found], report = read(path, columns=columns)
    assert found == Brought(**PAIR)
    assert report.errors == [(3, "2 cells where the head names 3")]


def test_parquet_is_read_like_lines(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"prompt": ASKED, "chosen": SAID, "rejected": WORSE}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    [found], _report = read(tmp_path / "a.parquet")
    assert found == Brought(**PAIR)


def test_what_stands_twice_counts_once_and_hidden_signs_are_counted(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": "a"}, {"text": "b\u200b"}, {"text": "<|endoftext|>"}]
    found, report = read(lines(tmp_path / "a.jsonl", rows))
    assert (len(found), report.twice, report.marked) == (3, 1, 2)


SETS = [
    ("oasst-trees/trees.jsonl", "trees", {"rankings"}),
    ("hh-rlhf-harmless/harmless-base-test.jsonl", "hh", {"rankings"}),
    ("qa-feedback/preferences.jsonl", "qa-feedback", {"rankings"}),
    ("gsm8k/model_solutions.jsonl", "solutions", {"rankings"}),
    ("gsm8k/problems.jsonl", "answers", {"demonstrations"}),
    ("self-instruct/seed_tasks.jsonl", "instances", {"demonstrations"}),
    ("chat-questions/mt_bench_questions.jsonl", "turns", set()),
]


@pytest.mark.skipif(not DATA.is_dir(), reason="the public sets do not lie beside the project")
@pytest.mark.parametrize(("file", "format", "kinds"), SETS)
def test_public_sets_are_read_as_they_are(file: str, format: str, kinds: set[str]) -> None:
    found, report = read(DATA / file)
    assert report.format == format
    assert kinds <= set(report.counts)
    assert len(found) > 50
    assert report.bad < report.rows / 10


@pytest.mark.skipif(not DATA.is_dir(), reason="the public sets do not lie beside the project")
def test_qa_feedbacks_nineteen_rows_without_an_order_are_linked_pairs() -> None:
    found, _report = read(DATA / "qa-feedback/preferences.jsonl")
    assert sum(len(item.judgements) > 1 for item in found) == 19


def test_a_row_of_another_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRow):
        items_of(BY_NAME["text"], {"prompt": "a"})
    assert list(rows_of(lines(tmp_path / "a.jsonl", [{"text": "a"}]), "a.jsonl")) == [(1, {"text": "a"})]
