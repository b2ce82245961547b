"""The typed order: what people may write, and that nothing of it is lost or made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.order import LETTERS, Order, OrderError, parse_order


def _order(letters: list[str], placed: int, ties: list[bool], cut: int | None) -> Order:
    tiers: list[list[str]] = []
    for letter, tied in zip(letters[:placed], ties, strict=False):
        if tiers and tied:
            tiers[-1].append(letter)
        else:
            tiers.append([letter])
    return Order(tuple(map(tuple, tiers)), None if cut is None else min(cut, len(tiers)))


def orders() -> st.SearchStrategy[Order]:
    ties = st.lists(st.booleans(), min_size=9, max_size=9)
    return st.builds(_order, st.permutations(LETTERS), st.integers(0, 9), ties, st.none() | st.integers(0, 9))


@given(orders())
def test_every_order_survives_being_written_and_read(order: Order) -> None:
    assert parse_order(str(order), LETTERS) == order


@given(orders(), st.sampled_from([" ", "", "  ", ", ", " > ", "，", "\n"]))
def test_spaces_case_and_width_do_not_matter(order: Order, gap: str) -> None:
    text = str(order).replace(" ", gap)
    wide = text.upper().replace("=", "＝").replace("|", "｜").replace("A", "Ａ")
    assert parse_order(text, LETTERS) == parse_order(wide, LETTERS) == order


@given(st.text(alphabet=LETTERS + "=| xZ1＝", max_size=20))
def test_any_text_is_an_order_or_a_named_mistake(text: str) -> None:
    try:
        order = parse_order(text, LETTERS)
    except OrderError as error:
        mistake = error
    else:
        placed = [letter for tier in order.tiers for letter in tier]
        assert sorted(placed) == sorted(letter for letter in text.lower() if letter in LETTERS)
        assert sorted([*placed, *order.missing(LETTERS)]) == list(LETTERS)
        return
    assert mistake.code in {"unknown", "twice", "tie", "two_lines"}


@pytest.mark.parametrize(
    ("text", "tiers", "cut"),
    [
        ("c a = b d", (("c",), ("a", "b"), ("d",)), None),
        ("b c=d | a", (("b",), ("c", "d"), ("a",)), 2),
        ("| a b", (("a",), ("b",)), 0),
        ("a b c d |", (("a",), ("b",), ("c",), ("d",)), 4),
        ("", (), None),
    ],
)
def test_what_people_type_means_what_it_says(text: str, tiers: tuple[tuple[str, ...], ...], cut: int | None) -> None:
    assert parse_order(text, "abcd") == Order(tiers, cut)


@pytest.mark.parametrize(
    ("text", "code", "letter"),
    [
        ("a e", "unknown", "e"),
        ("a b a", "twice", "a"),
        ("= a", "tie", ""),
        ("a =", "tie", ""),
        ("a = = b", "tie", ""),
        ("a = | b", "tie", ""),
        ("a | = b", "tie", ""),
        ("a | b |", "two_lines", ""),
    ],
)
def test_a_mistake_is_named_with_its_letter(text: str, code: str, letter: str) -> None:
    with pytest.raises(OrderError) as caught:
        parse_order(text, "abcd")
    assert (caught.value.code, caught.value.letter) == (code, letter)


def test_what_is_missing_is_told_in_the_order_of_the_screen() -> None:
    assert parse_order("d a", "abcd").missing("abcd") == ["b", "c"]
