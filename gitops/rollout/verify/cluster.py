"""Whether the environment's cluster takes services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitops.environments import Environment
from gitops.rollout.verify.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def cluster(ecs: ECSClient, environment: Environment) -> list[Failure]:
    """A failure unless the cluster exists and is ACTIVE."""
    name = environment.cluster
    apply = f"gitops apply {environment.environment} --stack platform"
    # A missing one is listed under failures; one that was deleted is described as INACTIVE for a while.
    found = ecs.describe_clusters(clusters=[name])["clusters"]
    status = found[0].get("status", "") if found else ""
    if status == "ACTIVE":
        return []
    if status:
        return [Failure(f"the cluster {name} is {status}", apply)]
    return [Failure(f"there is no cluster {name}", apply, coming=True)]
