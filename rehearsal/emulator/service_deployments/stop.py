"""StopServiceDeployment: back to what ran before, also where no circuit breaker would go back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html
"""

from __future__ import annotations

import time
from typing import Any, Final

from rehearsal.emulator.service_deployments.history import History, ServiceDeployment
from rehearsal.emulator.service_deployments.progress import Progress, requested

# "PENDING - The service deployment moves to the ROLLBACK_REQUESTED state", and so does IN_PROGRESS. In the
# other open states it continues to stop or to roll back.
STOPPABLE: Final = ("PENDING", "IN_PROGRESS")
Problem = tuple[str, str]


def problem(progress: Progress, kind: str) -> Problem | None:
    """Why ECS refuses to stop it, as code and message; ``kind`` is the call's stopType."""
    if kind != "ROLLBACK":
        # The model has ABORT too; the reference says: "The valid values are ROLLBACK."
        return "InvalidParameterException", "The valid values of stopType are ROLLBACK."
    if not progress.open:
        return "ConflictException", f"The service deployment is {progress.status} already."
    return None


def roll_back(history: History, one: ServiceDeployment, service: dict[str, Any]) -> Problem | None:
    """Make the last completed deployment the PRIMARY one again; code and message where there is none."""
    from ministack.core.concurrency import resource_lock
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ecs

    cluster, name = ecs._cluster_name_from_arn(service["clusterArn"]), service["serviceName"]
    key = f"{cluster}/{name}"
    with resource_lock("ecs-service", key):
        ours = one.deployment
        if ours["status"] != "PRIMARY" or ours["rolloutState"] != "IN_PROGRESS":
            return "ConflictException", "The service deployment has ended meanwhile."
        before = next((d for d in service["deployments"] if d["rolloutState"] == "COMPLETED"), None)
        source = next((s for s in history.of(service["serviceArn"]) if s.deployment is before), None)
        if before is None or source is None:
            return "InvalidParameterException", "There is no service revision to roll back to."
        one.progress = requested(one.progress, source.revision_arn, time.time())
        ours.update(
            status="ACTIVE",
            desiredCount=0,
            rolloutState="FAILED",
            rolloutStateReason="ECS deployment was stopped and is rolling back.",
        )
        before.update(
            status="PRIMARY",
            desiredCount=service["desiredCount"],
            rolloutState="IN_PROGRESS",
            rolloutStateReason="ECS deployment rollback in progress.",
        )
        service["taskDefinition"] = before["taskDefinition"]
    ecs._reconcile_service_tasks(cluster, key)
    ecs._schedule_service_deployment_completion(cluster, key, get_account_id(), get_region())
    return None
