"""How a deployment begins and ends: with healthy targets, with its id on its tasks, and out of the list.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from rehearsal.emulator.scheduler import events
from rehearsal.emulator.scheduler.checking import ContainerChecks, checks
from rehearsal.emulator.scheduler.container_health import Status
from rehearsal.emulator.scheduler.health import State
from rehearsal.emulator.scheduler.reconciling import FAILING
from rehearsal.emulator.scheduler.stopping import Task
from rehearsal.emulator.scheduler.targets import Targets

# ECS starts a service's tasks more and more slowly when they keep failing (service-throttle-logic).
FREE_FAILURES = 10
LONGEST_PAUSE = 30.0


class Deployments:
    """Joins ministack's rolling update to the health of its targets."""

    def __init__(self, targets: Targets, containers: ContainerChecks) -> None:
        self.targets = targets
        self.containers = containers
        self._failures: Counter[str] = Counter()

    def install(self) -> None:
        """Replace the places where ministack decides that a deployment is done, or keeps it too long."""
        from ministack.services import ecs

        make, healthy = ecs._make_deployment, ecs._record_service_task_healthy
        complete, refresh, failure = (
            ecs._complete_service_deployment,
            ecs._refresh_service_state,
            ecs._record_service_task_failure,
        )

        def make_deployment(task_definition: str, desired_count: int, status: str = "PRIMARY") -> Any:  # noqa: ANN401
            deployment = make(task_definition, desired_count, status)
            # A new service is being deployed too, until its tasks are healthy.
            deployment["rolloutState"] = "IN_PROGRESS"
            deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
            return deployment

        def record_service_task_healthy(svc_key: str, task: Task) -> None:
            if self.passed(svc_key, task):
                self._failures.pop(svc_key, None)
                healthy(svc_key, task)

        def complete_service_deployment(
            cluster_name: str, svc_key: str, expected_deployment_id: str | None = None
        ) -> None:
            before = _rollout(svc_key)
            complete(cluster_name, svc_key, expected_deployment_id)
            if before == "IN_PROGRESS" and _rollout(svc_key) == "COMPLETED":
                events.tell(ecs._services[svc_key], events.STEADY)
            _drop_failed(svc_key)

        def refresh_service_state(cluster_name: str, group: str) -> None:
            refresh(cluster_name, group)
            _drop_failed(f"{cluster_name}/{(group or '').removeprefix('service:')}")

        def record_service_task_failure(task: Task, digest_resolution_failed: bool = False) -> None:
            key = _service_key(task)
            self._failures[key] += 1
            excess = self._failures[key] - FREE_FAILURES
            if excess > 0:
                time.sleep(min(2.0**excess, LONGEST_PAUSE))
            failure(task, digest_resolution_failed)

        ecs._make_deployment = make_deployment
        ecs._record_service_task_healthy = record_service_task_healthy
        ecs._complete_service_deployment = complete_service_deployment
        ecs._refresh_service_state = refresh_service_state
        ecs._record_service_task_failure = record_service_task_failure
        self.targets.listeners.append(self._target_changed)
        self.containers.listeners.append(self._container_changed)

    def passed(self, svc_key: str, task: Task) -> bool:
        """Whether a running task's containers are healthy, and it is in every target group of its service."""
        from ministack.services import alb, ecs

        if checks(task) and task["healthStatus"] != "HEALTHY":
            return False
        service = ecs._services.get(svc_key) or {}
        groups = [b["targetGroupArn"] for b in service.get("loadBalancers") or [] if b.get("targetGroupArn")]
        address = ecs._task_ip(task)
        return all(self.targets.state(group, address) == "healthy" for group in groups if address and group in alb._tgs)

    def _target_changed(self, group: str, address: str, state: State) -> None:
        from ministack.core.responses import request_scope
        from ministack.services import ecs

        _, _, _, region, account, _ = group.split(":", 5)
        with request_scope(account, region):
            task = next(
                (t for t in list(ecs._tasks.values()) if ecs._task_ip(t) == address and t["lastStatus"] == "RUNNING"),
                None,
            )
            if task is None:
                return
            if state == "healthy":
                _recovered(task)
            elif state == "unhealthy" and _replace(task, f"Task failed ELB health checks in (target-group {group})"):
                port, problem = self.targets.problem(group, address)
                task_id = task["taskArn"].rsplit("/", 1)[-1]
                events.tell(ecs._services[_service_key(task)], events.unhealthy(task_id, port, group, problem))

    def _container_changed(self, task: Task, status: Status) -> None:
        if not str(task.get("group", "")).startswith("service:"):
            return
        if status == "HEALTHY":
            _recovered(task)
        elif status == "UNHEALTHY":
            _replace(task, "Task failed container health checks")


def _replace(task: Task, reason: str) -> bool:
    """Have an unhealthy task replaced, unless it is new; false where that is so or under way already."""
    from ministack.core.concurrency import spawn_background
    from ministack.services import ecs

    if FAILING in task or _age(task) < _grace(_service_key(task)) or not ecs._task_is_active(task["taskArn"], task):
        return False
    task[FAILING] = reason
    task["_startup_stable"] = False
    # It may pause, and the checks of other tasks must not wait for that.
    spawn_background(ecs._record_service_task_failure, task, thread_name="task-replacement")
    return True


def _recovered(task: Task) -> None:
    """Let the scheduler look whether a task that turned healthy completes its deployment."""
    from ministack.services import ecs

    task.pop(FAILING, None)
    key, (_, _, _, region, account, _) = _service_key(task), task["taskArn"].split(":", 5)
    ecs._schedule_service_deployment_completion(key.split("/", 1)[0], key, account, region, healthy_task=task)


def _rollout(svc_key: str) -> str | None:
    """The rollout state of a service's PRIMARY deployment."""
    from ministack.services import ecs

    primary = ecs._primary_deployment(ecs._services.get(svc_key) or {})
    return primary["rolloutState"] if primary else None


def _drop_failed(svc_key: str) -> None:
    """A failed deployment leaves the list once the service is steady on another one."""
    from ministack.services import ecs

    service = ecs._services.get(svc_key)
    if service is None:
        return
    primary = ecs._primary_deployment(service)
    if primary is None or primary.get("rolloutState") != "COMPLETED":
        return
    service["deployments"] = [
        d
        for d in service["deployments"]
        if d is primary or d.get("rolloutState") != "FAILED" or d.get("runningCount") or d.get("pendingCount")
    ]


def _service_key(task: Task) -> str:
    from ministack.services import ecs

    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    return f"{cluster}/{str(task.get('group', '')).removeprefix('service:')}"


def _grace(svc_key: str) -> float:
    """Seconds after its start in which an unhealthy task is not replaced (healthCheckGracePeriodSeconds)."""
    from ministack.services import ecs

    return float((ecs._services.get(svc_key) or {}).get("healthCheckGracePeriodSeconds") or 0)


def _age(task: Task) -> float:
    from ministack.services import ecs

    return time.time() - float(ecs._ts_to_epoch(task.get("startedAt") or task["createdAt"]))
