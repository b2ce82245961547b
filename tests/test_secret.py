"""The signing key is strong, private and the same for every process of one installation."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tutelage.secret import secret_key


def test_a_first_start_makes_a_private_key_and_a_second_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    key = secret_key("", path)
    assert len(key) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_key("", path) == key
    assert [child.name for child in path.parent.iterdir()] == ["secret_key"]


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert secret_key("", tmp_path / "a") != secret_key("", tmp_path / "b")


@pytest.mark.parametrize("weak", ["changeme", "x" * 49])
def test_a_weak_key_is_refused(tmp_path: Path, weak: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        secret_key(weak, tmp_path / "key")
