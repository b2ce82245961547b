"""How simulated labelers share work and say what they prefer."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from annotations.order import parse_order
from tutelage.rehearsal import desk
from tutelage.rehearsal.labelers import Tally


def test_the_typed_order_is_read_back_as_the_same_tiers() -> None:
    tiers = {"a": 2, "b": 3, "c": 1, "d": 2}
    read = parse_order(desk.typed_order(tiers), list(tiers))
    assert read.tiers == (("c",), ("a", "d"), ("b",))


@pytest.mark.parametrize("wanted", [0, 7, 100])
def test_labelers_side_by_side_reserve_exactly_what_is_wanted(wanted: int) -> None:
    tally = Tally(wanted)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda _: tally.reserve(), range(200)))
    assert sum(won) == wanted


def test_nobody_reserves_after_giving_up() -> None:
    tally = Tally(10)
    tally.reserve()
    tally.give_up()
    assert not tally.reserve()
