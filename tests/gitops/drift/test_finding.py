"""What counts as drift, and what of a value may be shown."""

from __future__ import annotations

import pytest

from gitops.drift.finding import Compared, Drift, Finding, Level, shown

KEY = "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([], 0),
        (["note"], 0),
        (["unproven"], 33),
        (["note", "unproven"], 33),
        (["unproven", "drift", "note"], 32),
    ],
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
        ("Long", "x" * 300, "x" * 200 + "…"),
    ],
)
def test_what_is_no_secret_is_shown_on_one_short_line(path: str, value: object, text: str) -> None:
    assert shown(path, value) == text
