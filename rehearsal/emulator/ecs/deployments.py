"""How a deployment begins, goes on and ends: its tasks, healthy targets, its id on its tasks, and out of the list.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from __future__ import annotations

import secrets
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
from rehearsal.emulator.happenings import Happenings
from rehearsal.emulator.ministack import alb, concurrency, ecs, responses
from rehearsal.emulator.seams import original

Record = dict[str, Any]
# The reason for which an unhealthy task is to be replaced, on the task itself.
FAILING: Final = "_failing"
# "If tasks ... repeatedly fail to enter the RUNNING state ..., the time between subsequent restart attempts is
# incrementally increased"; "If you update your service to use a new task definition, your service returns to a normal,
# non-throttled state immediately": developerguide/service-throttle-logic.html. It grows to minutes there.
FREE_FAILURES: Final = 10
LONGEST_PAUSE: Final = 30.0
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
COMPLETED: Final = "ECS deployment {} completed."
ROLLING_BACK: Final = "ECS deployment circuit breaker: rolling back to deploymentId {}."
FAILED: Final = "ECS deployment circuit breaker: tasks failed to start."


class Deployments:
    """Joins ministack's rolling update to the health of targets and containers, and has the history look at each step.

    The methods with the names of ministack's functions stand in their places; each says in its order what it does.
    """

    def __init__(
        self, targets: Targets, containers: ContainerChecks, stopping: Stopping, happenings: Happenings
    ) -> None:
        self.targets = targets
        self.history = History()
        self._containers = containers
        self._stopping = stopping
        self._happenings = happenings
        # Failures to reach RUNNING, by the service's ARN and its task definition.
        self._failures: Counter[tuple[str, str]] = Counter()
        # Deployments that are being rolled back, by their ids, with the id of the one that they are rolled back to.
        self._rolling_back: dict[str, str] = {}
        # The ids of deployments that have been steady.
        self._completed: set[str] = set()
        # Two at once would both start what is missing.
        self._lock = threading.RLock()
        targets.listeners.append(self._target_changed)
        containers.listeners.append(self._container_changed)

    def make_deployment(self, task_definition: str, desired_count: int, status: str = "PRIMARY") -> Any:  # noqa: ANN401
        """A new service is being deployed too, until its tasks are healthy."""
        deployment = original("services.ecs", "_make_deployment")(task_definition, desired_count, status)
        deployment["id"] = f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}"
        deployment["rolloutState"] = "IN_PROGRESS"
        deployment["rolloutStateReason"] = services.IN_PROGRESS.format(deployment["id"])
        return deployment

    def reconcile_service_tasks(self, cluster_name: str, svc_key: str) -> None:
        """The next step for the service ``cluster/name``, looked at before: a deployment is recorded before its tasks.

        In the place of ministack's own rule, which stops an unhealthy task before it starts another, empties a
        service whose deployment failed, and may stop healthy tasks while unhealthy ones are there.
        """
        self.history.look(svc_key)
        self._reconcile(cluster_name, svc_key)
        self.history.look(svc_key)

    def mark_task_running(self, task_arn: str, task: Task) -> Any:  # noqa: ANN401 (ministack's answer)
        """Its containers' checks begin, and it is in its service's target groups."""
        running = self._containers.mark_task_running(task_arn, task)
        if running and (service := services.of_task(task)):
            for group in services.target_groups(service):
                services.tell(service, services.REGISTERED.format(group=group))
        return running

    def record_service_task_healthy(self, svc_key: str, task: Task) -> None:
        """Only with healthy targets and containers; then failures begin anew."""
        if self.passed(svc_key, task):
            self._failures.pop(_throttled(task), None)
            original("services.ecs", "_record_service_task_healthy")(svc_key, task)

    def record_service_task_failure(self, task: Task, digest_resolution_failed: bool = False) -> None:
        """Pause where tasks keep failing to start, count the failure, break the circuit, replace the task, look.

        In the place of ministack's own, which has the deployment FAILED at once: AWS first brings the last completed
        one back and says so of that one.
        """
        service, key = services.of_task(task), services.key_of(task)
        if service is None or service["status"] != "ACTIVE":
            return
        self._pause(service, task)
        with concurrency.resource_lock("ecs-service", key):
            ours = ecs._primary_deployment(service)
            if ours and task.get("_deployment_id") == ours["id"] and ours["rolloutState"] == "IN_PROGRESS":
                ours["failedTasks"] = int(ours.get("failedTasks", 0)) + 1
                breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
                many = digest_resolution_failed or ours["failedTasks"] >= ecs._circuit_breaker_threshold(service)
                if breaker.get("enable") and many:
                    services.tell(service, services.FAILED.format(deployment=ours["id"]))
                    before = self.last_completed(service) if breaker.get("rollback") else None
                    if before is None:
                        ours.update(rolloutState="FAILED", rolloutStateReason=FAILED, updatedAt=ecs._iso())
                    else:
                        self.roll_back(service, before, ROLLING_BACK, FAILED)
        ecs._reconcile_service_tasks(key.split("/", 1)[0], key)
        self.history.look(key)

    def _pause(self, service: Record, task: Task) -> None:
        """Throttle tasks that never reach RUNNING."""
        if task.get("startedAt"):
            return
        self._failures[_throttled(task)] += 1
        excess = self._failures[_throttled(task)] - FREE_FAILURES
        if excess == 1:
            services.tell(service, services.THROTTLED)
        if excess > 0:
            time.sleep(min(2.0**excess, LONGEST_PAUSE))

    def last_completed(self, service: Record) -> Record | None:
        """The deployment that a service is rolled back to; one that was rolled back to just now is one, too."""
        others = (one for one in service["deployments"] if one["status"] != "PRIMARY")
        return next((one for one in others if one["id"] in self._completed), None)

    def roll_back(self, service: Record, before: Record, reason: str, ended: str) -> None:
        """Make an earlier deployment the PRIMARY one again; the other stays ACTIVE and IN_PROGRESS for a while.

        To be called with the service's lock. As AWS was seen to: ACTIVE and IN_PROGRESS for up to 1¾ minutes, then
        FAILED for the reason ``ended``, then gone. ``reason`` is the earlier one's, with a place for its id.
        """
        ours = ecs._primary_deployment(service)
        services.tell(service, services.ROLLING_BACK.format(deployment=before["id"]))
        ours.update(status="ACTIVE", updatedAt=ecs._iso())
        before.update(
            status="PRIMARY",
            desiredCount=service["desiredCount"],
            rolloutState="IN_PROGRESS",
            rolloutStateReason=reason.format(before["id"]),
            updatedAt=ecs._iso(),
        )
        service["taskDefinition"] = before["taskDefinition"]
        others = [one for one in service["deployments"] if one is not before]
        service["deployments"] = [before, *others]
        self._rolling_back[ours["id"]] = before["id"]
        scope = responses.get_account_id(), responses.get_region()
        concurrency.spawn_background(self._end_rollback, service, ours, ended, scope, thread_name="rollback")

    def _end_rollback(self, service: Record, ours: Record, reason: str, scope: tuple[str, str]) -> None:
        time.sleep(self._happenings.rollback)
        ours.update(desiredCount=0, rolloutState="FAILED", rolloutStateReason=reason, updatedAt=ecs._iso())
        self._rolling_back.pop(ours["id"], None)
        cluster = ecs._cluster_name_from_arn(service["clusterArn"])
        with responses.request_scope(*scope):
            ecs._schedule_service_deployment_completion(cluster, f"{cluster}/{service['serviceName']}", *scope)

    def complete_service_deployment(
        self, cluster_name: str, svc_key: str, expected_deployment_id: str | None = None
    ) -> None:
        """Complete, unless it is rolled back to and that is not over; tell it, drop what failed before, look."""
        primary = _primary(svc_key) or {}
        if primary.get("id") in self._rolling_back.values():
            return
        before = primary.get("rolloutState")
        original("services.ecs", "_complete_service_deployment")(cluster_name, svc_key, expected_deployment_id)
        if before == "IN_PROGRESS" and primary["rolloutState"] == "COMPLETED":
            self._completed.add(primary["id"])
            primary["rolloutStateReason"] = COMPLETED.format(primary["id"])
            services.tell(ecs._services[svc_key], services.DEPLOYED.format(deployment=primary["id"]))
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
        groups = services.target_groups(ecs._services.get(svc_key) or {})
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
                told = {"task": services.task_id(task), "port": port, "group": group, "reason": problem}
                services.tell(ecs._services[services.key_of(task)], services.UNHEALTHY_TARGET.format(**told))

    def _container_changed(self, task: Task, status: Status) -> None:
        if not str(task.get("group", "")).startswith("service:"):
            return
        if status == "HEALTHY":
            _recovered(task)
        elif status == "UNHEALTHY" and _replace(task, "Task failed container health checks"):
            told = services.UNHEALTHY_CONTAINER.format(task=services.task_id(task))
            services.tell(ecs._services[services.key_of(task)], told)

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

    def _do(self, service: Record, primary: Record, decided: Step) -> None:
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


def _throttled(task: Task) -> tuple[str, str]:
    """What failures to start are counted for: the service and its task definition."""
    return str((services.of_task(task) or {}).get("serviceArn")), task["taskDefinitionArn"]


def _primary(svc_key: str) -> Record | None:
    found: Record | None = ecs._primary_deployment(ecs._services.get(svc_key) or {})
    return found


def _drop_failed(svc_key: str) -> None:
    """A failed deployment leaves the list once the service is steady on another one."""
    service, primary = ecs._services.get(svc_key), _primary(svc_key)
    if primary is None or primary["rolloutState"] != "COMPLETED":
        return
    service["deployments"] = [
        d
        for d in service["deployments"]
        if d is primary or d.get("rolloutState") != "FAILED" or d.get("runningCount") or d.get("pendingCount")
    ]


def _wanted(service: Record, primary: Record) -> Wanted:
    configuration = service.get("deploymentConfiguration") or {}
    definition = ecs._task_defs.get(ecs._resolve_td_key(primary["taskDefinition"])) or {}
    return Wanted(
        desired=service["desiredCount"],
        maximum_percent=int(configuration.get("maximumPercent", 200)),
        minimum_percent=int(configuration.get("minimumHealthyPercent", 100)),
        state=primary["rolloutState"],
        one_first=bool(ecs._deployment_needs_first_task(primary, definition, service)),
    )
