"""The report: lines, Markdown and annotations."""

from __future__ import annotations

import pytest

from gitops.drift import report
from gitops.drift.finding import Compared, Drift, Finding

COMMIT = "c" * 40
CHANGED = Finding("drift", "Logs (T) was changed by hand: Days", "14", "3", "change it back")
OPEN = Finding("unproven", "Logs (T) could not be compared: denied")
SAME = Compared("stack", "network", checked=2, not_checked={"AWS::EC2::Subnet": 4, "AWS::EC2::VPC": 1})


def drift(*compared: Compared) -> Drift:
    return Drift("staging", COMMIT, compared)


@pytest.mark.parametrize(
    ("compared", "headline"),
    [
        ((SAME,), "staging: no drift from git at cccccccccccc"),
        (
            (SAME, Compared("stack", "platform", (OPEN,))),
            "staging: stack platform could not be compared with git at cccccccccccc, which does not mean no drift",
        ),
        (
            (Compared("stack", "platform", (OPEN,)), Compared("service", "app", (CHANGED,))),
            "staging: drift in service app, compared with git at cccccccccccc",
        ),
    ],
)
def test_the_first_line_says_how_it_is(compared: tuple[Compared, ...], headline: str) -> None:
    assert report.lines(drift(*compared))[0] == headline
    assert headline in report.markdown(drift(*compared))


def test_lines_show_expected_and_actual_and_each_next_step_once() -> None:
    other = Finding("drift", "Group (T) was changed by hand: Port", "", "22", "change it back")
    text = "\n".join(report.lines(drift(SAME, Compared("stack", "platform", (CHANGED, other), checked=3))))
    assert "stack network: as in git; 2 of 7 resources compared\n  - not checked: EC2::Subnet (4), EC2::VPC" in text
    assert "stack platform: DRIFT; 3 of 3 resources compared" in text
    assert "  ! Logs (T) was changed by hand: Days: 14 → 3\n" in text
    assert "  ! Group (T) was changed by hand: Port: nothing → 22\n    next: change it back" in text
    assert text.count("next: change it back") == 1


def test_markdown_holds_the_same_and_calls_nobody() -> None:
    found = Compared("service", "app", (Finding("drift", "tag <b>@team</b>", "`a`", "b", "ask #1"),))
    text = report.markdown(drift(SAME, found))
    assert "- **service app**: DRIFT" in text
    assert "→ `b`" in text
    assert "@team" not in text
    assert "<b>" not in text
    assert "EC2::Subnet" in text.replace("&#58;", ":")


def test_hundreds_of_findings_are_cut_and_counted() -> None:
    every = Compared("stack", "platform", (CHANGED,) * 45)
    assert "  … and 15 more: gitops drift --json has all" in report.lines(drift(every))


def test_only_what_is_not_as_in_git_is_annotated() -> None:
    note = Compared("service", "app", (Finding("note", "behind the branch"),))
    found = report.alarms(drift(SAME, note, Compared("stack", "platform", (CHANGED, OPEN))))
    assert found == [("staging: stack platform drifted", "Logs (T) was changed by hand: Days: 14 → 3")]
    assert report.alarms(drift(Compared("stack", "platform", (OPEN,))))[0][0] == (
        "staging: stack platform was not compared"
    )
