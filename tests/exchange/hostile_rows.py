"""Rows that are JSON and say nothing: wrong types, missing fields, orders that are none, trees that are knots."""

import json
from collections.abc import Iterator
from typing import Any

from tests.exchange.hostile_case import Case, holding

ASKED = [{"role": "user", "content": "Why?"}]
SAID = [{"role": "assistant", "content": "So."}]
WORSE = [{"role": "assistant", "content": "No."}]
SPOKEN = "\n\nHuman: Why?\n\nAssistant: "
# A good row of each format. Every field of it is needed.
GOOD: dict[str, dict[str, Any]] = {
    "preference": {"prompt": ASKED, "chosen": SAID, "rejected": WORSE},
    "implicit": {"chosen": [*ASKED, *SAID], "rejected": [*ASKED, *WORSE]},
    "openai pairs": {"input": {"messages": ASKED}, "preferred_output": SAID, "non_preferred_output": WORSE},
    "hh": {"chosen": f"{SPOKEN}So.", "rejected": f"{SPOKEN}No."},
    "messages": {"messages": [*ASKED, *SAID]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]},
    "completion": {"prompt": "Why?", "completion": "So."},
    "answers": {"question": "Why?", "answer": "So."},
    "alpaca": {"instruction": "Why?", "output": "So."},
    "instances": {"instruction": "Why?", "instances": [{"input": "", "output": "So."}]},
    "text": {"text": "Why?"},
    "turns": {"turns": ["Why?"]},
    "ultrafeedback": {
        "instruction": "Why?",
        "completions": [{"response": "No.", "overall_score": 2}, {"response": "So.", "overall_score": 8}],
    },
    "argilla": {"fields": {"prompt": "Why?", "a": "No.", "b": "So."}, "responses": {"order": [{"value": ["b", "a"]}]}},
    "label studio": {
        "data": {"prompt": "Why?", "answers": [{"id": "x", "body": "No."}, {"id": "y", "body": "So."}]},
        "annotations": [{"result": [{"type": "ranker", "value": {"ranker": {"rank": ["y", "x"]}}}]}],
    },
    "qa-feedback": {"question": "Why?", "preference": [1, 1, 1, 1, 1, 1]}
    | {f"prediction {n}": f"{n}" for n in range(1, 5)},
    "own rankings": {
        "labeler": "p-1",
        "prompt": {"messages": ASKED},
        "completions": [{"text": "No.", "tier": 2}, {"text": "So.", "tier": 1}],
    },
    "own demonstrations": {"prompt": {"messages": ASKED}, "messages": SAID},
}
# Fields that may hold anything: nothing reads them.
UNREAD = {("own rankings", "labeler")}
WRONG: list[Any] = [None, 7, True, [], {}, "", [7], [[]], {"a": None}]
UNFIT = {"role": {"a": 1}, "content": [{"type": "image_url", "image_url": "x"}]}


def row_case(
    family: str, name: str, format: str, row: Any, *, why: str = ".", items: int = 2, errors: bool = True
) -> Case:
    """A row between two good ones of its format, which differ so that neither counts twice."""
    given = [_renamed(GOOD[format], "before"), row, _renamed(GOOD[format], "after")]
    content = "".join(json.dumps(each) + "\n" for each in given).encode()
    lines = {2: why} if errors else {}
    return Case(family=family, name=name, write=holding(content), format=format, lines=lines, items=items)


def _renamed(row: Any, by: str) -> Any:
    return json.loads(json.dumps(row).replace("Why?", by))


def types() -> Iterator[Case]:
    """Each needed field of each format as something else."""
    for format, good in GOOD.items():
        for place, key in enumerate(good):
            if (format, key) not in UNREAD:
                for wrong in (WRONG[place % len(WRONG)], WRONG[(place + 1 + len(format) % 8) % len(WRONG)], UNFIT):
                    name = f"{format}, {key} is {json.dumps(wrong)[:30]}"
                    yield row_case("types", name, format, good | {key: wrong})
    for wrong in (None, 7, ["user"], {"a": 1}, "root", "developer", ""):
        turn = {"role": wrong, "content": "Why?"}
        yield row_case("types", f"a role is {json.dumps(wrong)}", "messages", {"messages": [turn, *SAID]})
    for tags in (7, {"a": 1}, [1], [[]], ["a" * 10_000], ["a"] * 10_000):
        yield row_case("types", f"tags are {json.dumps(tags)[:20]}", "text", {"text": "Why?", "tags": tags})
    yield row_case("types", "sensitive is a word", "text", {"text": "Why?", "sensitive": "perhaps"})


def missing() -> Iterator[Case]:
    """Each format without one of its fields."""
    for format, good in GOOD.items():
        for key in good:
            row = {name: value for name, value in good.items() if name != key}
            yield row_case("missing", f"{format} without {key}", format, row)


