"""Waiting with a clock in a test's hands: what is asked, what is said, and when it ends."""

from __future__ import annotations

import argparse

import pytest

from gitops.stacks import waiting
from gitops.stacks.waiting import Clock


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
    assert waiting.until(look, "it", limit, time.clock, lambda _: None) == ("it" if found else None)
    assert time.passed <= latest


def test_it_ends_when_it_never_comes() -> None:
    time, said = Time(), list[str]()
    assert waiting.until(lambda: None, "the moon", 130.0, time.clock, said.append) is None
    assert 130 <= time.passed <= 140
    assert said[0] == "waiting for the moon: 0 of at most 130 s"
    assert len(said) == 3


def test_nothing_is_said_of_what_is_not_waited_for() -> None:
    said = list[str]()
    assert waiting.until(lambda: None, "it", 0.0, Time().clock, said.append) is None
    assert waiting.until(lambda: 1, "it", 600.0, Time().clock, said.append) == 1
    assert said == []


def test_seconds_are_a_number_from_0() -> None:
    assert [waiting.seconds(text) for text in ("0", "1.5", "600")] == [0, 1.5, 600]


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "soon", "10m"])
def test_what_are_no_seconds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a number of seconds"):
        waiting.seconds(text)
