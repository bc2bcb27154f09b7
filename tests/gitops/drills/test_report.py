from __future__ import annotations

from gitops.drills import report
from gitops.drills.judge import Result
from gitops.drills.tally import Request, tally

HELD = Result("roll", "app:1 again: succeeded", tally([Request(n / 10, 0.002) for n in range(1200)]), 1.6, 10)
FAILED = Result("stop-task", "stopped | 0123", tally([Request(0, 0.5, "status 502")]), None, 10)
SKIPPED = Result("upstream", "", tally([]), None, 10, skipped="its upstream is somebody else's")


def test_the_table_lines_up_and_says_how_each_ended() -> None:
    head, rule, *rows = report.text([HELD, FAILED, SKIPPED]).splitlines()
    assert set(rule) == {"─"}
    assert rows[0].split() == [
        "roll",
        "1,200",
        "0",
        "0",
        "2.0",
        "ms",
        "2",
        "ms",
        "1.6",
        "s",
        "held",
        *HELD.said.split(),
    ]
    assert rows[1].split()[:4] == ["stop-task", "1", "1", "0"]
    assert rows[1].split()[8:10] == ["not", "failed"]
    assert "not applicable" in rows[2]
    column = head.index("result")
    assert [row[column:].split("  ")[0] for row in rows] == ["held", "failed", "not applicable"]


def test_the_legend_states_the_thresholds() -> None:
    said = report.legend(200, "http://lb/")
    assert "200 requests a second to http://lb/" in said
    assert "status 400 in 10 s" in said
    assert "over 1 s" in said


def test_the_summary_is_a_table_with_what_went_wrong() -> None:
    lines = report.markdown("drills of app in staging", "legend", [HELD, FAILED]).splitlines()
    assert lines[0] == "### drills of app in staging: 1 of 2 held, 1 request lost"
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1
    assert [line for line in lines if line.startswith("- ")] == [
        "- stop-task: 1 of 1 requests were lost: 1 &#215; status 502; the first 0.0 s after it began",
        "- stop-task: it did not recover within 10 s",
    ]


def test_a_skipped_drill_is_neither_held_nor_failed() -> None:
    assert report.verdict([HELD, SKIPPED]) == "1 of 1 held, 0 requests lost, 1 not applicable"
