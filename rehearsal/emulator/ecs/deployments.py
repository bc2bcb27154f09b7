"""How a deployment begins, goes on and ends: its tasks, healthy targets, its id on its tasks, and out of the list.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, Final

from rehearsal.emulator.ecs import services
from rehearsal.emulator.ecs.container_health import ContainerChecks, Status, checks
from rehearsal.emulator.ecs.history import History
from rehearsal.emulator.ecs.replicas import Replica, Step, Wanted, step
from rehearsal.emulator.ecs.stopping import Stopping, Task
from rehearsal.emulator.elbv2.targets import State, Targets
from rehearsal.emulator.ministack import alb, concurrency, ecs, responses
from rehearsal.emulator.seams import original

# The reason for which an unhealthy task is to be replaced, on the task itself.
FAILING: Final = "_failing"
# ECS starts a service's tasks more and more slowly when they keep failing (service-throttle-logic).
FREE_FAILURES = 10
LONGEST_PAUSE = 30.0


class Deployments:
    """Joins ministack's rolling update to the health of targets and containers, and has the history look at each step.

    The methods with the names of ministack's functions stand in their places; each says in its order what it does.
    """

    def __init__(self, targets: Targets, containers: ContainerChecks, stopping: Stopping, history: History) -> None:
        self.targets = targets
        self.history = history
        self._stopping = stopping
        # By the service's ARN.
        self._failures: Counter[str] = Counter()
        # Two at once would both start what is missing.
        self._lock = threading.RLock()
        targets.listeners.append(self._target_changed)
        containers.listeners.append(self._container_changed)

    def make_deployment(self, task_definition: str, desired_count: int, status: str = "PRIMARY") -> Any:  # noqa: ANN401
        """A new service is being deployed too, until its tasks are healthy."""
        deployment = original("services.ecs", "_make_deployment")(task_definition, desired_count, status)
        deployment["rolloutState"] = "IN_PROGRESS"
        deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
        return deployment

    def reconcile_service_tasks(self, cluster_name: str, svc_key: str) -> None:
        """The next step for the service ``cluster/name``, looked at before: a deployment is recorded before its tasks.

        In the place of ministack's own rule, which stops an unhealthy task before it starts another, empties a
        service whose deployment failed, and may stop healthy tasks while unhealthy ones are there.
        """
        self.history.look(svc_key)
        self._reconcile(cluster_name, svc_key)
        self.history.look(svc_key)

    def record_service_task_healthy(self, svc_key: str, task: Task) -> None:
        """Only with healthy targets and containers; then failures begin anew."""
        if self.passed(svc_key, task):
            self._failures.pop((services.of_task(task) or {}).get("serviceArn", svc_key), None)
            original("services.ecs", "_record_service_task_healthy")(svc_key, task)

    def record_service_task_failure(self, task: Task, digest_resolution_failed: bool = False) -> None:
        """Pause where tasks keep failing, count the failure, look."""
        key = services.key_of(task)
        arn = (services.of_task(task) or {}).get("serviceArn", key)
        self._failures[arn] += 1
        excess = self._failures[arn] - FREE_FAILURES
        if excess > 0:
            time.sleep(min(2.0**excess, LONGEST_PAUSE))
        original("services.ecs", "_record_service_task_failure")(task, digest_resolution_failed)
        self.history.look(key)

    def complete_service_deployment(
        self, cluster_name: str, svc_key: str, expected_deployment_id: str | None = None
    ) -> None:
        """Complete, tell that it is steady, drop what failed before, look."""
        before = _rollout(svc_key)
        original("services.ecs", "_complete_service_deployment")(cluster_name, svc_key, expected_deployment_id)
        if before == "IN_PROGRESS" and _rollout(svc_key) == "COMPLETED":
            services.tell(ecs._services[svc_key], services.STEADY)
        _drop_failed(svc_key)
        self.history.look(svc_key)

    def refresh_service_state(self, cluster_name: str, group: str) -> None:
        """Count anew, drop what failed before, look."""
        key = f"{cluster_name}/{(group or '').removeprefix('service:')}"
        original("services.ecs", "_refresh_service_state")(cluster_name, group)
        _drop_failed(key)
        self.history.look(key)

    def passed(self, svc_key: str, task: Task) -> bool:
        """Whether a running task's containers are healthy, and it is in every target group of its service."""
        if checks(task) and task["healthStatus"] != "HEALTHY":
            return False
        service = ecs._services.get(svc_key) or {}
        groups = [b["targetGroupArn"] for b in service.get("loadBalancers") or [] if b.get("targetGroupArn")]
        address = ecs._task_ip(task)
        return all(self.targets.state(group, address) == "healthy" for group in groups if address and group in alb._tgs)

    def _target_changed(self, group: str, address: str, state: State) -> None:
        _, _, _, region, account, _ = group.split(":", 5)
        with responses.request_scope(account, region):
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
                services.tell(ecs._services[services.key_of(task)], services.unhealthy(task_id, port, group, problem))

    def _container_changed(self, task: Task, status: Status) -> None:
        if not str(task.get("group", "")).startswith("service:"):
            return
        if status == "HEALTHY":
            _recovered(task)
        elif status == "UNHEALTHY":
            _replace(task, "Task failed container health checks")

    def _reconcile(self, cluster_name: str, svc_key: str) -> None:
        service = ecs._services.get(svc_key)
        primary = ecs._primary_deployment(service) if service and service["status"] == "ACTIVE" else None
        if primary is None:
            return
        with self._lock:
            replicas = [
                Replica(
                    arn,
                    current=task.get("_deployment_id") == primary["id"],
                    healthy=task["lastStatus"] == "RUNNING" and FAILING not in task and self.passed(svc_key, task),
                    failing=FAILING in task,
                    created=task["createdAt"],
                )
                for arn, task in list(ecs._tasks.items())
                if services.key_of(task) == svc_key and ecs._task_is_active(arn, task)
            ]
            self._do(service, primary, step(_wanted(service, primary), replicas))
        ecs._refresh_service_state(cluster_name, f"service:{service['serviceName']}")
        ecs._recount_cluster(cluster_name)
        if service["desiredCount"] == 0:
            # No task will turn healthy and complete it.
            ecs._complete_service_deployment(cluster_name, svc_key)

    def _do(self, service: dict[str, Any], primary: dict[str, Any], decided: Step) -> None:
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


