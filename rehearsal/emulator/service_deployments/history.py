"""Keeps what ministack forgets: every service deployment of a service, with the revision it deploys."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator.service_deployments.progress import Progress, Seen, advanced, begun

Record = dict[str, Any]
# What a service revision records of its service.
SNAPSHOT = (
    "serviceArn",
    "clusterArn",
    "taskDefinition",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
)


@dataclass
class ServiceDeployment:
    """One service deployment; ``deployment`` is ministack's own record, which it goes on changing."""

    arn: str
    revision_arn: str
    # The service as it was: a revision never changes.
    revision: Record
    deployment: Record
    sources: tuple[ServiceDeployment, ...]
    progress: Progress
    # Tasks of each revision (by its ARN) when the service deployment ended, and how many had failed.
    last_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    last_failures: int | None = None


class History:
    """All service deployments by the ARN of their service, the oldest first."""

    def __init__(self) -> None:
        self._services: dict[str, list[ServiceDeployment]] = {}
        self._lock = threading.RLock()

    def install(self) -> None:
        """Look at a service whenever ministack may have changed it."""
        from ministack.services import ecs

        reconcile, complete, failure, refresh = (
            ecs._reconcile_service_tasks,
            ecs._complete_service_deployment,
            ecs._record_service_task_failure,
            ecs._refresh_service_state,
        )

        def reconcile_service_tasks(cluster_name: str, svc_key: str) -> None:
            # Before: a new deployment is recorded before its first task exists.
            self.look(svc_key)
            reconcile(cluster_name, svc_key)
            self.look(svc_key)

        def complete_service_deployment(
            cluster_name: str, svc_key: str, expected_deployment_id: str | None = None
        ) -> None:
            complete(cluster_name, svc_key, expected_deployment_id)
            self.look(svc_key)

        def record_service_task_failure(task: Record, digest_resolution_failed: bool = False) -> None:
            failure(task, digest_resolution_failed)
            cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
            self.look(f"{cluster}/{str(task.get('group', '')).removeprefix('service:')}")

        def refresh_service_state(cluster_name: str, group: str) -> None:
            refresh(cluster_name, group)
            self.look(f"{cluster_name}/{(group or '').removeprefix('service:')}")

        ecs._reconcile_service_tasks = reconcile_service_tasks
        ecs._complete_service_deployment = complete_service_deployment
        ecs._record_service_task_failure = record_service_task_failure
        ecs._refresh_service_state = refresh_service_state

    def of(self, service_arn: str) -> list[ServiceDeployment]:
        """The service deployments of a service, the oldest first."""
        with self._lock:
            return list(self._services.get(service_arn, ()))

    def find(self, arn: str) -> ServiceDeployment | None:
        """The service deployment with this ARN, or with the service revision of this ARN."""
        with self._lock:
            return next(
                (one for service in self._services.values() for one in service if arn in (one.arn, one.revision_arn)),
                None,
            )

    def look(self, svc_key: str) -> None:
        """Record what is new of the service ``cluster/name`` and how far its deployments are."""
        from ministack.core.concurrency import resource_lock
        from ministack.services import ecs

        service = ecs._services.get(svc_key)
        if service is None:
            return
        # ministack changes two deployments at once under this lock; half of that would be misread.
        with resource_lock("ecs-service", svc_key), self._lock:
            self._look(service)

    def _look(self, service: Record) -> None:
        arn = service["serviceArn"]
        if service["status"] != "ACTIVE":
            # "When you delete a service, Amazon ECS deletes the service deployments."
            self._services.pop(arn, None)
            return
        known = self._services.setdefault(arn, [])
        recorded = {id(one.deployment) for one in known}
        for deployment in reversed(service["deployments"]):
            if id(deployment) not in recorded:
                known.append(_recorded(service, deployment, known))
        primary = next((d for d in service["deployments"] if d["status"] == "PRIMARY"), None)
        at = next((index for index, one in enumerate(known) if one.deployment is primary), None)
        if at is None:
            return
        for index, one in enumerate(known):
            if one.progress.open:
                one.progress = advanced(one.progress, _seen(one, index, known[at], at), time.time())
                if not one.progress.open:
                    one.last_counts = {each.revision_arn: counts(each.deployment) for each in (one, *one.sources)}
                    one.last_failures = failures(one.deployment)
        # DescribeServices and UpdateService answer these two as well.
        service["currentServiceDeployment"] = known[-1].arn
        service["currentServiceRevisions"] = [
            {"arn": one.revision_arn, **counts(one.deployment)} for one in known if _among(service, one.deployment)
        ]


def counts(deployment: Mapping[str, Any]) -> dict[str, int]:
    """Requested, running and pending tasks of a deployment, as a service revision's summary names them."""
    return {
        "requestedTaskCount": deployment["desiredCount"],
        "runningTaskCount": deployment["runningCount"],
        "pendingTaskCount": deployment["pendingCount"],
    }


def failures(deployment: Mapping[str, Any]) -> int:
    """How many of its tasks the circuit breaker has counted as failed."""
    return int(deployment.get("failedTasks", 0))


def _among(service: Record, deployment: Record) -> bool:
    return any(deployment is one for one in service["deployments"])


def _recorded(service: Record, deployment: Record, known: list[ServiceDeployment]) -> ServiceDeployment:
    path = service["serviceArn"].replace(":service/", ":{}/", 1)
    # "The currently deployed workload configuration."
    sources = tuple(one for one in known if _among(service, one.deployment))
    now = time.time()
    revision = {key: service[key] for key in SNAPSHOT if service.get(key)}
    return ServiceDeployment(
        arn=f"{path.format('service-deployment')}/{secrets.token_urlsafe(16)[:21]}",
        revision_arn=f"{path.format('service-revision')}/{secrets.randbelow(9 * 10**18) + 10**18}",
        revision={**revision, "taskDefinition": deployment["taskDefinition"], "createdAt": now},
        deployment=deployment,
        sources=sources,
        progress=begun(now),
    )


def _seen(ours: ServiceDeployment, index: int, primary: ServiceDeployment, at: int) -> Seen:
    from ministack.services import ecs

    identity = ours.deployment["id"]
    return Seen(
        state=ours.deployment["rolloutState"],
        has_tasks=any(task.get("_deployment_id") == identity for task in list(ecs._tasks.values())),
        primary="ours" if index == at else "newer" if at > index else "older",
        primary_state=primary.deployment["rolloutState"],
        primary_revision=primary.revision_arn,
    )
