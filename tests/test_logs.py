"""The log is for whoever runs the machine: no line of it opens an account."""

import pytest

from tutelage.logs import without_links


@pytest.mark.parametrize("path", ["/join/Ab-c_1/", "/new-password/Ab-c_1/"])
def test_a_one_time_link_is_masked_wherever_it_stands(path: str) -> None:
    said = without_links(None, "warning", {"event": f"Forbidden: {path}", "request": path, "status": 403})
    assert "Ab-c_1" not in str(said)
    assert said["status"] == 403
