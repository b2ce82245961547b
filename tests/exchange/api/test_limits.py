"""Limits: so many requests a minute for each token, told in every answer, and none where nobody counts."""

import pytest
from django.conf import LazySettings

from accounts.models import User
from tests.exchange.api.calls import Caller, problem


@pytest.fixture
def three_a_minute(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_REQUESTS_A_MINUTE = 3
    # One minute for the whole test, so that none ends in the middle of it.
    monkeypatch.setattr("exchange.api.limits.time.time", lambda: 1_800_000_042.0)


def test_one_too_many_is_told_when_to_come_back(alice: User, three_a_minute: None) -> None:
    caller = Caller(alice)
    answers = [caller.get("/me") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each["RateLimit"] for each in answers[:3]] == [f'"minute";r={left};t=18' for left in (2, 1, 0)]
    assert problem(answers[3]) == (429, "too-many")
    assert answers[3]["Retry-After"] == "18"
    assert answers[3]["RateLimit-Policy"] == '"minute";q=3;w=60'


def test_each_token_has_its_own(alice: User, three_a_minute: None) -> None:
    first, second = Caller(alice), Caller(alice)
    for _ in range(4):
        first.get("/me")
    assert (first.get("/me").status_code, second.get("/me").status_code) == (429, 200)


def test_where_nobody_counts_everybody_is_answered(
    alice: User, settings: LazySettings, three_a_minute: None, valkey: str
) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    caller = Caller(alice)
    assert {caller.get("/me").status_code for _ in range(5)} == {200}
    assert "RateLimit" not in caller.get("/me")
