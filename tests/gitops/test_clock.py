"""Waiting with a clock in a test's hands: what is asked, what is said, and when it ends."""

from __future__ import annotations

import pytest

from gitops.clock import Clock


class Time:
    """Passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.clock = Clock(now=lambda: self.passed, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.mark.parametrize(
    ("there_at", "limit", "found", "latest"),
    [(0, 0, True, 0), (1, 0, False, 0), (0, 600, True, 0), (95, 600, True, 105), (599, 600, True, 610)],
)
def test_it_ends_when_it_is_there(there_at: float, limit: float, found: bool, latest: float) -> None:
    time = Time()
    look = lambda: "it" if time.passed >= there_at else None  # noqa: E731
    assert time.clock.until(look, "it", limit, lambda _: None) == ("it" if found else None)
    assert time.passed <= latest


def test_it_ends_when_it_never_comes() -> None:
    time, said = Time(), list[str]()
    assert time.clock.until(lambda: None, "the moon", 130.0, said.append) is None
    assert 130 <= time.passed <= 140
    assert said[0] == "waiting for the moon: 0 of at most 130 s"
    assert len(said) == 3


def test_nothing_is_said_of_what_is_not_waited_for() -> None:
    said = list[str]()
    assert Time().clock.until(lambda: None, "it", 0.0, said.append) is None
    assert Time().clock.until(lambda: 1, "it", 600.0, said.append) == 1
    assert said == []


def test_utc_is_a_time_with_its_zone() -> None:
    assert str(Clock().utc().tzinfo) == "UTC"


def test_a_clock_asks_at_once_then_ever_slower_and_ends_at_its_limit() -> None:
    slept: list[float] = []
    clock = Clock(now=lambda: sum(slept), sleep=slept.append)
    assert next(iter(clock.ticks())) == 0.0
    passed = list(clock.ticks(longest=2.0, limit=30.0))
    assert passed[0] == 0.0
    assert passed[-1] >= 30.0
    assert slept == sorted(slept)
    assert max(slept) == 2.0
