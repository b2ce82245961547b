"""Health: what real policies write passes, what a broken one writes does not, and a few texts prove little."""

import random
from typing import Any

import pytest

from rounds import health

SHOWN = {"empty_share": 0.0, "finished_share": 0.9, "repetition": 0.02, "special_share": 0.0}
PROSE = [
    "Green sea turtles lay their eggs on the beach where they hatched, often decades later.",
    "They come at night, dig with their flippers, and leave some hundred eggs in the sand.",
    "绿海龟会回到自己出生的沙滩产卵，往往要等上二三十年。",
    "def nest(eggs: int) -> str:\n    return f'{eggs} eggs'\n",
    "1. The beach\n2. The night\n3. The nest\n\n**Yes.**",
    "Ja, meistens nachts; Größe und Tiefe des Nests hängen von der Art ab.",
    "Yes.",
    "| Art | Eier |\n|---|---|\n| Grüne | 110 |\n| Unechte | 112 |",
]
ENOUGH = 32


def rows(texts: list[str], *, finished: bool = True, count: int = ENOUGH) -> list[dict[str, Any]]:
    """`count` completions of four each prompt, with the texts in turn."""
    return [
        {"prompt": f"q-{n // 4}", "index": n % 4, "text": texts[n % len(texts)], "finished": finished, "tokens": 20}
        for n in range(count)
    ]


def failing(texts: list[str], shown: dict[str, float] | None = SHOWN, **more: Any) -> list[str]:
    judged = health.judge(health.sums_of(rows(texts, **more)), shown)
    return [check.name for check in judged.failed]


def noise(characters: str, length: int = 120) -> list[str]:
    dice = random.Random(1)
    return ["".join(dice.choices(characters, k=length)) for _ in range(ENOUGH)]


@pytest.mark.parametrize("shown", [SHOWN, None])
def test_texts_of_several_languages_lists_tables_and_code_pass(shown: dict[str, float] | None) -> None:
    assert failing(PROSE, shown) == []


BROKEN = {
    "empty": (["", "  \n"], ["empty"]),
    "repeated": (["the walls keep the birds and " * 12], ["repeated", "same"]),
    "one answer": (["I cannot answer that."], ["same"]),
    "control tokens": (
        ["Yes.<|im_end|>\n<|im_start|>user", "Yes. [/INST] And", "Yes.</s>", "No<|endoftext|>No"],
        ["special"],
    ),
    "replacement characters": (["It is \ufffd\ufffd\ufffd of \ufffd"], ["same", "gibberish"]),
    "one character": (["".join("ha" for _ in range(40)), "a" * 90, "!" * 60], ["gibberish"]),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("shown", [SHOWN, None])
def test_each_kind_of_broken_text_fails_by_its_name(kind: str, shown: dict[str, float] | None) -> None:
    texts, names = BROKEN[kind]
    assert failing(texts, shown) == [name for name in names if shown or name != "gibberish"]


def test_characters_from_everywhere_are_no_language() -> None:
    everywhere = "".join(map(chr, range(0x400, 0x600))) + "".join(map(chr, range(0xE80, 0x1000)))
    assert failing(noise(everywhere)) == ["gibberish"]
    assert failing(noise("".join(map(chr, range(0xE000, 0xE100))))) == ["gibberish"]
    assert failing(noise(everywhere), None) == [], "a policy that was made from nothing has no language yet"


def test_texts_that_no_longer_end_fail_where_the_evaluation_saw_them_end() -> None:
    assert failing(PROSE, finished=False) == ["endless"]
    assert failing(PROSE, SHOWN | {"finished_share": 0.1}, finished=False) == []
    assert failing(PROSE, None, finished=False) == [], "a base model may be cut off every time"


def test_a_few_completions_fail_only_by_being_all_bad() -> None:
    empty, fine = [""], ["Yes, on the beach."]
    assert failing(empty, count=4) == ["empty"]
    assert failing(empty + fine, count=4) == []
    assert failing(empty + fine, count=200) == ["empty"]


def test_what_the_evaluation_showed_already_is_not_held_against_it() -> None:
    half_empty = SHOWN | {"empty_share": 0.5}
    assert failing(["", "Yes.", "", "On the beach."], half_empty) == []


def test_shards_add_up() -> None:
    whole = health.sums_of(rows(PROSE))
    parts = [health.sums_of(rows(PROSE)[:16]), health.sums_of(rows(PROSE)[16:])]
    together = health.added(parts)
    assert {name: together[name] for name in together if name != "same"} == pytest.approx(
        {name: whole[name] for name in whole if name != "same"}
    )


def test_the_sentence_names_figure_count_and_limit() -> None:
    judged = health.judge(health.sums_of(rows([""])), SHOWN)
    assert judged.sentence() == "Empty answers: 100% of 32, at most 25%"


@pytest.mark.parametrize(
    ("value", "n", "low"), [(1.0, 10, 0.7225), (0.5, 10, 0.2366), (0.0, 10, 0.0), (0.9, 100, 0.8256), (0.3, 0, 0.0)]
)
def test_the_lower_end_is_wilsons(value: float, n: int, low: float) -> None:
    assert health.lower(value, n) == pytest.approx(low, abs=1e-4)
