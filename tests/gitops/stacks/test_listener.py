"""Addresses and priorities: a new rule neither takes another's requests nor loses its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks import listener
from gitops.stacks.listener import Rule, covers, meet
from tests.gitops.conftest import ENVIRONMENT, write

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
    ("rules", "least", "most"),
    [
        ([], 10, 50_000),
        ([rule(100, "/*")], 10, 90),
        ([rule(100, "/*"), rule(90, "/maps/*")], 10, 80),
        # In two environments alike; in one, another number is taken.
        ([rule(100, "/*"), Rule("weather", "production", 30, ("/*",)), Rule("x", "production", 20, ("/x",))], 10, 10),
        # Behind what holds a part of ours, before what holds all of it.
        ([rule(100, "/*"), rule(40, "/alerts/old/*")], 50, 90),
        ([rule(100, "/*"), rule(97, "/alerts/old/*")], 98, 99),
        ([rule(3, "/*"), rule(1, "/x")], 2, 2),
        ([rule(49_990, "/alerts/old")], 50_000, 50_000),
    ],
)
@pytest.mark.parametrize("name", ["alerts", "maps", "a1-b2-c3"])
def test_a_free_priority_that_keeps_the_order(rules: list[Rule], least: int, most: int, name: str) -> None:
    found = listener.priority(name, OURS, rules)
    assert least <= found <= most
    assert found not in [rule.priority for rule in rules]
    assert found == listener.priority(name, OURS, rules)
    assert found % 10 == 0 or most - least < 10


def test_two_branches_that_each_add_a_service_choose_differently() -> None:
    names = [f"service-{number}" for number in range(30)]
    chosen = [listener.priority(name, (f"/{name}", f"/{name}/*"), [rule(10_000, "/*")]) for name in names]
    # By chance two of thirty may meet: gitops render then says so, and which number is free.
    assert len(set(chosen)) >= len(names) - 1


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([rule(100, "/*"), rule(90, "/maps/*", service="maps")], []),
        ([rule(100, "/*"), Rule("maps", "production", 100, ("/maps/*",))], []),
        (
            [rule(100, "/maps/*", service="maps"), rule(100, "/news/*", service="news")],
            [r"staging/news\.yaml: ListenerPriority 100 belongs to maps too, and \d+ is free"],
        ),
        # No number would do: addresses that cross another's.
        (
            [rule(100, "/a/*", service="a"), rule(100, "/*/b", service="b")],
            [r"staging/b\.yaml: ListenerPriority 100 belongs to a too$"],
        ),
        (
            [rule(10, "/*"), rule(90, "/maps", "/maps/*", service="maps")],
            [r"staging/maps\.yaml: weather \(staging, priority 10, /\*\) takes every request to /maps and /maps/\*"],
        ),
    ],
)
def test_what_gets_no_requests_or_has_another_s_number_is_named(rules: list[Rule], said: list[str]) -> None:
    found = listener.problems(rules)
    assert len(found) == len(said)
    assert all(re.search(pattern, line) for pattern, line in zip(said, found, strict=True)), found


@pytest.mark.parametrize(("default", "patterns"), [("", ("/*",)), ("/all/*", ("/all/*",))])
def test_rules_are_read_from_the_services_files(tmp_path: Path, default: str, patterns: tuple[str, ...]) -> None:
    if default:
        parameter = f"{{PathPatterns: {{Type: CommaDelimitedList, Default: {default}}}}}"
        text = f"Parameters: {parameter}\nResources: {{A: {{Type: B}}}}\n"
        write(tmp_path / "infra/cloudformation/service.yaml", text)
    write(tmp_path / "infra/environments/staging.yaml", ENVIRONMENT.format(name="staging", account="1" * 12))
    write(tmp_path / "infra/environments/staging/app.yaml", "parameters: {ListenerPriority: '7'}")
    write(tmp_path / "infra/environments/staging/none.yaml", "{}")
    write(
        tmp_path / "infra/environments/staging/maps.yaml",
        "parameters: {ListenerPriority: '8', PathPatterns: '/m, /m/*'}",
    )
    known = environments.load_all(Checkout(tmp_path))
    assert listener.rules(Checkout(tmp_path), known) == [
        Rule("app", "staging", 7, patterns),
        Rule("maps", "staging", 8, ("/m", "/m/*")),
    ]


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
        listener.priority("alerts", OURS, rules, wanted)


@pytest.mark.parametrize("wanted", [1, 42, 99])
def test_a_wanted_priority_that_is_free_is_taken(wanted: int) -> None:
    assert listener.priority("alerts", OURS, [rule(100, "/*")], wanted) == wanted


@pytest.mark.parametrize(("path", "prefix"), [("/alerts/*", "/alerts"), ("/v2/wind-alerts/*", "/v2/wind-alerts")])
def test_a_folder(path: str, prefix: str) -> None:
    assert listener.prefix(path) == prefix


NO_FOLDERS = "/ /* alerts/* /alerts /alerts/ /a*/* /a?/* /../* /a,b/*"


@pytest.mark.parametrize("path", ["", "/a b/*", f"/{'a' * 126}/*", *NO_FOLDERS.split()])
def test_no_folder(path: str) -> None:
    with pytest.raises(GitopsError, match="is not a folder of the load balancer"):
        listener.prefix(path)


@pytest.mark.parametrize("path", ["/health/*", "/static/*", "/static/deep/*"])
def test_a_folder_that_every_service_answers(path: str) -> None:
    with pytest.raises(GitopsError, match="belongs to the services that are there"):
        listener.prefix(path)
