"""Takes failed revisions out of the way: the stack means a family's newest ACTIVE revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.rollout import history, live
from gitops.rollout.observation import Observation

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def is_in_use(seen: Observation, revision: str, failed_deployment: str) -> bool:
    """Whether a revision is what the service means or another deployment runs, the failed one apart."""
    return seen.revision == revision or any(
        one.revision == revision and one.id != failed_deployment for one in seen.deployments
    )


def abandoned(seen: Observation, failed: str, active: list[str]) -> list[str]:
    """The ACTIVE revisions between what the service means and one that failed.

    A deploy that was killed before it could clean up left them; were they to
    stay, the newest of them would be what the stack means.
    """
    between = range(_number(seen.revision) + 1, _number(failed))
    return [arn for arn in active if _number(arn) in between and not is_in_use(seen, arn, "")]


def retire(ecs: ECSClient, cluster: str, service: str, revision: str, failed_deployment: str) -> str:
    """Deregister a failed revision unless it is in use, and what was left of earlier ones; say what was done.

    A refusal is part of what is said and ends nothing: the verdict stands already.
    """
    name = live.short_name(revision)
    try:
        seen = live.service(ecs, cluster, service)
        if seen is not None and is_in_use(seen, revision, failed_deployment):
            return f"{name} stays registered: the service still means it"
        ecs.deregister_task_definition(taskDefinition=revision)
        active = list(history.arns(ecs, name.rpartition(":")[0], "ACTIVE"))
        left = abandoned(seen, revision, active) if seen is not None else []
        for arn in left:
            ecs.deregister_task_definition(taskDefinition=arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return (
            f"{name} is still the newest revision ({error.operation_name} answered {code}): "
            f"aws ecs deregister-task-definition --task-definition {name}"
        )
    if left:
        names = ", ".join(live.short_name(arn) for arn in left)
        return f"{name} and what was left before it ({names}) were deregistered, so a stack update cannot bring it back"
    return f"{name} was deregistered, so a stack update cannot bring it back"


def _number(revision: str) -> int:
    return int(revision.rpartition(":")[2])
