"""Causes that no further try heals, and what is done about them: the deployment is stopped with rollback.

ECS's breaker would try such a task at least three times, minutes apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gitops.rollout.stopped import StoppedTask, group

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

# How ECS begins the reason of a task that could not be started (stopped-task-error-codes in its guide).
_NEVER_HEALS = (
    "CannotPullContainerError",
    "CannotPullImageManifestError",
    "CannotCreateContainerError",
    "ResourceInitializationError",
    "AccessDenied",
)
# The same beginnings, where the network or the service at the other end was at fault for a moment.
_MAY_HEAL = ("timeout", "timed out", "deadline exceeded", "connection reset", "throttl", "too many requests")


def incurable(tasks: Iterable[StoppedTask]) -> str:
    """The cause that ends the wait; "" while another try may succeed."""
    for one in group(tasks):
        text = f"{one.example.reason} {one.example.container_reason}"
        heals = any(word in text.lower() for word in _MAY_HEAL)
        # A task that ran and exited has another cause, whatever its log says.
        if one.example.exit_code is None and not heals and any(word in text for word in _NEVER_HEALS):
            return one.cause
    return ""


def stop(ecs: ECSClient, deployment_arn: str) -> str:
    """Have ECS stop a service deployment and roll back now; why it could not be, "" when it was.

    docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
    """
    if not deployment_arn:
        return "ECS does not name its service deployment"
    try:
        ecs.stop_service_deployment(serviceDeploymentArn=deployment_arn, stopType="ROLLBACK")
    except ClientError as error:
        return f"{error.operation_name} answered {error.response['Error']['Code']}"
    except BotoCoreError as error:
        return str(error)
    return ""
