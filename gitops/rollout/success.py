"""Writes on a revision that a deployment of it succeeded, which is what a rollback looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.rollout import live
from gitops.rollout.live import Revision
from gitops.rollout.observation import Observation
from gitops.rollout.provenance import SUCCEEDED, Provenance

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def is_steady(seen: Observation, revision: str) -> bool:
    """Whether ECS itself says that the service runs a revision, all of it, and nothing else."""
    primary = seen.primary
    return (
        primary is not None
        and primary.revision == revision
        and primary.state == "COMPLETED"
        and 0 < seen.desired <= primary.running
    )


def record(ecs: ECSClient, revision: Revision) -> str:
    """Tag a revision as one that succeeded, unless it is; what went wrong with that, "" when nothing did.

    A refusal ends nothing: the verdict stands, and a later deploy records it.
    """
    if revision.provenance.has_served:
        return ""
    tags = Provenance(verdict=SUCCEEDED).tags()
    try:
        ecs.tag_resource(resourceArn=revision.arn, tags=tags)  # type: ignore[arg-type]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return f"{live.short_name(revision.arn)} is not marked as good ({error.operation_name} answered {code})"
    return ""
