from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.drills.judge import Result, failures
from gitops.drills.tally import Request, tally

GOOD = Result(
    "roll", "weather:1 again", tally([Request(0.0, 0.01), Request(1.0, 0.01)]), recovered=1.5, within=10, began=0.5
)
LOST = tally([Request(0.0, 0.01), Request(1.0, 0.01, "status 502"), Request(1.2, 0.01, "status 502")])


def test_a_drill_that_was_held() -> None:
    assert failures(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tally": LOST}, "2 of 3 requests were lost: 2 × status 502; the first 0.5 s after it began"),
        ({"tally": LOST, "began": 2.0}, "2 of 3 requests were lost: 2 × status 502; the first 1.0 s before it began"),
        ({"tally": tally([])}, "no request was sent, so nothing was proven"),
        ({"recovered": None}, "it did not recover within 10 s"),
        ({"recovered": 10.1}, "it recovered after 10.1 s, not within 10 s"),
        ({"behind": 1.5}, "this machine was 1.5 s behind with sending: lower the rate"),
        ({"problems": ("the verdict was failed, not succeeded",)}, "the verdict was failed, not succeeded"),
    ],
)
def test_each_way_to_fail(change: dict[str, object], said: str) -> None:
    assert failures(replace(GOOD, **change)) == (said,)  # type: ignore[arg-type]


def test_slow_answers_are_told_and_do_not_fail_a_drill() -> None:
    assert failures(replace(GOOD, tally=tally([Request(0.0, 9.0)]))) == ()


def test_every_failure_is_named() -> None:
    assert len(failures(replace(GOOD, tally=LOST, recovered=None, behind=2.0, problems=("a", "b")))) == 5


def test_a_skipped_drill_fails_nothing() -> None:
    assert failures(replace(GOOD, tally=tally([]), recovered=None, skipped="one task serves")) == ()
