"""Runs the health checks of the containers of a running task."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rehearsal.emulator.scheduler.container_health import ContainerCheck, Status, checked, of_task, started
from rehearsal.runtimes import Runtime

Task = dict[str, Any]
# How often a task is looked at for whether it still runs, in seconds.
TICK = 0.1


class ContainerChecks:
    """One thread for each container with a check, as long as its task is active."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Called with the task when its health has changed.
        self.listeners: list[Callable[[Task, Status], None]] = []

    def install(self) -> None:
        """Begin when a task reaches RUNNING."""
        from ministack.core.concurrency import spawn_background
        from ministack.services import ecs

        mark_running = ecs._mark_task_running

        def mark_task_running(task_arn: str, task: Task) -> Any:  # noqa: ANN401
            running = mark_running(task_arn, task)
            if running:
                for described, check in checks(task):
                    spawn_background(self._watch, task, described, check, thread_name="container-health")
            return running

        ecs._mark_task_running = mark_task_running

    def _watch(self, task: Task, described: Task, check: ContainerCheck) -> None:
        from ministack.services import ecs

        health = started(time.monotonic())
        container = next(i for i in task["_docker_ids"] if i.startswith(described["runtimeId"]))
        while ecs._task_is_active(task["taskArn"], task):
            if time.monotonic() < health.due:
                time.sleep(TICK)
                continue
            passed = self._runtime.check(container, check.command, check.timeout)
            health = checked(health, check, passed, time.monotonic())
            described["healthStatus"] = health.status
            before, task["healthStatus"] = task["healthStatus"], status(task)
            if task["healthStatus"] == "UNHEALTHY" or task["healthStatus"] != before:
                for listener in self.listeners:
                    listener(task, task["healthStatus"])


def checks(task: Task) -> list[tuple[Task, ContainerCheck]]:
    """The containers of a task, as DescribeTasks names them, that have a check."""
    from ministack.services import ecs

    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    found = zip(task["containers"], definition.get("containerDefinitions") or [], strict=False)
    return [(described, check) for described, container in found if (check := ContainerCheck.of(container))]


def status(task: Task) -> Status:
    """The health of a task."""
    essential = dict(zip((c["name"] for c in task["containers"]), task["_container_essentials"], strict=False))
    return of_task(described["healthStatus"] for described, _ in checks(task) if essential[described["name"]])
