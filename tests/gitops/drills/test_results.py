"""Whether a drill was held, from its numbers alone, and how that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.drills import results
from gitops.drills.load import Request, tally
from gitops.drills.results import Result, failures

GOOD = Result(
    "roll", "app:1 again", tally([Request(0.0, 0.01), Request(1.0, 0.01)]), recovered=1.5, within=10, began=0.5
)
LOST = tally([Request(0.0, 0.01), Request(1.0, 0.01, "status 502"), Request(1.2, 0.01, "status 502")])


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


@pytest.mark.parametrize(
    "change",
    [
        {},
        # Slow answers are told.
        {"tally": tally([Request(0.0, 9.0)])},
        # An outage by design.
        {"tally": LOST, "may_lose": True},
        {"tally": tally([]), "recovered": None, "skipped": "one task serves"},
    ],
)
def test_what_fails_nothing(change: dict[str, object]) -> None:
    assert failures(replace(GOOD, **change)) == ()  # type: ignore[arg-type]


def test_every_failure_is_named() -> None:
    assert len(failures(replace(GOOD, tally=LOST, recovered=None, behind=2.0, problems=("a", "b")))) == 5


HELD = Result("roll", "app:1 again: succeeded", tally([Request(n / 10, 0.002) for n in range(1200)]), 1.6, 10)
FAILED = Result("stop-task", "stopped | 0123", tally([Request(0, 0.5, "status 502")]), None, 10)
SKIPPED = Result("upstream", "", tally([]), None, 10, skipped="its upstream is somebody else's")


def test_the_table_lines_up_and_says_how_each_ended() -> None:
    head, rule, *rows = results.text([HELD, FAILED, SKIPPED]).splitlines()
    assert set(rule) == {"─"}
    assert " ".join(rows[0].split()) == f"roll 1,200 0 0 2.0 ms 2 ms 1.6 s held {HELD.said}"
    assert rows[1].split()[:4] == ["stop-task", "1", "1", "0"]
    assert rows[1].split()[8:10] == ["not", "failed"]
    assert "not applicable" in rows[2]
    column = head.index("result")
    assert [row[column:].split("  ")[0] for row in rows] == ["held", "failed", "not applicable"]


def test_the_legend_states_the_thresholds() -> None:
    said = results.legend(200, "http://lb/")
    assert "200 requests a second to http://lb/" in said
    assert "status 400 in 10 s" in said
    assert "over 1 s" in said


def test_the_summary_is_a_table_with_what_went_wrong() -> None:
    lines = results.markdown("drills of app in staging", "legend", [HELD, FAILED]).splitlines()
    assert lines[0] == "### drills of app in staging: 1 of 2 held, 1 request lost"
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1
    assert [line for line in lines if line.startswith("- ")] == [
        "- stop-task: 1 of 1 requests were lost: 1 × status 502; the first 0.0 s after it began",
        "- stop-task: it did not recover within 10 s",
    ]


def test_a_skipped_drill_is_neither_held_nor_failed() -> None:
    assert results.verdict([HELD, SKIPPED]) == "1 of 1 held, 0 requests lost, 1 not applicable"
