"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rehearsal.emulator.scheduler.container_health import ContainerCheck, Health, Status, checked, of_task, started

CHECK = ContainerCheck(("true",), interval=20, timeout=5, retries=3, start_period=10)


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (["CMD", "curl", "-f"], ("curl", "-f")),
        (["CMD-SHELL", "curl -f || exit 1"], ("/bin/sh", "-c", "curl -f || exit 1")),
        (["curl", "-f"], ("curl", "-f")),
    ],
)
def test_a_command_is_read_with_the_defaults_of_ecs(given: list[str], command: tuple[str, ...]) -> None:
    check = ContainerCheck.of({"healthCheck": {"command": given}})
    assert check == ContainerCheck(command, interval=30, timeout=5, retries=3, start_period=0)


def test_a_container_without_a_check_has_none() -> None:
    assert ContainerCheck.of({}) is None
    assert ContainerCheck.of({"healthCheck": {"command": ["NONE"]}}) is None


@pytest.mark.parametrize(
    ("before", "passed", "now", "after"),
    [
        # A new one is healthy after one pass, and asked often until then.
        (started(0), True, 1, Health("HEALTHY", 0, 21)),
        (started(0), False, 1, Health("UNKNOWN", 0, 1.5)),
        # It has startPeriod and then retries times interval.
        (started(0), False, 69.9, Health("UNKNOWN", 0, 70.4)),
        (started(0), False, 70, Health("UNHEALTHY", 0, 90)),
        # Later it takes retries in a row.
        (Health("HEALTHY", 0, 100), False, 100, Health("HEALTHY", 0, 120, failures=1)),
        (Health("HEALTHY", 0, 100, failures=2), False, 100, Health("UNHEALTHY", 0, 120, failures=3)),
        (Health("HEALTHY", 0, 100, failures=2), True, 100, Health("HEALTHY", 0, 120)),
        (Health("UNHEALTHY", 0, 100, failures=3), True, 100, Health("HEALTHY", 0, 120)),
        (Health("UNHEALTHY", 0, 100, failures=3), False, 100, Health("UNHEALTHY", 0, 120, failures=4)),
    ],
)
def test_what_a_check_makes_of_a_container(before: Health, passed: bool, now: float, after: Health) -> None:
    assert checked(before, CHECK, passed, now) == after


def test_one_retry_makes_the_first_failure_count() -> None:
    once = replace(CHECK, retries=1)
    assert checked(Health("HEALTHY", 0, 100), once, False, 100).status == "UNHEALTHY"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["HEALTHY", "HEALTHY"], "HEALTHY"),
        (["HEALTHY", "UNKNOWN"], "UNKNOWN"),
        (["UNKNOWN", "UNHEALTHY"], "UNHEALTHY"),
        ([], "UNKNOWN"),
    ],
)
def test_a_task_is_as_healthy_as_its_essential_containers(statuses: list[Status], expected: Status) -> None:
    assert of_task(statuses) == expected
