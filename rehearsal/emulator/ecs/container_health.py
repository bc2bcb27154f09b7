"""A container's own health check: when it counts as healthy, and how the checks of a running task are run.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from rehearsal.emulator.ecs.task_definitions import containers_of
from rehearsal.emulator.ministack import concurrency, ecs
from rehearsal.emulator.seams import original
from rehearsal.runtimes import Runtime

Status = Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]

# A new container is asked this often until it passes for the first time, in seconds. ECS waits a whole interval;
# a rehearsal that did would take longer and prove nothing more.
FIRST_INTERVAL: Final = 0.5


@dataclass(frozen=True)
class ContainerCheck:
    """A container definition's ``healthCheck`` with ECS's defaults; times in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> ContainerCheck | None:
        """The check of a container definition; None where it has none."""
        given = container.get("healthCheck") or {}
        kind, *rest = given.get("command") or ["NONE"]
        if kind == "NONE":
            return None
        shell = ("/bin/sh", "-c", *rest)
        return cls(
            command=shell if kind == "CMD-SHELL" else tuple(rest) if kind == "CMD" else (kind, *rest),
            interval=float(given.get("interval") or 30),
            timeout=float(given.get("timeout") or 5),
            retries=int(given.get("retries") or 3),
            start_period=float(given.get("startPeriod") or 0),
        )


@dataclass(frozen=True)
class Health:
    """What is known of one container; times on a monotonic clock in seconds."""

    status: Status
    started: float
    due: float
    failures: int = 0


def started(now: float) -> Health:
    """A container that has just been started."""
    return Health("UNKNOWN", started=now, due=now)


def checked(health: Health, check: ContainerCheck, passed: bool, now: float) -> Health:
    """The container after a check.

    Failures count once it has passed, or once startPeriod is over; then
    ``retries`` of them in a row make it unhealthy.
    """
    if passed:
        return Health("HEALTHY", health.started, now + check.interval)
    if health.status == "UNKNOWN":
        if now - health.started >= check.start_period + check.interval * check.retries:
            return replace(health, status="UNHEALTHY", due=now + check.interval)
        return replace(health, due=now + FIRST_INTERVAL)
    failures = health.failures + 1
    status: Status = "UNHEALTHY" if failures >= check.retries else health.status
    return replace(health, status=status, due=now + check.interval, failures=failures)


def of_task(essential: Iterable[Status]) -> Status:
    """A task's health from that of its essential containers that have a check."""
    statuses = set(essential)
    if "UNHEALTHY" in statuses:
        return "UNHEALTHY"
    return "HEALTHY" if statuses == {"HEALTHY"} else "UNKNOWN"


Task = dict[str, Any]
# How often a task is looked at for whether it still runs, in seconds.
TICK = 0.1


class ContainerChecks:
    """One thread for each container with a check, as long as its task is active."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Called with the task when its health has changed.
        self.listeners: list[Callable[[Task, Status], None]] = []

    def mark_task_running(self, task_arn: str, task: Task) -> Any:  # noqa: ANN401 (ministack's answer)
        """Begin when a task reaches RUNNING."""
        running = original("services.ecs", "_mark_task_running")(task_arn, task)
        if running:
            for described, check in checks(task):
                concurrency.spawn_background(self._watch, task, described, check, thread_name="container-health")
        return running

    def _watch(self, task: Task, described: Task, check: ContainerCheck) -> None:
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
    """The started containers of a task, as DescribeTasks names them, that have a check."""
    found = {one["name"]: ContainerCheck.of(one) for one in containers_of(task["taskDefinitionArn"])}
    started = [one for one in task["containers"] if one.get("runtimeId")]
    return [(described, check) for described in started if (check := found.get(described["name"]))]


def status(task: Task) -> Status:
    """The health of a task."""
    definitions = containers_of(task["taskDefinitionArn"])
    essential = {one["name"] for one in definitions if one.get("essential", True)}
    return of_task(described["healthStatus"] for described, _ in checks(task) if described["name"] in essential)
