"""Addresses and priorities: a new rule neither takes another's requests nor loses its own."""

from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from gitops.newservice import routing
from gitops.newservice.routing import Rule, covers, meet

OURS = ("/alerts", "/alerts/*")


def rule(priority: int, *patterns: str, service: str = "weather") -> Rule:
    return Rule(service, "staging", priority, patterns)


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("/*", "/alerts/*", True),
        ("/*", "/*", True),
        ("/alerts/*", "/alerts/*", True),
        ("/alerts/*", "/alerts", False),
        ("/alerts*", "/alerts", True),
        ("/alerts/*", "/*", False),
        ("/a?erts", "/alerts", True),
        ("/a?erts", "/alllerts", False),
        ("/alerts", "/a?erts", False),
        ("/*/old", "/alerts/*/old", True),
        ("/*/old", "/alerts/*", False),
        ("", "*", False),
        ("*", "", True),
    ],
)
def test_covers(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/*", "/alerts", True),
        ("/alerts/*", "/alerts", False),
        ("/alerts/*", "/*/old", True),
        ("/alerts/*", "/maps/*", False),
        ("/a?erts", "/alerts", True),
        ("/a?erts", "/aerts", False),
        ("/a*", "*b", True),
    ],
)
def test_meet(one: str, other: str, expected: bool) -> None:
    assert meet(one, other) is expected
    assert meet(other, one) is expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], 10),
        ([rule(100, "/*")], 90),
        ([rule(100, "/*"), rule(90, "/maps/*")], 80),
        ([rule(100, "/*"), rule(90, "/maps/*"), rule(80, "/x")], 70),
        # In two environments alike; in one, another number is taken.
        ([rule(100, "/*"), Rule("weather", "production", 200, ("/*",)), Rule("maps", "production", 90, ("/m/*",))], 80),
        # Behind what holds a part of ours, before what holds all of it.
        ([rule(100, "/*"), rule(40, "/alerts/old/*")], 90),
        ([rule(100, "/*"), rule(97, "/alerts/old/*")], 99),
        ([rule(3, "/*")], 2),
        # Nothing shared: behind everybody.
        ([rule(100, "/maps/*"), rule(104, "/x/*")], 110),
        ([rule(50_000, "/maps/*")], 49_990),
    ],
)
def test_a_free_priority_that_keeps_the_order(rules: list[Rule], expected: int) -> None:
    assert routing.priority(OURS, rules) == expected


@pytest.mark.parametrize(
    ("rules", "wanted", "said"),
    [
        ([rule(100, "/alerts", "/alerts/*")], None, "has the same addresses"),
        ([rule(100, "/alerts")], None, "has the same addresses"),
        ([rule(100, "/*/new")], None, "has some of these addresses"),
        ([rule(1, "/*")], None, "no ListenerPriority is free from 1 to 0"),
        ([rule(5, "/*"), rule(4, "/alerts/old/*")], None, "no ListenerPriority is free from 5 to 4"),
        ([rule(5, "/*"), rule(3, "/alerts/old"), rule(4, "/x")], None, "no ListenerPriority is free from 4 to 4"),
        ([rule(100, "/*")], 100, r"ListenerPriority 100 belongs to weather \(staging, priority 100, /\*\)"),
        ([rule(100, "/*")], 101, r"weather \(staging, priority 100, /\*\) would take every request"),
        ([rule(100, "/alerts/old")], 99, r"it would take weather \(staging, priority 100, /alerts/old\)'s requests"),
        ([], 0, "ListenerPriority 0 is not from 1 to 50000"),
        ([], 50_001, "ListenerPriority 50001 is not from 1 to 50000"),
    ],
)
def test_what_cannot_be_placed(rules: list[Rule], wanted: int | None, said: str) -> None:
    with pytest.raises(GitopsError, match=said):
        routing.priority(OURS, rules, wanted)


@pytest.mark.parametrize("wanted", [1, 42, 99])
def test_a_wanted_priority_that_is_free_is_taken(wanted: int) -> None:
    assert routing.priority(OURS, [rule(100, "/*")], wanted) == wanted


@pytest.mark.parametrize(("path", "prefix"), [("/alerts/*", "/alerts"), ("/v2/wind-alerts/*", "/v2/wind-alerts")])
def test_a_folder(path: str, prefix: str) -> None:
    assert routing.prefix(path) == prefix


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/*",
        "alerts/*",
        "/alerts",
        "/alerts/",
        "/a*/*",
        "/a?/*",
        "/../*",
        "/a b/*",
        "/a,b/*",
        f"/{'a' * 126}/*",
    ],
)
def test_no_folder(path: str) -> None:
    with pytest.raises(GitopsError, match="is not a folder of the load balancer"):
        routing.prefix(path)


@pytest.mark.parametrize("path", ["/health/*", "/static/*", "/static/deep/*"])
def test_a_folder_that_every_service_answers(path: str) -> None:
    with pytest.raises(GitopsError, match="belongs to the services that are there"):
        routing.prefix(path)