def orders() -> Iterator[Case]:
    """Judgements that make no order: each is refused, or kept as the pairs that it is."""
    qa = GOOD["qa-feedback"]
    for wrong in ([1, 1, 1, 1, 1], [1] * 7, [1, 1, 1, 1, 1, 3], [1, 1, 1, 1, 1, -1], [1, 1, 1, 1, 1, "1"], [[]] * 6):
        yield row_case("orders", f"comparisons {wrong}", "qa-feedback", qa | {"preference": wrong}, why="six")
    cycle = qa | {"question": "A cycle?", "preference": [1, 2, 1, 1, 1, 1]}
    yield row_case("orders", "a cycle stays pairs", "qa-feedback", cycle, items=3, errors=False)
    for score in ("nan", "inf", "-inf", "1e999", "good", None, [], {}, True, 10**400):
        completions = [{"response": "No.", "overall_score": score}, {"response": "So.", "overall_score": 1}]
        row = {"instruction": "Why?", "completions": completions}
        yield row_case("orders", f"a score is {str(score)[:20]}", "ultrafeedback", row, why="score")
    for aspects in ({"a": 7}, {"a": "Rating"}, {"a": {"Rating": "N/A"}}, {}, []):
        completions = [{"response": "No.", "annotations": aspects}, {"response": "So.", "overall_score": 1}]
        row = {"instruction": "Why?", "completions": completions}
        yield row_case("orders", f"aspects are {aspects}", "ultrafeedback", row, why="score")
    for count in (0, 1, 10, 10_000):
        row = {"instruction": "Why?", "completions": [{"response": f"{n}", "score": n} for n in range(count)]}
        yield row_case("orders", f"{count} answers", "ultrafeedback", row, why="two to nine")
    for tier in (0, -1, 1.5, "1", True, [], 10**30 + 0.5):
        own = {
            "labeler": "p",
            "prompt": {"messages": ASKED},
            "completions": [{"text": "a", "tier": tier}, {"text": "b", "tier": 1}],
        }
        yield row_case("orders", f"a tier is {tier}", "own rankings", own, why="tiers")
    for named in (
        ["b", "c"],
        ["b", 7],
        ["b", None],
        [{"value": "b", "rank": "x"}, {"value": "a", "rank": 1}],
        ["b"],
        [],
    ):
        row = GOOD["argilla"] | {"responses": {"order": [{"value": named}]}}
        yield row_case("orders", f"Argilla orders {named}", "argilla", row)
    for rank in (["y", "z"], ["y"], [], ["y"] * 20, 7, {"a": 1}):
        result = {"type": "ranker", "value": {"ranker": {"rank": rank}}}
        row = GOOD["label studio"] | {"annotations": [{"result": [result]}]}
        yield row_case("orders", f"Label Studio ranks {rank}"[:60], "label studio", row)
    for value in ({"selected": ["left"]}, {"selected": "both"}, {"selected": None}):
        row = GOOD["label studio"] | {"annotations": [{"result": [{"type": "pairwise", "value": value}]}]}
        yield row_case("orders", f"Label Studio chooses {value}", "label studio", row)
    for said in (7, "", [""], [7], [[]], None, {"a": 1}):
        row = GOOD["label studio"] | {"annotations": [{"result": [{"type": "textarea", "value": {"text": said}}]}]}
        yield row_case("orders", f"Label Studio writes {said}", "label studio", row)


def trees() -> Iterator[Case]:
    """Trees in which a message stands twice, is its own parent, or cannot be told."""
    reply = {"message_id": "b", "parent_id": "a", "text": "No.", "role": "assistant"}
    knots: dict[str, tuple[dict[str, Any], str]] = {
        "a message twice": ({"replies": [reply, reply]}, "twice"),
        "a reply with the root's id": ({"replies": [reply | {"message_id": "a"}]}, "twice"),
        "its own parent": ({"replies": [reply | {"parent_id": "b"}]}, "another parent"),
        "a root below its reply": ({"parent_id": "b", "replies": [reply]}, "another parent"),
        "a parent that is nowhere": ({"replies": [reply | {"parent_id": "z"}]}, "another parent"),
        "a parent that is a list": ({"replies": [reply | {"parent_id": ["a"]}]}, "another parent"),
        "an unknown role": ({"replies": [reply | {"role": "root"}]}, "prompter or assistant"),
        "a role that is a list": ({"replies": [reply | {"role": ["assistant"]}]}, "prompter or assistant"),
        "replies that are a text": ({"replies": "none"}, "list"),
        "replies that are an object": ({"replies": {"0": reply}}, "list"),
        "replies that are texts": ({"replies": ["No."]}, "list"),
        "a text that is none": ({"replies": [reply | {"text": 7}]}, "no text"),
        "a rank that is a word": ({"replies": [reply | {"rank": "first"}]}, "rank"),
        "a rank that is half": ({"replies": [reply | {"rank": 0.5}]}, "rank"),
        "two people in a row": ({"replies": [reply | {"role": "prompter"}]}, "alternate"),
        "an answer to nobody": ({"role": "assistant"}, "."),
        "nothing said": ({"text": "", "replies": [reply]}, "empty"),
    }
    for name, (change, why) in knots.items():
        yield _tree(name, change, why)
    deep: dict[str, Any] = {"text": "end", "role": "prompter"}
    for _level in range(40):
        deep = {"text": "So.", "role": "prompter", "replies": [{"text": "No.", "role": "assistant", "replies": [deep]}]}
    yield _tree("eighty turns deep", deep, "deeper")
    # Equal ranks tie; a gap is no tier.
    tied = [reply | {"message_id": f"b{n}", "text": f"{n}", "rank": rank} for n, rank in enumerate((0, 0, 7))]
    content = _line({"replies": tied})
    yield Case(family="trees", name="ranks with a tie and a gap", write=holding(content), format="trees", items=1)


def _tree(name: str, change: dict[str, Any], why: str) -> Case:
    return Case(family="trees", name=name, write=holding(_line(change)), format="trees", lines={1: why}, items=0)


def _line(change: dict[str, Any]) -> bytes:
    root = {"message_id": "a", "text": "Why?", "role": "prompter"} | change
    return json.dumps({"message_tree_id": "t", "prompt": root}).encode() + b"\n"
