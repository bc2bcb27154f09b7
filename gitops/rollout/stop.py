"""Stops the deployment in flight, so that ECS itself goes back: the quickest way to what served before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.rollout.observation import Deployment, Observation

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_ecs.literals import ServiceDeploymentStatusType

_STOPPABLE: tuple[ServiceDeploymentStatusType, ...] = ("PENDING", "IN_PROGRESS")
_STOPPING: tuple[ServiceDeploymentStatusType, ...] = ("STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
# The API is not there or not allowed; the deployment has ended meanwhile; it is the first, with nothing before it.
_CANNOT = {
    "AccessDeniedException",
    "InvalidAction",
    "UnknownOperationException",
    "UnsupportedFeatureException",
    "ConflictException",
    "ServiceDeploymentNotFoundException",
    "InvalidParameterException",
}


@dataclass(frozen=True)
class Leaving:
    """The deployment in flight, what served before it, and whether ECS goes back by itself already."""

    bad: Deployment
    good: Deployment
    rolls_back: bool = False


def in_flight(seen: Observation) -> Leaving | None:
    """What a stop would leave and go back to; None when nothing is in flight or nothing is before it."""
    primary = seen.primary
    if primary is None or primary.state != "IN_PROGRESS":
        return None
    others = [one for one in seen.deployments if one.id != primary.id and one.revision != primary.revision]
    failed = next((one for one in others if one.state == "FAILED" and one.created > primary.created), None)
    if failed is not None:
        return Leaving(failed, primary, rolls_back=True)
    good = next((one for one in others if one.state == "COMPLETED"), None)
    return Leaving(primary, good) if good is not None else None


def stop(ecs: ECSClient, cluster: str, service: str) -> str:
    """Have ECS stop the deployment in flight and roll it back; why it cannot, "" when it does.

    docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
    Raises ClientError for what says neither.
    """
    try:
        listed = ecs.list_service_deployments(cluster=cluster, service=service, status=[*_STOPPABLE, *_STOPPING])
        if not listed["serviceDeployments"]:
            return "ECS names no service deployment in flight"
        newest = max(listed["serviceDeployments"], key=lambda one: one["createdAt"])
        if newest.get("status") in _STOPPABLE:
            ecs.stop_service_deployment(serviceDeploymentArn=newest["serviceDeploymentArn"], stopType="ROLLBACK")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CANNOT:
            raise
        return f"{error.operation_name} answered {error.response['Error']['Code']}"
    return ""


def was_rolled_back(ecs: ECSClient, cluster: str, service: str, revision: str) -> bool:
    """Whether the service's last deployment was of a revision and was rolled back; False where nobody can tell."""
    try:
        listed = ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        if not listed:
            return False
        newest = max(listed, key=lambda one: one["createdAt"])
        arn = newest.get("targetServiceRevisionArn")
        if newest.get("status") != "ROLLBACK_SUCCESSFUL" or not arn:
            return False
        described = ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CANNOT:
            raise
        return False
    return any(one.get("taskDefinition") == revision for one in described)
