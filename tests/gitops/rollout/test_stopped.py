"""Stopped tasks: whose they are, what stopped them, what they have in common."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.rollout import stopped
from tests.gitops.rollout.described import NEW, OLD, TARGET


def described(number: int = 1, **changes: Any) -> dict[str, Any]:
    container = {"name": "app", "lastStatus": "STOPPED", "exitCode": 1}
    return {
        "taskArn": f"arn:aws:ecs:eu-west-2:1:task/demo/t{number}",
        "taskDefinitionArn": NEW,
        "startedBy": "ecs-svc/new",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [container],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"startedBy": "app"}, True),
        ({"startedBy": "ecs-svc/other"}, False),
        ({"taskDefinitionArn": OLD}, False),
        ({"startedBy": "app", "taskDefinitionArn": OLD}, False),
        ({"stoppedReason": "Scaling activity initiated by (deployment ecs-svc/new)"}, False),
    ],
)
def test_only_our_own_failures_count(changes: dict[str, Any], expected: bool) -> None:
    assert stopped.is_ours(described(**changes), TARGET, "app") is expected


def test_the_container_that_failed_is_named_and_not_its_sidecar() -> None:
    containers = [{"name": "proxy", "exitCode": 0}, {"name": "app", "exitCode": 137, "reason": "OutOfMemoryError"}]
    one = stopped.task(described(containers=containers))
    assert (one.id, one.container, one.exit_code) == ("t1", "app", 137)
    assert stopped.group([one])[0].cause == "app ran out of memory (exit code 137)"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (
            {"containers": [{"name": "app", "exitCode": 137}]},
            "app was killed with exit code 137 (SIGKILL: out of memory, or still running at its stopTimeout)",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 143}], "stoppedReason": "Task failed ELB health checks in (x)"},
            "app failed the load balancer's health checks",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 0}], "stoppedReason": "Task failed container health checks"},
            "app failed its own health checks",
        ),
        ({"stoppedReason": "OutOfMemoryError: Container killed"}, "app ran out of memory (exit code 1)"),
        (
            {"containers": [{"name": "app", "reason": "CannotPullContainerError: no"}]},
            "app: CannotPullContainerError: no",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 0}]},
            "app exited with code 0, and a service's container must not exit",
        ),
        ({"containers": [], "stopCode": "TaskFailedToStart", "stoppedReason": "no secret"}, "no secret"),
        ({"containers": [{"name": "app"}], "stopCode": "TaskFailedToStart", "stoppedReason": ""}, "TaskFailedToStart"),
        ({"containers": [], "stopCode": "", "stoppedReason": ""}, "ECS gives no reason"),
    ],
)
def test_the_cause_is_the_most_exact_one_there_is(changes: dict[str, Any], cause: str) -> None:
    assert stopped.group([stopped.task(described(**changes))])[0].cause == cause


def test_tasks_that_stopped_alike_are_one_group_the_largest_first() -> None:
    alike = [stopped.task(described(n, stoppedReason=f"task t{n} failed ELB health checks")) for n in (1, 2, 3)]
    other = stopped.task(described(4, containers=[{"name": "app", "exitCode": 137}]))
    groups = stopped.group([other, *alike])
    assert [(one.count, one.example.exit_code) for one in groups] == [(3, 1), (1, 137)]


def test_how_unhealthy_tasks_obeyed_their_end_does_not_part_them() -> None:
    tasks = [
        stopped.task(described(n, stoppedReason="Task failed ELB health checks", containers=[container]))
        for n, container in enumerate(
            [{"name": "app", "exitCode": 0}, {"name": "app", "exitCode": 137}, {"name": "app"}]
        )
    ]
    assert [one.count for one in stopped.group(tasks)] == [3]


def test_the_address_is_that_of_the_tasks_interface() -> None:
    details = [{"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": "10.0.0.9"}]
    assert stopped.task(described(attachments=[{"details": details}])).address == "10.0.0.9"
    assert stopped.task(described()).address == ""
