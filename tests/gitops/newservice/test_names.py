"""Which names a service may have, and what else is called after it."""

from __future__ import annotations

import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.newservice.names import Names, problems
from tests.conftest import ROOT

KNOWN = list(environments.load_all(ROOT).values())


@pytest.mark.parametrize("name", ["alerts", "wind-alerts", "a1-b2-c3"])
def test_a_good_name(name: str) -> None:
    assert problems(Names(name), KNOWN) == []


@pytest.mark.parametrize(
    "name", ["", "Alerts", "wind_alerts", "wind--alerts", "-alerts", "alerts-", "2nd", "a.b", "a/b", "../x", "ä", "a\n"]
)
def test_a_name_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(GitopsError, match="cannot name a service"):
        Names(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("aws-news", "Parameter Store refuses"),
        ("ssm", "Parameter Store refuses"),
        ("class", "a word of the Python language"),
        ("calendar", "a module named calendar"),
        ("flask", "a module named flask"),
        ("rehearsal", "a module named rehearsal"),
        ("typing-extensions", "a module named typing_extensions"),
    ],
)
def test_a_name_that_aws_or_python_would_refuse(name: str, reason: str) -> None:
    found = problems(Names(name), KNOWN)
    assert len(found) == 1
    assert reason in found[0]


def test_the_longest_environment_sets_the_limit() -> None:
    # "-production-execution" takes 21 of the 64 characters of a role's name.
    assert problems(Names("a" * 43), KNOWN) == []
    assert problems(Names("a" * 44), KNOWN) == [
        f"its role {'a' * 44}-production-execution would have 65 characters; IAM takes 64"
    ]


def test_what_is_called_after_it() -> None:
    assert Names("wind-alerts").module == "wind_alerts"
    assert Names("wind-alerts").repository == "WindAlertsRepository"
