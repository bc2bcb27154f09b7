"""Starts and stops the tasks of a service as ``replicas`` decides, in the place of ministack's own rule.

ministack stops an unhealthy task before it starts another, empties a service whose
deployment failed, and may stop healthy tasks while unhealthy ones are there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rehearsal.emulator.scheduler.replicas import Replica, Step, Wanted, step
from rehearsal.emulator.scheduler.stopping import Stopping, Task

# The reason for which an unhealthy task is to be replaced, on the task itself.
FAILING = "_failing"


class Reconciling:
    """Brings the tasks of a service nearer to what it asks for; ``passed`` tells whether a running one is healthy."""

    def __init__(self, passed: Callable[[str, Task], bool], stopping: Stopping) -> None:
        self._passed = passed
        self._stopping = stopping
        # Two at once would both start what is missing.
        self._lock = threading.RLock()

    def install(self) -> None:
        """Take the place of ministack's scheduler."""
        from ministack.services import ecs

        ecs._reconcile_service_tasks = self.reconcile

    def reconcile(self, cluster_name: str, svc_key: str) -> None:
        """Do the next step for the service ``cluster/name``."""
        from ministack.services import ecs

        service = ecs._services.get(svc_key)
        primary = ecs._primary_deployment(service) if service and service["status"] == "ACTIVE" else None
        if primary is None:
            return
        with self._lock:
            tasks = _active(service)
            self._do(service, primary, step(_wanted(service, primary), self._replicas(svc_key, tasks, primary)))
        ecs._refresh_service_state(cluster_name, f"service:{service['serviceName']}")
        ecs._recount_cluster(cluster_name)
        if service["desiredCount"] == 0:
            # No task will turn healthy and complete it.
            ecs._complete_service_deployment(cluster_name, svc_key)

    def _replicas(self, svc_key: str, tasks: dict[str, Task], primary: dict[str, Any]) -> list[Replica]:
        return [
            Replica(
                arn,
                current=task.get("_deployment_id") == primary["id"],
                healthy=task["lastStatus"] == "RUNNING" and FAILING not in task and self._passed(svc_key, task),
                failing=FAILING in task,
                created=task["createdAt"],
            )
            for arn, task in tasks.items()
        ]

    def _do(self, service: dict[str, Any], primary: dict[str, Any], decided: Step) -> None:
        from ministack.services import ecs

        for arn in decided.stop:
            task = ecs._tasks[arn]
            scaling = f"Scaling activity initiated by (deployment {task['_deployment_id']})"
            self._stopping.begin(task, task.get(FAILING, scaling), "ServiceSchedulerInitiated")
        if decided.start:
            ecs._run_task(
                {
                    "cluster": ecs._cluster_name_from_arn(service["clusterArn"]),
                    "taskDefinition": primary["taskDefinition"],
                    "count": decided.start,
                    "group": f"service:{service['serviceName']}",
                    "launchType": service.get("launchType"),
                    "capacityProviderStrategy": service.get("capacityProviderStrategy"),
                    "platformVersion": service.get("platformVersion", ""),
                    "networkConfiguration": service.get("networkConfiguration", {}),
                    "enableExecuteCommand": service.get("enableExecuteCommand", False),
                    "_deploymentId": primary["id"],
                }
            )


def _active(service: dict[str, Any]) -> dict[str, Task]:
    from ministack.services import ecs

    group = f"service:{service['serviceName']}"
    return {
        arn: task
        for arn, task in list(ecs._tasks.items())
        if task.get("group") == group
        and task.get("clusterArn") == service["clusterArn"]
        and ecs._task_is_active(arn, task)
    }


def _wanted(service: dict[str, Any], primary: dict[str, Any]) -> Wanted:
    from ministack.services import ecs

    configuration = service.get("deploymentConfiguration") or {}
    definition = ecs._task_defs.get(ecs._resolve_td_key(primary["taskDefinition"])) or {}
    return Wanted(
        desired=service["desiredCount"],
        maximum_percent=int(configuration.get("maximumPercent", 200)),
        minimum_percent=int(configuration.get("minimumHealthyPercent", 100)),
        state=primary["rolloutState"],
        one_first=bool(ecs._deployment_needs_first_task(primary, definition, service)),
    )
