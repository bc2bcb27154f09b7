from __future__ import annotations

import pytest

from rehearsal.emulator.scheduler.health import HealthCheck, Target, checked, registered

CHECK = HealthCheck("/health", interval=10, timeout=5, healthy_threshold=2, unhealthy_threshold=3, matcher="200")


def after(target: Target, *problems: str | None) -> Target:
    now = target.due
    for problem in problems:
        target = checked(target, CHECK, problem, now)
        now = target.due
    return target


def test_a_new_target_is_healthy_after_one_passed_check() -> None:
    assert after(registered(0), None).state == "healthy"


def test_a_new_target_that_fails_stays_initial_until_the_unhealthy_threshold_of_intervals() -> None:
    assert checked(registered(0), CHECK, "down", now=29.9).state == "initial"
    assert checked(registered(0), CHECK, "down", now=30).state == "unhealthy"


@pytest.mark.parametrize(
    ("problems", "state"),
    [
        (["down", "down"], "healthy"),
        (["down", "down", "down"], "unhealthy"),
        (["down", "down", None, "down", "down"], "healthy"),
        (["down", "down", "down", None], "unhealthy"),
        (["down", "down", "down", None, None], "healthy"),
        (["down", "down", "down", None, "down", None], "unhealthy"),
    ],
)
def test_later_the_groups_thresholds_decide(problems: list[str | None], state: str) -> None:
    assert after(registered(0), None, *problems).state == state


def test_an_unhealthy_target_says_why() -> None:
    assert after(registered(0), None, "down", "down", "codes: [500]").detail == "codes: [500]"


def test_a_draining_target_is_asked_no_more() -> None:
    draining = Target("draining", registered=0, due=0)
    assert checked(draining, CHECK, "down", now=100) is draining


def test_after_its_first_pass_a_target_is_asked_once_an_interval() -> None:
    assert checked(registered(0), CHECK, None, now=4).due == 14


@pytest.mark.parametrize(
    ("matcher", "status", "accepted"),
    [("200", 200, True), ("200", 204, False), ("200,202", 202, True), ("200-299", 250, True), ("200-299", 302, False)],
)
def test_the_matcher_of_the_group(matcher: str, status: int, accepted: bool) -> None:
    check = HealthCheck("/", 10, 5, 2, 2, matcher)
    assert check.accepts(status) is accepted
