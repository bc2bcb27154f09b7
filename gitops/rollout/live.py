"""What is live: a service as ECS describes it, and the revisions it runs, with their provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops.rollout import observation, provenance
from gitops.rollout.observation import Observation
from gitops.rollout.provenance import Provenance

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


@dataclass(frozen=True)
class Revision:
    """One revision of a task definition."""

    arn: str
    status: str
    image: str
    provenance: Provenance

    @property
    def name(self) -> str:
        """Family and number, as in ``weather-staging:7``."""
        return short_name(self.arn)


def short_name(revision_arn: str) -> str:
    """``weather-staging:7`` of a revision's ARN."""
    return revision_arn.rpartition("/")[2]


def service(ecs: ECSClient, cluster: str, name: str) -> Observation | None:
    """The service as ECS describes it, or None when there is no such service (or no cluster)."""
    try:
        answer = ecs.describe_services(cluster=cluster, services=[name])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ClusterNotFoundException":
            return None
        raise
    # A deleted service is described as INACTIVE for a while.
    described = [one for one in answer["services"] if one.get("status") != "INACTIVE"]
    return observation.service(described[0]) if described else None


def revision(ecs: ECSClient, arn: str, container: str) -> Revision:
    """One revision, with the image of a container of that name and the tags it was registered with."""
    answer = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    described: Any = answer["taskDefinition"]
    images = {one["name"]: one["image"] for one in described["containerDefinitions"]}
    return Revision(
        arn=described["taskDefinitionArn"],
        status=described.get("status", ""),
        image=images.get(container, ""),
        provenance=provenance.read(answer.get("tags", [])),
    )


def latest_active(ecs: ECSClient, family: str) -> str | None:
    """The ARN of a family's newest ACTIVE revision, which is what the service's stack means by the family."""
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE", sort="DESC")
    for page in pages:
        for arn in page["taskDefinitionArns"]:
            if short_name(arn).rpartition(":")[0] == family:
                return arn
    return None
