"""How a task stops: it leaves its target groups, drains, gets SIGTERM, then SIGKILL; its exit code is its own.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (stopCode)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Final, Literal

from rehearsal.emulator.ecs import services
from rehearsal.emulator.ecs.task_definitions import containers_of, refused
from rehearsal.emulator.elbv2.targets import Targets
from rehearsal.emulator.happenings import Told
from rehearsal.emulator.ministack import alb, concurrency, ecs, ecs_metadata, responses
from rehearsal.emulator.seams import original
from rehearsal.runtimes import Runtime
from rehearsal.runtimes.task import DEFAULT_STOP_TIMEOUT, stop_timeout

StopCode = Literal["ServiceSchedulerInitiated", "SpotInterruption", "TerminationNotice", "UserInitiated"]
# What takes a task's host from it → its reason and code.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
HOSTS: Final[dict[str, tuple[str, StopCode]]] = {
    "retired-host": (
        "ECS is performing maintenance on the underlying infrastructure hosting the task.",
        "TerminationNotice",
    ),
    "spot-interruption": ("Your Spot Task was interrupted.", "SpotInterruption"),
}
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
ESSENTIAL_EXITED: Final = "Essential container in task exited"
Task = dict[str, Any]

# The last lines of a container arrive in CloudWatch Logs within this time after its end, in seconds.
LOG_GRACE = 3.0


class Stopping:
    """Stops tasks in the background, as the scheduler and StopTask ask for it."""

    def __init__(self, runtime: Runtime, targets: Targets) -> None:
        self.runtime = runtime
        self.targets = targets
        # Container id → the thread that carries its output to CloudWatch Logs.
        self._forwarders: dict[str, threading.Thread] = {}

    def mark_task_stopped(
        self, task_arn: str, task: Task, reason: str, stop_code: str, exit_code: int | None = None
    ) -> Any:  # noqa: ANN401 (ministack's answer)
        """The end of a task that exits by itself: with its log whole, and the kernel's reason at its container.

        Each container keeps its own exit code: ministack would give the others that of the one that ended.
        """
        containers = list(task.get("_docker_ids") or [])
        self._logged(containers)
        self._explain(task, containers)
        reason = ESSENTIAL_EXITED if stop_code == "EssentialContainerExited" else reason
        stopped = original("services.ecs", "_mark_task_stopped")(task_arn, task, reason, stop_code)
        if stopped:
            self._in_background(self._discard_all, task, containers)
        return stopped

    def start_awslogs_forwarder(self, container: Any, cdef: dict[str, Any], task_id: str) -> None:  # noqa: ANN401
        """ministack's, remembered by the container whose end waits for it."""
        before = set(threading.enumerate())
        original("services.ecs", "_start_awslogs_forwarder")(container, cdef, task_id)
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(f"ministack-ecs-awslogs-{task_id[:8]}"):
                self._forwarders[container.id] = thread

    def begin(self, task: Task, reason: str, code: StopCode) -> bool:
        """Set a task to stop and answer at once; the rest goes on in the background.

        False where it is stopping or stopped already.
        """
        arn = task["taskArn"]
        with concurrency.resource_lock("ecs-task", arn):
            if not ecs._task_is_active(arn, task):
                return False
            ecs._bump_task_version(task)
            was = task["lastStatus"]
            task["desiredStatus"] = "STOPPED"
            task["lastStatus"] = "DEACTIVATING"
            task["stoppingAt"] = ecs._iso()
            task["stoppedReason"], task["stopCode"] = reason, code
        ecs_metadata.set_task_status(arn, desired_status="STOPPED")
        _recounted(task)
        if service := services.of_task(task):
            services.tell_stop(service, task, was)
        self._in_background(self._finish, task)
        return True

    def _finish(self, task: Task) -> None:
        arn = task["taskArn"]
        if address := ecs._task_ip(task):
            self.targets.drain(address, _deregistration_delay(task))
        task["lastStatus"] = "STOPPING"
        definitions = {one["name"]: one for one in containers_of(task["taskDefinitionArn"])}
        for container in task["containers"]:
            timeout = stop_timeout(definitions.get(container["name"], {}))
            container["exitCode"] = self._discard(container.get("runtimeId"), task, timeout)
            container["lastStatus"] = "STOPPED"
        with concurrency.resource_lock("ecs-task", arn):
            for token in task.get("_metadata_tokens") or []:
                ecs_metadata.unregister_token(token)
            task["_docker_ids"], task["_metadata_tokens"] = [], []
            for _ in ("DEPROVISIONING", "STOPPED"):
                ecs._bump_task_version(task)
            task["lastStatus"] = "STOPPED"
            task["stoppedAt"] = task["executionStoppedAt"] = ecs._iso()
        _recounted(task)

    def stop_task(self, data: dict[str, Any]) -> Any:  # noqa: ANN401
        """What ministack's scheduler calls; ECS gives these tasks a reason that names the deployment."""
        task = ecs._resolve_task(data["task"], ecs._resolve_cluster_name(data["cluster"]))
        if task is not None:
            deployment = task.get("_deployment_id") or "unknown"
            self.begin(task, f"Scaling activity initiated by (deployment {deployment})", "ServiceSchedulerInitiated")
        return responses.json_response({"task": ecs._sanitize(task or {})})

    def stop_task_by_user(self, data: dict[str, Any]) -> Any:  # noqa: ANN401
        """StopTask: "the service scheduler ... starts a replacement" for a service's task."""
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster is None:
            return refused("Cluster not found.", "ClusterNotFoundException")
        task = ecs._resolve_task(data.get("task", ""), cluster)
        if task is None:
            return refused("The referenced task was not found.", "InvalidParameterException")
        self._stop_and_replace(task, data.get("reason") or "Task stopped by user", "UserInitiated")
        return responses.json_response({"task": ecs._sanitize(task)})

    def retire(self, told: Told) -> str:
        """Take their hosts from so many running tasks of a service; why not, where there are too few."""
        wanted, times = f"service:{told.service}", told.times or 1
        running = [
            (key, task)
            for key, task in ecs._tasks.all_items()
            if task["lastStatus"] == "RUNNING" and str(task.get("group")).startswith(wanted)
            if not told.service or task["group"] == wanted
        ]
        if len(running) < times:
            return f"{len(running)} tasks of {told.service or 'services'} run, not {times}"
        for (account, region, _), task in running[:times]:
            with responses.request_scope(account, region):
                self._stop_and_replace(task, *HOSTS[told.kind])
        return ""

    def _stop_and_replace(self, task: Task, reason: str, code: StopCode) -> None:
        self.begin(task, reason, code)
        if services.of_task(task):
            ecs._reconcile_service_tasks(ecs._cluster_name_from_arn(task["clusterArn"]), services.key_of(task))

    def _discard(self, short_id: str | None, task: Task, timeout: float) -> int | None:
        full = next((i for i in task.get("_docker_ids") or [] if short_id and i.startswith(short_id)), None)
        if full is None:
            return None
        code = self.runtime.discard(full, timeout)
        self._logged([full])
        return code

    def _explain(self, task: Task, containers: Iterable[str]) -> None:
        """Write into each container why the kernel ended it."""
        for container in containers:
            reason = self.runtime.reason(container)
            for described in task["containers"]:
                if reason and container.startswith(described.get("runtimeId") or "-"):
                    described["reason"] = reason

    def _discard_all(self, task: Task, containers: Iterable[str]) -> None:
        """The other containers of a task whose essential one has exited stop with it."""
        timeout = max((stop_timeout(c) for c in containers_of(task["taskDefinitionArn"])), default=DEFAULT_STOP_TIMEOUT)
        for container in containers:
            code = self.runtime.discard(container, timeout)
            for described in task["containers"]:
                if container.startswith(described.get("runtimeId") or "-") and described.get("exitCode") is None:
                    described["exitCode"] = code
        if address := ecs._task_ip(task):
            self.targets.drain(address, 0)

    def _logged(self, containers: Iterable[str]) -> None:
        """Wait until what the ended containers wrote has arrived in CloudWatch Logs."""
        for container in containers:
            thread = self._forwarders.pop(container, None)
            if thread is not None and thread is not threading.current_thread():
                thread.join(LOG_GRACE)

    @staticmethod
    def _in_background(work: Any, *arguments: Any) -> None:  # noqa: ANN401
        concurrency.spawn_background(work, *arguments, thread_name="task-stop")


def _recounted(task: Task) -> None:
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    if cluster:
        ecs._recount_cluster(cluster)
        ecs._refresh_service_state(cluster, task.get("group", ""))


def _deregistration_delay(task: Task) -> float:
    """The longest delay of the service's target groups, in seconds; 0 without one."""
    delays = [
        float(attribute["Value"])
        for balancer in (services.of_task(task) or {}).get("loadBalancers") or []
        for attribute in alb._tg_attrs.get(balancer.get("targetGroupArn"), [])
        if attribute["Key"] == "deregistration_delay.timeout_seconds"
    ]
    return max(delays, default=0.0)
