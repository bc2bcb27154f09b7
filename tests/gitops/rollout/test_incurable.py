"""Causes that no further try heals, told apart from those that a moment may heal."""

from __future__ import annotations

import pytest

from gitops.rollout.incurable import incurable, stop
from gitops.rollout.stopped import StoppedTask
from tests.gitops.rollout.stubbed import StubbedSession

ARN = "arn:aws:ecs:eu-west-2:1:service-deployment/demo/app/1"


def not_started(reason: str, exit_code: int | None = None, container_reason: str = "") -> StoppedTask:
    return StoppedTask("t1", "TaskFailedToStart", reason, "app", exit_code, container_reason)


@pytest.mark.parametrize(
    "task",
    [
        not_started("CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"),
        not_started("Task failed to start", container_reason="CannotPullContainerError: denied"),
        not_started("ResourceInitializationError: unable to retrieve secrets: invalid ssm parameters: /app/KEY"),
        not_started("ResourceInitializationError: AccessDeniedException: User is not authorized"),
        not_started("CannotCreateContainerError: no such command"),
    ],
)
def test_what_no_try_heals(task: StoppedTask) -> None:
    assert incurable([task])


@pytest.mark.parametrize(
    "task",
    [
        not_started("CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout"),
        not_started("ResourceInitializationError: unable to pull secrets: context deadline exceeded"),
        not_started("ResourceInitializationError: ThrottlingException: Rate exceeded"),
        not_started("Essential container in task exited", exit_code=1),
        # The code called AWS and was refused: it ran, and its own exit code says so.
        not_started("AccessDenied", exit_code=3),
        not_started("Task failed ELB health checks in (target-group x)"),
    ],
)
def test_what_another_try_may_heal(task: StoppedTask) -> None:
    assert incurable([task]) == ""


def test_a_deployment_is_stopped_with_rollback() -> None:
    with StubbedSession() as session:
        expected = {"serviceDeploymentArn": ARN, "stopType": "ROLLBACK"}
        session.answers("ecs").add_response("stop_service_deployment", {"serviceDeploymentArn": ARN}, expected)
        assert stop(session.client("ecs"), ARN) == ""


def test_why_it_cannot_be_stopped_is_said() -> None:
    with StubbedSession() as session:
        session.answers("ecs").add_client_error("stop_service_deployment", "AccessDeniedException")
        assert stop(session.client("ecs"), ARN) == "StopServiceDeployment answered AccessDeniedException"
        assert stop(session.client("ecs"), "") == "ECS does not name its service deployment"