def _replace(task: Task, reason: str) -> bool:
    """Have an unhealthy task replaced, unless it is new; false where that is so or under way already."""
    # Seconds after its start in which an unhealthy task is not replaced.
    grace = float((services.of_task(task) or {}).get("healthCheckGracePeriodSeconds") or 0)
    age = time.time() - float(ecs._ts_to_epoch(task.get("startedAt") or task["createdAt"]))
    if FAILING in task or age < grace or not ecs._task_is_active(task["taskArn"], task):
        return False
    task[FAILING] = reason
    task["_startup_stable"] = False
    # It may pause, and the checks of other tasks must not wait for that.
    concurrency.spawn_background(ecs._record_service_task_failure, task, thread_name="task-replacement")
    return True


def _recovered(task: Task) -> None:
    """Let the scheduler look whether a task that turned healthy completes its deployment."""
    task.pop(FAILING, None)
    key, (_, _, _, region, account, _) = services.key_of(task), task["taskArn"].split(":", 5)
    ecs._schedule_service_deployment_completion(key.split("/", 1)[0], key, account, region, healthy_task=task)


def _rollout(svc_key: str) -> str | None:
    """The rollout state of a service's PRIMARY deployment."""
    primary = ecs._primary_deployment(ecs._services.get(svc_key) or {})
    return primary["rolloutState"] if primary else None


def _drop_failed(svc_key: str) -> None:
    """A failed deployment leaves the list once the service is steady on another one."""
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


def _wanted(service: dict[str, Any], primary: dict[str, Any]) -> Wanted:
    configuration = service.get("deploymentConfiguration") or {}
    definition = ecs._task_defs.get(ecs._resolve_td_key(primary["taskDefinition"])) or {}
    return Wanted(
        desired=service["desiredCount"],
        maximum_percent=int(configuration.get("maximumPercent", 200)),
        minimum_percent=int(configuration.get("minimumHealthyPercent", 100)),
        state=primary["rolloutState"],
        one_first=bool(ecs._deployment_needs_first_task(primary, definition, service)),
    )
