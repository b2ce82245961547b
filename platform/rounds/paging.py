"""Numbers that come in an address."""

LARGEST = 2**63 - 1


def whole_number(said: str | None) -> int | None:
    """The number, if it is one that a row can have; an address that says nothing sensible says nothing."""
    if said is None or not said.isdecimal() or len(said) > len(str(LARGEST)):
        return None
    return min(int(said), LARGEST)
