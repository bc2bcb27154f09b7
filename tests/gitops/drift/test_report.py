"""Where two documents differ, what counts as drift, what may be shown of it, and how it reads."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.drift import report
from gitops.drift.report import Compared, Drift, Finding, Level, differences, shown

KEY = "ABCDEFGHIJKLMNOP"
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


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"a": [1]}, [("a", None, [1])]),
        # An element goes by its name, wherever it stands.
        (
            {"l": [{"name": "x", "value": 1}, {"name": "y", "value": 2}]},
            {"l": [{"name": "y", "value": 3}, {"name": "x", "value": 1}]},
            [("l[y].value", 2, 3)],
        ),
        ({"l": [{"name": "x"}]}, {"l": [{"name": "x"}, {"name": "x"}]}, [("l[x#1]", None, {"name": "x"})]),
        ({"l": ["a", "b"]}, {"l": ["a"]}, [("l[1]", "b", None)]),
        ({"l": ["a"]}, {"l": "a"}, [("l", ["a"], "a")]),
    ],
)
def test_every_place_that_differs(expected: Any, actual: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert [tuple(one) for one in differences(expected, actual)] == found


@pytest.mark.parametrize(
    ("levels", "code"),
    [([], 0), (["note"], 0), (["unproven"], 33), (["note", "unproven"], 33), (["unproven", "drift", "note"], 32)],
)
def test_known_drift_counts_more_than_what_was_not_compared(levels: list[Level], code: int) -> None:
    every = tuple(Compared("stack", f"s{number}", (Finding(level, "x"),)) for number, level in enumerate(levels))
    assert Drift("staging", "a" * 40, (Compared("stack", "same"), *every)).exit_code == code


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("containerDefinitions[app].environment[ADMIN_TOKEN].value", "hunter2"),
        ("/Environment/DB_PASSWORD", "hunter2"),
        ("parameter", f"AKIA{KEY}"),
        ("environment[URL].value", "https://user:hunter2@example.org/"),
        ("environment[COMMAND].value", "run --verbose password=hunter2"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(path: str, value: str) -> None:
    assert "hunter2" not in shown(path, value)
    assert KEY not in shown(path, value)
    assert "•••" in shown(path, value)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("RetentionInDays", 14, "14"),
        ("secrets[KEY].valueFrom", "/app/staging/KEY", "/app/staging/KEY"),
        ("Cidr", None, ""),
        ("Text", "two\n  lines", "two lines"),
        ("Long", "x" * 300, "x" * 199 + "…"),
    ],
)
def test_what_is_no_secret_is_shown_on_one_short_line(path: str, value: object, text: str) -> None:
    assert shown(path, value) == text
