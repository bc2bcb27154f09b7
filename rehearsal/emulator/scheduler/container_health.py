"""When a container counts as healthy: the decision, apart from running its check.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

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
